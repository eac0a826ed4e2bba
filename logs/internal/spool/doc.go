// Package spool keeps records on disk, first in first out and bounded in bytes, over
// crashes of the process and of the host. It is where logpub's lines wait for a
// daemon that is away.
//
//	s, found, err := spool.Open(spool.Config{Dir: "/var/spool/logpub/0"})
//	err = s.Append(spool.Record{ID: s.Last() + 1, Lines: 2, Data: data})
//	rec, err := s.Read(1, buf) // the oldest
//	err = s.Ack(rec.ID)        // never again
//
// # Files
//
// A directory has segments, which are only appended to, named by the first ID in them; the file
// "acked", which says up to which ID records have been dealt with; and "lock". A
// segment goes when all of its records are acknowledged. See segment.go and position.go for the
// formats.
//
// # What it guarantees
//
//   - A record for which Append has returned nil is there after the process was killed at any moment,
//     until it is acknowledged or dropped by [Spool.DropOldest].
//   - After a power cut the same holds for what was appended before the last [Spool.Sync]
//     that returned nil, if the disk keeps what it has promised.
//   - A record is returned as it was appended or not at all: head and data have a
//     CRC32C each. A torn tail is cut off by Open and reported; damage further up costs the
//     record, or, if its head is damaged, the rest of the segment, and is reported by Open or by Damage.
//   - A record for which Ack has returned nil is not returned again by this process, nor by
//     the next one after a kill. After a power cut records acknowledged since the last Sync
//     may come again.
//   - An Append that fails leaves the spool as it was, and the next one may work.
//   - The files never hold more than MaxBytes, bar those of positions and lock.
//   - Two processes never use one directory, where the system has file locks (all but Plan 9, js and wasip1).
//
// # What it does not
//
// It does not call fsync by itself, know what is in a record, or order IDs: they have to grow. It runs no
// goroutine. It does not check the data of records when it is opened, which would keep a program from
// starting for seconds: that is done when a record is read.
//
// # Limits
//
// A record has up to 16 MiB ([MaxRecord]). The bound is checked with all of the oldest segment,
// acknowledged records included, so that up to SegmentBytes may lie fallow.
//
// # Debugging
//
// Open returns what it found. Errors are [*Error] with the file and what was being done with it.
package spool
