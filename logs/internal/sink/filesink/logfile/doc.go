// Package logfile appends records to one log file: in order, each whole, through full disks and
// rotation.
//
// # Guarantees
//
//   - Records are written in order, each once and whole, through full disks, short writes and
//     reopening: after an error, writing continues at the byte where it stopped.
//   - Append never fails and waits for one write at most. While the file cannot be written, records
//     wait in memory, up to [Options.LimitBytes]; beyond that the newest are dropped and counted. A
//     [Budget] bounds the sum over several files.
//   - A file is locked while it is open (flock), so that two writers do not mix their lines, unless
//     [Options.NoLock] is set.
//   - A record never follows part of a line: a file that ends in the middle of one, after a kill or
//     a full disk, gets a newline first, or with a [Journal] loses the part. A record without a
//     newline that this process has written is followed as it is.
//   - A released file ([File.Release]) holds no descriptor and loses nothing.
//   - A relative path is resolved once, when the file is first opened.
//
// # Limits
//
// Without [Options.Sync], data that the kernel has taken survives a crash of the process but not of
// the machine. Directories are made only below [Options.Base]. Systems without flock (Solaris, AIX,
// Windows) lock nothing. A file belongs to one goroutine; [File.Stats] may be called from any.
//
// # Errors
//
// All errors are *[Error], with the path and what to do. Callers can test for [ErrLocked].
//
// # References
//
// docs/spec/spreadlogd.md §12, §13.
package logfile
