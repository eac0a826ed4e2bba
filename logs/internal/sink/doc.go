// Package sink is where log lines go: files that are appended to.
//
// # What a file guarantees
//
//   - What is appended is written in order, each record once and whole, over
//     full disks, short writes and reopening: after an error writing goes on at the byte
//     where it stopped.
//   - Appending never fails and never waits for more than a write. While the file cannot be written, records wait in
//     memory, [Options.LimitBytes] at most; beyond that the newest are dropped and counted.
//   - A file is locked while it is open (flock), so that two writers do not mix their lines, unless
//     [Options.NoLock] says not to.
//     A [Budget] bounds what waits for several files together.
//   - A released file ([File.Release]) holds no descriptor, and loses nothing by it.
//   - A path is opened where it was when the file was first opened, whatever the working directory is later.
//
// # What it does not
//
// Without [Options.Sync] what the kernel has taken survives the end of the
// program, but not of the machine. It makes directories only below [Options.Base]. Where a system has no flock
// (Solaris, AIX, Windows) nothing is locked. A file is for one goroutine, its [File.Stats] for all.
//
// # Errors
//
// [ErrLocked] is the one that callers may want to tell apart; all are *[Error]
// with the path and what to do.
//
// # References
//
// docs/spec/spreadlogd.md §12, §13.
package sink
