// Package lineindex records which lines are in log files, and where. The files themselves contain
// nothing but lines, so the names of lines, which come from their envelopes (package envelope), are
// kept in an index beside each file.
//
//	/data/logs/www1/access.log           the log
//	/data/logs/www1/.access.log.index    its index: the name and length of each line
//	/data/logs/.logsub-1a2b3c4d.seen     the ledger of a template: which lines have come
//
// # Where to look
//
//	format.go             the bytes of an index, and their encoder and decoder
//	paths.go              names of indexes and ledgers
//	writer.go             [Writer]: the index of one file that is being written
//	ledger.go             [Ledger]: which lines of a template have come, over a restart
//	repair.go             making an index and its file agree after a crash
//	reader.go, lines.go   reading indexes and files, and sets of lines
//	verify.go             [Verify]: comparing files with their indexes
//	missing.go            [Verify]: finding lines that are in no file
//	source.go             [Source]: where another host's files are read, such as a directory
//	fill.go, series.go    [Fill]: copying missing lines from another log host
//	merge.go, cursor.go   the order in which lines of two hosts are merged
//	reorder.go            taking over the order of another log host
//	swap.go               files of a series that are replaced together
//	output.go             a file that is replaced together with its index
//
// A [Ledger] holds the numbers of the lines that have come, as ranges, how far the numbers of each
// stream went, as its publisher says, and since when a log has an index: streams that are younger
// should have come from their first line on. It is written as a whole from time to time (a
// checkpoint). An index that grows after that is first named in the ledger. So a start reads the
// ledger, and from these indexes what was added since.
//
// # Guarantees
//
//   - A line is in the index before it is in the file. Whatever kills the program, repair truncates
//     the index to what the file contains, and the file to whole lines. Then both contain the same
//     lines.
//   - A line that the ledger knows is in a file, or was left out on purpose. A line in a file is
//     known after the next start, whatever the moment the program was killed at.
//   - An index follows its file: when the file is cut by size, renamed in its directory by another
//     program, or compressed. Offsets in an index count the whole content.
//   - Bytes that no index describes (older lines, lines without envelope) stay as they are, except
//     part of a line at the end of a file.
//   - The decoder accepts any bytes without panic, and allocates no more than their length.
//
// # Limits
//
// A power cut may take what was not synced. With [logfile.SyncWrites], index and file are as after a
// kill. With [logfile.SyncClose] and an interval, all that was synced is kept, and a line of the last
// interval is written when it comes again; what was left of it may be there, too, as bytes without
// names. With [logfile.SyncNever], the ledger may know lines that are in no file.
//
// A file that is moved to another directory, or compressed by another program, loses its index.
// Editing a file makes its index wrong; [Verify] finds that.
//
// A line costs about 3 bytes of index, or 5 where publishers alternate. A ledger holds [MaxStreams]
// streams with up to 256 ranges of numbers each. Streams that were silent for [ForgetAfter] are
// forgotten, and those silent for the longest. A start reads up to 16 MiB of indexes.
//
// # How to debug
//
// Verify reports what is wrong. A file that is not an index or a ledger is renamed to end with .bad,
// and a new one begins. You may remove a ledger or an index while no program uses it: then lines may
// be written again.
//
// # Errors
//
// [ErrDamaged], and [logfile.ErrLocked] if another program uses the ledger.
//
// # References
//
// docs/logs/logsub.md, "Lines with envelopes". The formats are in format.go and ledger.go.
package lineindex
