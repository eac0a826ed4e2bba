// Package archive compresses log files that are closed, and removes old ones. It works in the
// background, and never delays a line.
//
// # Guarantees
//
//   - At every moment, whatever kills the program or the machine, the lines of a file are in the
//     plain file or in the complete compressed one: the compressed file is written under another
//     name, synced, and renamed before the plain one is removed.
//   - A crash in between leaves both files; the next run finds that the one ends with the other,
//     and removes the plain one.
//   - When late lines make a plain file appear beside its compressed one, they are appended to the
//     compressed file as a member of their own, as both formats allow. gunzip and zstd -d read all.
//   - Only files of the template are touched, and none that is locked ([logfile.Lock]) or that the
//     writer has.
//   - A compressed file has the time of the plain one.
//
// # Limits
//
// One file is compressed at a time, by one goroutine. Files are removed by their last change, and
// by their number in a series; the free space on the disk does not count. Counts and ages are
// enforced within a minute or so, not at every moment.
//
// # How to debug
//
// Failures are reported to [Config.Report], and retried at the next scan, an hour later at most.
// Files whose names begin with a dot and end with .tmp are unfinished.
//
// # References
//
// RFC 1952 §2.2 and RFC 8878 §3 (concatenated members and frames).
package archive
