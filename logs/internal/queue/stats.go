package queue

import (
	"fmt"
	"sync/atomic"
)

// dropReason says why lines are lost.
type dropReason uint8

const (
	dropQueue      dropReason = iota // memory is full, and there is no disk or it is too slow
	dropSpool                        // memory is full, and so is the spool
	dropSpoolError                   // memory is full, and the disk fails
	dropDamage                       // the spool was damaged
	dropTooLong                      // longer than a spool's record
	dropEnd                          // not delivered when the process ended, and not on the disk
	numDropReasons
)

// String returns a short name, fit for a label.
func (d dropReason) String() string {
	switch d {
	case dropQueue:
		return "queue_full"
	case dropSpool:
		return "spool_full"
	case dropSpoolError:
		return "spool_error"
	case dropDamage:
		return "spool_damage"
	case dropTooLong:
		return "too_long"
	case dropEnd:
		return "at_end"
	case numDropReasons:
	}
	return fmt.Sprintf("dropReason(%d)", uint8(d))
}

type counters struct {
	put, delivered, spooled, recovered, errors atomic.Int64

	dropped [numDropReasons]atomic.Int64
}

func (c *counters) drop(why dropReason, n int64) { c.dropped[why].Add(n) }

// Stats are a queue's counters, in lines where nothing else is said.
type Stats struct {
	Put       int64 // came, dropped ones included
	Delivered int64 // acknowledged
	Spooled   int64 // went to the disk
	Recovered int64 // were on the disk at the start
	Errors    int64 // failures of the disk

	WaitingBytes int64 // in memory, at present
	SpoolLines   int64 // on disk and not acknowledged, at present
	SpoolBytes   int64 // of files there, at present

	// Dropped are lines that were lost, by reason: "queue_full", "spool_full", "spool_error", "spool_damage",
	// "too_long", "at_end". Each reason is there.
	Dropped map[string]int64
}

// Lost is the sum of those that were dropped.
func (s Stats) Lost() (n int64) {
	for _, k := range s.Dropped {
		n += k
	}
	return n
}

// Stats returns the counters. It may be called at any time.
func (q *Queue) Stats() Stats {
	s := Stats{
		Put: q.count.put.Load(), Delivered: q.count.delivered.Load(), Spooled: q.count.spooled.Load(),
		Recovered: q.count.recovered.Load(), Errors: q.count.errors.Load(), Dropped: make(map[string]int64, numDropReasons),
	}
	for d := range numDropReasons {
		s.Dropped[d.String()] = q.count.dropped[d].Load()
	}
	q.mu.Lock()
	s.WaitingBytes = int64(q.bytes)
	q.mu.Unlock()
	if q.store != nil {
		_, s.SpoolLines, s.SpoolBytes = q.store.Waiting()
	}
	return s
}
