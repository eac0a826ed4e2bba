package logpub

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// dropInterval is between two lines about drops in the log.
const dropInterval = 10 * time.Second

// dropReason says why a line was not sent.
type dropReason uint8

const (
	dropQueue   dropReason = iota // the queue is full
	dropDrain                     // not sent when the time to stop was over
	dropSpool                     // the spool is full, and the oldest go
	dropDamaged                   // the spool is damaged
	numDropReasons
)

// String returns a short name, fit for a label.
func (d dropReason) String() string {
	switch d {
	case dropQueue:
		return "queue_full"
	case dropDrain:
		return "drain"
	case dropSpool:
		return "spool_full"
	case dropDamaged:
		return "spool_damaged"
	case numDropReasons:
	}
	return fmt.Sprintf("dropReason(%d)", uint8(d))
}

type counters struct {
	took, sent, bytes, truncated, resent, rejected, connects      atomic.Int64
	spooled, recovered, abandoned, overflow, spoolErrors, damaged atomic.Int64

	dropped [numDropReasons]atomic.Int64
}

func (p *Publisher) drop(why dropReason, n int) { p.count.dropped[why].Add(int64(n)) }

// Stats are a publisher's counters, which only grow.
type Stats struct {
	Took      int64 // lines read
	Sent      int64 // lines that the kernel has for the daemon
	Bytes     int64 // of these, with their newlines
	Truncated int64 // lines cut to MaxLine; they count as sent or dropped as well
	Resent    int64 // lines sent again, since a session ended before they were flushed
	Rejected  int64 // lines sent that the daemon returned, denied by its policy
	Connects  int64 // sessions opened
	// Overflow are the names in lines that were not given groups of their own, since there are
	// MaxTargets of a Route already; a name may be counted again.
	Overflow int64
	// Recovered are lines that were found in the spool, left there by processes before.
	Recovered int64
	// Abandoned are lines in a spool that could not be read and was left for later; they
	// are recovered when it can be read.
	Abandoned int64
	Spooled   int64 // lines written to the spool, be they sent from memory or from there
	// SpoolErrors are failures of the disk, and SpoolDamaged places in the spool that
	// were damaged, torn ends included.
	SpoolErrors, SpoolDamaged int64
	// Waiting are lines in memory or in the spool that are not sent; not a counter, but
	// how many there are. Lines that a session has been given may be among them.
	Waiting int64
	// Dropped are lines that were not sent, by reason: "queue_full", "drain"
	// (not sent when the time to stop was over; some of these may have arrived), "spool_full" and
	// "spool_damaged".
	Dropped map[string]int64
}

// Stats returns the counters. It may be called at any time. When nothing moves, Took and Recovered
// together are the sum of Sent, Dropped, Waiting and Abandoned; after Run what waits is in the spool.
func (p *Publisher) Stats() Stats {
	st := Stats{Dropped: make(map[string]int64)}
	// What a line is counted as last is read first, so that no sum exceeds Took.
	for i := range numDropReasons {
		st.Dropped[i.String()] = p.count.dropped[i].Load()
	}
	st.Sent = p.count.sent.Load()
	st.Bytes = p.count.bytes.Load()
	st.Truncated = p.count.truncated.Load()
	st.Resent = p.count.resent.Load()
	st.Rejected = p.count.rejected.Load()
	st.Connects = p.count.connects.Load()
	st.Overflow = p.count.overflow.Load()
	st.Spooled = p.count.spooled.Load()
	st.Abandoned = p.count.abandoned.Load()
	st.SpoolErrors = p.count.spoolErrors.Load()
	st.SpoolDamaged = p.count.damaged.Load()
	st.Recovered = p.count.recovered.Load()
	st.Waiting = p.queue.waiting()
	st.Took = p.count.took.Load()
	return st
}

// dropped is the number of lines that were not sent, whatever the reason.
func (p *Publisher) dropped() int64 {
	var n int64
	for i := range p.count.dropped {
		n += p.count.dropped[i].Load()
	}
	return n
}

func (p *Publisher) logStats(what string) {
	dropped := p.dropped()
	sent := p.count.sent.Load()
	attrs := []any{
		slog.Int64("took", p.count.took.Load()), slog.Int64("sent", sent),
		slog.Int64("dropped", dropped), slog.Int64("truncated", p.count.truncated.Load()),
	}
	for _, c := range []struct {
		name  string
		value int64
	}{
		{"recovered", p.count.recovered.Load()},
		{"abandoned", p.count.abandoned.Load()},
		{"spooled", p.count.spooled.Load()},
		{"overflow", p.count.overflow.Load()},
		{"spool_errors", p.count.spoolErrors.Load()},
		{"waiting", p.queue.waiting()},
		{"resent", p.count.resent.Load()},
		{"rejected", p.count.rejected.Load()},
	} {
		if c.value > 0 {
			attrs = append(attrs, slog.Int64(c.name, c.value))
		}
	}
	p.cfg.Log.Info(what, attrs...) //nolint:sloglint // "running" and "stopped"
}

// report logs counters and drops until done is closed. It has a goroutine of
// its own: a log that blocks must not keep anyone from reading.
func (p *Publisher) report(done <-chan struct{}) {
	var stats <-chan time.Time
	if p.cfg.StatsInterval > 0 {
		t := time.NewTicker(p.cfg.StatsInterval)
		defer t.Stop()
		stats = t.C
	}
	var told, took int64
	for {
		select {
		case <-done:
			return
		case <-stats:
			if n := p.count.took.Load(); n != took { // a quiet site's log stays quiet
				took = n
				p.logStats("running")
			}
		case <-p.dropping:
			n := p.count.dropped[dropQueue].Load() + p.count.dropped[dropSpool].Load()
			p.cfg.Log.Warn("dropping lines: the queue is full; is the daemon up and fast enough? A larger queue bridges longer outages",
				slog.Int64("dropped", n-told), slog.Int("queue_bytes", p.cfg.QueueBytes))
			told = n
			select {
			case <-done:
				return
			case <-time.After(dropInterval):
			}
		}
	}
}
