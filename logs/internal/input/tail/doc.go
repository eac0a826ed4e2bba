// Package tail follows log files through their rotation. It saves its position on disk, so that a restart loses and repeats
// nothing.
//
// # How it follows
//
// A file is identified by device, inode and a fingerprint of its first bytes, because inodes are reused. When the path has
// another file (rotation by rename), the new one is read from its beginning. The old one is read until a minute after its last
// growth, because workers of a web server that restarts gracefully still write to it. When the file is shorter than what was read
// of it, or starts with something else (rotation by copy-truncate), the unread part is taken from the copy beside it, which the
// fingerprint identifies; then the file is read from its beginning. After a restart the same rules find what was written
// meanwhile.
//
// Files are checked ten times a second: no notification works on every file system.
//
// # What it guarantees
//
//   - Whole lines, in the order of each file. The beginning of a line waits for its end. A line that is longer than
//     [Config.MaxLine] is cut.
//   - The position on disk is never beyond a line that the taker has not called safe. It is written to another file that is then
//     renamed, with a checksum. After a kill, lines are repeated that were passed on and not yet recorded: at most those of
//     the last second.
//
// # What it does not
//
// A file that appeared and disappeared between two checks of the path is not found; nor is one between two rotations while no
// process followed. Copy-truncate itself loses what a program writes between the copy and the truncation. Copies that were
// compressed, or moved to another directory, are not found, nor are those of a file that had less than 16 bytes when it was last
// recorded. Where the system has no inodes (Windows), the fingerprint alone decides, and files with the same first 1024 bytes
// count as one.
//
// # Debugging
//
// [Config.OnEvent] is called for each rotation, truncation and loss. The position is text.
package tail
