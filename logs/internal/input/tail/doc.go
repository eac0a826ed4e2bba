// Package tail follows log files through their rotation. It saves its position on disk, so that a restart loses and repeats
// nothing.
//
// # How it follows
//
// A file is identified by device, inode, its first bytes and those before the offset, because inodes are
// reused and files can begin with the same header. When the path has another file (rotation by
// rename), the new one is read from its beginning. The old one is read until a minute after its last
// growth, because workers of a web server that restarts gracefully still write to it. When the file is
// shorter than what was read of it, or has something else there (rotation by copy-truncate), the unread
// part is taken from its copy, which the same bytes identify; then the file is read from its beginning.
// After a restart the same rules find what was written meanwhile.
//
// A follower that did not run, or whose taker waited, can find that the file was rotated several times.
// It then reads the rotated files that came between, oldest first, each to its end. Rotated files have
// the name of the log with a number or a date added at its end or in front of its ending; those of a
// symbolic link also that of the file to which it points. They may be compressed (gzip, zstd, bzip2).
// Where the file that was read last is among them, their names say which are newer;
// otherwise, and for files that are named by another scheme, the times of change do.
//
// The position of a file that is not there is kept until another file is at the path. A follower without
// position that is to read only new lines skips what a file had before it first looked for it.
//
// # The journal
//
// A [JournalFollower] follows the journal of systemd by running journalctl. Its position is the journal's cursor of the last safe
// line, with the names of the lines up to it.
//
// # When it looks
//
// A [Watcher] wakes followers when the system announces a change: on Linux by inotify, of directories. Elsewhere, and on network
// file systems, whose changes come from other hosts, it checks active files ten times a second and idle ones less often. Watched
// files are checked as well, every 1 to 10 seconds by their number: nothing announces a new mount, or growth through a hard link
// in another directory. A file that grows unannounced is polled while it does. Only files with something to read have a buffer.
//
// # What it guarantees
//
//   - Whole lines, in the order of each file. The beginning of a line waits for its end. A line that is longer than
//     [Config.MaxLine] is cut.
//   - The position on disk is never beyond a line that the taker has not called safe. It is written to another file that is then
//     renamed, with a checksum. After a kill, lines are repeated that were passed on and not yet recorded: at most those of
//     the last second.
//   - With [Follower.Name], a line that comes again has the same name. Each file has an epoch of its own, which is on disk
//     before its first line is passed on, and the numbers of its streams are saved with the position. So names depend
//     neither on other files nor on when lines were read. A file gets a new epoch if the rules that choose streams have
//     changed.
//
// # What it does not
//
// Copy-truncate itself loses what a program writes between the copy and the truncation. Files that were
// moved to another directory, removed, or compressed in another way are not read. Each such loss that can
// be seen is an event with the file's name or inode. Where the system has no inodes (Windows), files
// count as one if they have the same first 1024 bytes and the same 1024 bytes before the offset.
//
// # Debugging
//
// [Config.OnEvent] is called for each rotation, truncation and loss; losses have an error. The position is
// text.
package tail
