// Package queue is where lines wait for a sink that may be slow, or away: a command, a database.
// First they wait in memory, then on disk if there is a directory for it, and what is beyond is dropped and
// counted by reason.
//
//	q, err := queue.Open(queue.Config{Name: "mysql", Spool: "/var/spool/logsub/mysql"})
//	go q.Run(ctx)                         // takes to the disk what waits for long
//	q.Put(&queue.Entry{Line: line})     // never waits
//	err = q.Deliver(ctx, func(ctx context.Context, b *queue.Batch) error {
//		for i, e := range b.Entries() {
//			...
//			b.Ack(i + 1)                  // this line is dealt with, and never comes again
//		}
//		return nil                        // or an error: the rest comes again after a pause
//	})
//
// One goroutine puts, one has Run, and one takes; each sink has a queue of its own, so that none
// holds up another.
//
// # What it guarantees
//
//   - Put does not wait: not for the sink, not for the disk.
//   - Lines come out in the order in which they went in, each once within a process,
//     until they are acknowledged.
//   - What [Queue.Close] finds not acknowledged is put on the disk, and comes first in the next process. Without a disk
//     it is counted as lost.
//   - A line that has waited for [Config.SpoolAfter] is on the disk, and there after the process was
//     killed; after a power cut too, a second later (package spool).
//   - Each line has a place: the epoch, a random number of the process that put it, and a number that counts
//     from 1. A sink that stores the place with the line can tell what it has already, whatever
//     was killed meanwhile.
//
// # What it does not
//
// Lines that are younger than SpoolAfter when the process is killed are lost. A line that a killed process had
// delivered but not acknowledged comes again if it was on the disk; its place is the same.
//
// # Limits
//
// [Config.LimitBytes] of memory, 64 MiB, and one batch that is read from disk; [Config.SpoolBytes] on disk, 1 GiB. Beyond that
// the newest lines are dropped. A line with its names has up to 16 MiB.
//
// # How to debug
//
// [Queue.Stats] has what waits and what was dropped, by reason. [Config.Report] is told when the disk
// fails, and when it works again.
//
// # References
//
// docs/logs/logsub.md, on sinks; package spool.
package queue
