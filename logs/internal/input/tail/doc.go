// Package tail follows log files through their rotation, and keeps on disk how far it has come, so that a
// restart loses and repeats nothing.
//
// # How it follows
//
// A file is known by device, inode and a fingerprint of its first bytes, since inodes are used
// again. When the path has another file (rotation by rename) the new one is read from its beginning, and the
// old one for a minute after its last growth, as workers of a web server that restarts gracefully
// write on. When the file is shorter than what was read of it, or begins with something else (rotation by copy-truncate), what
// was not read is taken from the copy beside it, which the fingerprint tells, and then the file from its beginning. After a
// restart the same rules find what was written meanwhile.
//
// Files are looked at ten times a second; nothing but reading tells of news on every file system.
//
// # What it guarantees
//
//   - Whole lines, in the order of each file. The beginning of a line waits for its end; one that is longer
//     than [Config.MaxLine] is cut, and its rest passed over.
//   - The position on disk never stands behind what the taker of lines has not called safe. It is
//     written to another file that is renamed, with a checksum. A line is repeated after a kill if
//     it was given and not yet noted: what was given in the last second, at most.
//
// # What it does not
//
// A file that came and went between two looks at the path, such as that between two rotations while nothing followed, is not
// found. What a program writes between the copy and the truncation is lost by copy-truncate itself. Copies that were
// compressed, or moved to another directory, are not found, nor are those of a file that had less than 16 bytes
// when it was last noted. Where the system has no inodes (Windows) the fingerprint alone decides, and files of which the first
// 1024 bytes are the same are taken for one.
//
// # Debugging
//
// [Config.OnEvent] is told of each rotation, truncation and loss. The position is text.
package tail
