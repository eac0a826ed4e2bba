// Package lineindex keeps account of which lines are in log files, and where: by their envelopes (package envelope), in
// an index beside each file, since the files themselves have nothing but the lines.
//
//	/data/logs/www1/access.log           the log
//	/data/logs/www1/.access.log.index    its index: for each line the name and the length
//	/data/logs/.logsub-1a2b3c4d.seen     the ledger of a template: which lines have come
//
// A [Ledger] says which lines of one template have come, as rows of numbers. It is written anew now and then (a checkpoint); each index
// that grows after that is named in it first, so that a start reads the ledger, and of these indexes what came since.
// A [Writer] keeps the index of one file, as the [logfile.Journal] of it.
//
// # What it guarantees
//
//   - A line is in the index before it is in the file. Whatever ends the program, an index that is opened again is cut to what the file
//     has, and the file to whole lines: what is in the one is in the other.
//   - A line that the ledger of a new start knows is in a file, or was passed over on purpose. A line in a file is known
//     to the next start, whichever moment the program was killed at.
//   - An index follows its file: when that is cut by size, when another program renames it in its directory, and when it
//     is compressed. Offsets in it are those of the whole content.
//   - Bytes that no index speaks of (lines that were there before, lines without envelope) are left as they are, but for a part of a line at the
//     end of a file.
//   - A decoder takes any bytes without panic, and allocates no more than they are long.
//
// # What it does not
//
// After the end of the machine, what the disk has of file, index and ledger may be of different ages, unless all was handed to it
// ([logfile.SyncWrites]). Then the index forgets what does not fit, and lines may be written again. A file that is moved to another
// directory, or compressed by another program, loses its index. Who changes a file makes its index wrong, which
// [Verify] tells.
//
// # Limits
//
// A line costs about 3 bytes of index, 5 where lines of several publishers take turns. A ledger knows [MaxStreams] streams, each as 256 rows of
// numbers at most; those that were silent for [ForgetAfter], or the longest, are forgotten. A start
// reads at most 16 MiB of indexes.
//
// # How to debug
//
// Verify says what is wrong. An index that is none is renamed to end with .bad, and begun anew. A ledger or index may be
// removed while no program has it: then lines that came before may be written again.
//
// # Errors
//
// [ErrDamaged], and logfile.ErrLocked if another program has the ledger.
//
// # References
//
// docs/logs/logsub.md, "Lines with envelopes"; the formats are in format.go and ledger.go.
package lineindex
