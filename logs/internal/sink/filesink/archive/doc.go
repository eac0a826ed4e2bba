// Package archive looks after log files that are closed: it compresses them, and removes the old
// ones. It works in the background, and never on the way of a line.
//
// # What it guarantees
//
//   - At every moment, whatever ends the program or the machine, a file's lines are in the plain
//     file or in the complete compressed one: a compressed file is written under another name,
//     handed to the disk, and renamed before the plain one is removed.
//   - A crash in between leaves both; the next run finds that the one ends with the other, and
//     removes the plain one.
//   - When a plain file appears beside its compressed one, since late lines came, they are appended
//     to it as a member of their own, as both formats have it. gunzip and zstd -d read on.
//   - Only files that come from the template are touched, and none that is locked ([logfile.Lock])
//     or that the writer has.
//   - A compressed file has the time of the plain one.
//
// # What it does not
//
// Files are removed by their time of last change, and by their number in a series; it does not look
// at how full the disk is. Numbers and ages are kept within a minute or so, not at every moment.
//
// # Limits
//
// One file is compressed at a time, by one goroutine.
//
// # How to debug
//
// What goes wrong is reported to [Config.Report], and tried again at the next scan, an hour later
// at most. Names that begin with a dot and end with .tmp are files that were not finished.
//
// # References
//
// RFC 1952 §2.2 and RFC 8878 §3 (members and frames follow each other).
package archive
