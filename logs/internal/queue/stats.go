package queue

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=DropReason -linecomment

// DropReason is why lines are lost.
type DropReason uint8

// The reasons.
const (
	// DropQueue: memory is full, and there is no spool or it is too slow.
	DropQueue DropReason = iota // queue_full
	// DropSpool: the spool is full.
	DropSpool // spool_full
	// DropSpoolError: memory is full, and the spool fails.
	DropSpoolError // spool_error
	// DropShare: those to whom the lines go take more than their share of the spool. Only queues of Lines have it.
	DropShare // group_full
	// DropDamage: the spool was damaged.
	DropDamage // spool_damage
	// DropTooLong: longer than a spool's record.
	DropTooLong // too_long
	// DropEnd: not delivered when the process ended, and not in the spool.
	DropEnd // at_end
	numDropReasons
)

type counters struct {
	put, delivered, spooled, recovered, abandoned, errors, damaged atomic.Int64
	deliveredBytes, spooledBytes                                   atomic.Int64

	dropped, droppedBytes [numDropReasons]atomic.Int64
}

func (c *counters) drop(why DropReason, lines, bytes int64) {
	c.dropped[why].Add(lines)
	c.droppedBytes[why].Add(bytes)
}

// Stats are a queue's counters since its start, in lines unless they say otherwise, and what it has at present.
type Stats struct {
	Put                       int64 // by Put, dropped ones included
	Delivered, DeliveredBytes int64 // acknowledged; bytes only of whole blocks
	Spooled, SpooledBytes     int64 // written to the spool
	Recovered                 int64 // found in the spool, at the start or by adoption
	Abandoned                 int64 // left in a spool that could not be read; recovered if it can be later
	Errors                    int64 // failures of the spool
	Damaged                   int64 // places in the spool that were damaged, torn ends included

	Waiting      int64 // in memory or spool, and not delivered; after Close also Kept
	Kept         int64 // after Close, those that were only in memory and come again from their sources
	WaitingBytes int64 // memory that lines take, of Config.LimitBytes
	InFlight     int   // blocks that are taken and not acknowledged

	SpoolLines, SpoolBytes int64 // in the spool, delivered ones behind one that waits included; size of its files
	SpoolSegments          int   // its files
	SpoolFailing           bool  // there is to be a spool, and it cannot be used

	// Dropped are lines that were lost, by the name of their [DropReason]. Each reason is there. DroppedBytes are
	// their bytes.
	Dropped, DroppedBytes map[string]int64
}

// Lost is the sum of the lines that were dropped.
func (s Stats) Lost() (n int64) {
	for _, k := range s.Dropped {
		n += k
	}
	return n
}

// Dropped returns how many lines were dropped for a reason.
func (q *Queue) Dropped(why DropReason) int64 { return q.count.dropped[why].Load() }

// Delivered returns how many lines are delivered.
func (q *Queue) Delivered() int64 { return q.count.delivered.Load() }

// Gone returns how many lines are delivered or dropped, less those that were recovered. Unlike Stats it does not
// wait for the spool.
func (q *Queue) Gone() int64 {
	n := q.count.delivered.Load() - q.count.recovered.Load()
	for d := range numDropReasons {
		n += q.count.dropped[d].Load()
	}
	return n
}

// Stats returns the counters. It may be called at any time, and waits for the spool.
func (q *Queue) Stats() Stats {
	s := Stats{Dropped: make(map[string]int64, numDropReasons), DroppedBytes: make(map[string]int64, numDropReasons)}
	// What a line counts as last is read first, so that no sum exceeds what was put.
	for d := range numDropReasons {
		if d == DropShare && !q.cfg.Lines {
			continue
		}
		s.Dropped[d.String()] = q.count.dropped[d].Load()
		s.DroppedBytes[d.String()] = q.count.droppedBytes[d].Load()
	}
	s.Delivered, s.DeliveredBytes = q.count.delivered.Load(), q.count.deliveredBytes.Load()
	s.Spooled, s.SpooledBytes = q.count.spooled.Load(), q.count.spooledBytes.Load()
	s.Recovered, s.Abandoned = q.count.recovered.Load(), q.count.abandoned.Load()
	s.Errors, s.Damaged, s.Put = q.count.errors.Load(), q.count.damaged.Load(), q.count.put.Load()
	shelfLines, shelfBytes := q.shelf.Waiting()
	if st := q.behind(); st != nil {
		s.SpoolSegments = st.Segments() // waits while the disk hangs, but nobody waits for this
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.WaitingBytes, s.InFlight = int64(q.memory.size), len(q.taken)
	if st := q.disk.store; st != nil {
		_, s.SpoolLines, s.SpoolBytes = st.Waiting()
	}
	s.SpoolLines += shelfLines
	s.SpoolBytes += shelfBytes
	s.Kept = q.kept
	s.Waiting = s.SpoolLines + q.kept
	for _, b := range q.memory.blocks {
		if !b.saved {
			s.Waiting += int64(b.Lines)
		}
	}
	for i := range q.taken {
		if q.taken[i].stays {
			s.Waiting -= int64(q.taken[i].lines)
		}
	}
	s.SpoolFailing = q.cfg.Spool != "" && (q.disk.store == nil || q.disk.trouble != nil && !errors.Is(q.disk.trouble, spool.ErrFull))
	return s
}

// Held are the lines for a list of groups that are in memory and not delivered.
type Held struct {
	Lines  int64
	Oldest time.Time // when the first of their block came
}

// Held returns what is in memory, by groups with spaces between. Lines that are only in the spool are not in it.
func (q *Queue) Held() map[string]Held {
	held := make(map[string]Held)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.memory.blocks {
		id := b.first - 1
		for i := range b.Runs {
			r := &b.Runs[i]
			last := id + uint64(r.Lines)
			if last > q.done {
				name := strings.Join(r.To.Groups, " ")
				h := held[name]
				h.Lines += int64(last - max(id, q.done))
				if h.Oldest.IsZero() || b.born.Before(h.Oldest) {
					h.Oldest = b.born
				}
				held[name] = h
			}
			id = last
		}
	}
	return held
}
