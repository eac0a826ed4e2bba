// Package spool keeps records on disk, first in first out and bounded in bytes. They survive crashes of the process and of the
// host. Package queue keeps its lines there that have waited for long.
//
//	s, found, err := spool.Open(spool.Config{Dir: "/var/spool/logpub/0"})
//	err = s.Append(spool.Record{ID: s.Last() + 1, Lines: 2, Data: data})
//	rec, err := s.Read(1, buf) // the oldest
//	err = s.Ack(rec.ID)        // never again
//
// # Files
//
// A directory has segments, which are only appended to and named by the first ID in them; the file "acked", which says up to which
// ID records are acknowledged; and "lock". A segment is removed when all of its records are acknowledged. See segment.go and
// position.go for the formats.
//
// # What it guarantees
//
//   - A record for which Append has returned nil survives a kill of the process at any moment, until it is acknowledged or
//     dropped by [Spool.DropOldest].
//   - It survives a power cut, too, if it was appended before the last [Spool.Sync] that returned nil, also by a process before this
//     one, and the disk keeps its promises.
//   - A record is returned as it was appended or not at all: header and data have a CRC32C each. Open cuts off a torn end and
//     reports it. Damage further up loses the record or, if its header is damaged, the rest of the segment; Open or Damage
//     report it.
//   - A record for which Ack has returned nil is not returned again by this process, nor by the next one after a kill. After a
//     power cut, records that were acknowledged since the last Sync may come again; others never.
//   - An Append that fails leaves the spool as it was, and the next one may work.
//   - The segments never take more than MaxBytes.
//   - Two processes never use one directory, where the system has file locks (all but Plan 9, js and wasip1).
//
// # What it does not
//
// It does not call fsync by itself, look into records, or order IDs: the caller's IDs must grow. It runs no goroutine. Open does
// not check the data of records, because that would delay the start of a program by seconds; Read does.
//
// # Limits
//
// A record has up to 16 MiB ([MaxRecord]). The bound includes all of the oldest segment, with its acknowledged records, so up to
// SegmentBytes may be unused.
//
// # Debugging
//
// Open returns what it found. Errors are [*Error], with the operation and the file.
package spool
