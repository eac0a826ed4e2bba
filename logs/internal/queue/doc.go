// Package queue is where lines wait: first in memory, then in a spool on disk, and when both are full they are dropped
// and counted by reason. logpub has one queue for its daemon, logsub one for each sink that may be slow or away.
//
// Both uses share everything but the content of a block and how it is delivered:
//
//	q, err := queue.Open(queue.Config{Spool: "/var/spool/logsub/mysql"})  // logsub
//	go q.Run(ctx)                                                         // saves what waits for long
//	q.Put(&queue.Entry{Line: line})                                       // never waits
//	err = q.Deliver(ctx, func(ctx context.Context, b *queue.Batch) error {
//		for i, e := range b.Entries() {
//			...                                                           // e.Line
//			b.Ack(i + 1)                                                  // this line never comes again
//		}
//		return nil                                                        // after an error the rest comes again
//	}, nil)
//
//	q := queue.New(queue.Config{Lines: true, Spool: "/var/spool/logpub", Slots: 64})  // logpub
//	rest := q.PutLines(lines, n, target, false)                                        // what did not fit
//	b, wait := q.Take()                                                               // the next block
//	id := b.ID()                                                                      // b is valid until LetGo
//	q.LetGo(b)                                                                        // it was sent
//	q.Ack(id)                                                                         // it has arrived
//	q.Rewind()                                                                        // or: start again
//
// One goroutine takes and one has Run; any number may put.
//
// # Cursors
//
// Each line has an ID, which counts up. Lines are kept in blocks. Five cursors say where the lines are:
//
//	       done          cursor          evicted          saved          next
//	         │              │               │               │              │
//	─────────┼──────────────┼───────────────┼───────────────┼──────────────┼──▶ IDs
//	delivered│ taken, not   │  in the spool │ in the spool  │ in memory    │
//	         │ acknowledged │  only         │ and in memory │ only         │
//
// done and cursor move as lines are delivered, wherever these are; cursor never is below done, and goes back to it with Rewind.
// evicted never is above saved. Whatever is up to done leaves memory and spool.
//
// # Files
//
//	block.go    a block, and the list of blocks in memory
//	queue.go    configuration, the queue, its start and end
//	lines.go    blocks of whole lines, for logpub; their records on disk
//	entry.go    blocks of lines with sender and times, for logsub; the same on disk
//	take.go     the taker: cursor, acknowledgement, reading the spool
//	deliver.go  the taker of logsub, line by line
//	save.go     the saver: writes to the spool what has waited for long
//	shelf.go    lines that cannot be delivered for now, out of the way of the others
//	slots.go    a spool directory that processes share; adopting what others have left
//	list.go     a plain list in memory, from a receiver to the goroutine beside it
//
// # What it guarantees
//
//   - Put and PutLines wait for neither taker nor disk.
//   - Lines come out in the order in which they went in, each once within a process, until they are acknowledged; after
//     Rewind, what is not acknowledged comes again.
//   - Lines that are not delivered when [Queue.Close] is called go to the spool, and come first in the next process. Without a spool
//     they are counted as lost.
//   - A line that has waited for [Config.SpoolAfter] is in the spool, and survives a kill of the process; one second later it
//     survives a power cut, too (package spool).
//   - An entry has a place: the epoch, a random number of the process that put it, and a number that counts from 1. A sink that
//     stores the place with the line can detect lines that it already has. Lines for logpub have a publisher, an epoch and
//     a number in the stream of their groups, which serve the same purpose at the subscriber.
//   - Spools that earlier versions of logpub and logsub have written are read.
//
// # What it does not
//
// Lines that are younger than SpoolAfter when the process is killed are lost. A line that a killed process had delivered but not
// acknowledged comes again, with the same place.
//
// # When the disk fails
//
// If the spool cannot be written, lines stay in memory and the queue retries every second (if it is full, every 100 ms). If it
// cannot be read, the taker waits for 10 s. Then, if processes share the directory, the queue leaves its files behind and continues
// in memory; every 30 s it looks for a usable slot and adopts what was left, so lines that were both in memory and in the
// files may come twice. A directory that belongs to one queue has nobody to adopt it: there the oldest file is dropped and
// counted.
//
// # Limits
//
// [Config.LimitBytes] of memory, 64 MiB, and one block that was read from disk; [Config.SpoolBytes] on disk, 1 GiB, which lines on
// the [Shelf] may exceed by LimitBytes and a quarter of it. Beyond that the newest lines are dropped or, with [Config.DropOldest],
// the oldest. A line with its names has up to 16 MiB.
//
// # How to debug
//
// [Queue.Stats] has what waits and what was dropped, by reason. The log has the first failure of the spool, and when it works
// again.
//
// # References
//
// docs/logs/logsub.md, on sinks; docs/logs/logpub.md, on outages; package spool.
package queue
