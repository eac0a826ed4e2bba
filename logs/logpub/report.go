package logpub

import (
	"errors"
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

// end says why a session ended.
type end uint8

const (
	endLost    end = iota // the connection failed, or the daemon closed it
	endStalled            // the daemon took nothing
	endReturn             // to go back to the first daemon
	numEnds
)

// String returns a short name, fit for a label.
func (e end) String() string {
	switch e {
	case endLost:
		return "lost"
	case endStalled:
		return "stalled"
	case endReturn:
		return "return"
	case numEnds:
	}
	return fmt.Sprintf("end(%d)", uint8(e))
}

// endOf tells from the error of a session why it ended.
func endOf(err error) end {
	switch {
	case errors.Is(err, errReturn):
		return endReturn
	case errors.Is(err, errStalled):
		return endStalled
	default:
		return endLost
	}
}

type counters struct {
	took, sent, bytes, truncated, resent, rejected, connects      atomic.Int64
	spooled, recovered, abandoned, overflow, spoolErrors, damaged atomic.Int64
	tookBytes, spooledBytes                                       atomic.Int64

	dropped, droppedBytes [numDropReasons]atomic.Int64
}

func (p *Publisher) drop(why dropReason, lines, bytes int64) {
	p.count.dropped[why].Add(lines)
	p.count.droppedBytes[why].Add(bytes)
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
		{"waiting", p.queue.gauges().Waiting},
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
