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
	dropQueue dropReason = iota // the queue is full
	dropDrain                   // not sent when the time to stop was over
	numDropReasons
)

// String returns a short name, fit for a label.
func (d dropReason) String() string {
	switch d {
	case dropQueue:
		return "queue_full"
	case dropDrain:
		return "drain"
	case numDropReasons:
	}
	return fmt.Sprintf("dropReason(%d)", uint8(d))
}

type counters struct {
	took, sent, bytes, truncated, resent, rejected, connects atomic.Int64

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
	// Dropped are lines that were not sent, by reason: "queue_full" and "drain"
	// (not sent when the time to stop was over; some of these may have arrived).
	Dropped map[string]int64
}

// Stats returns the counters. It may be called at any time. Took is the sum of Sent,
// Dropped and the lines that wait, of which there are none after Run.
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
			n := p.count.dropped[dropQueue].Load()
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
