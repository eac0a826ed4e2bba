package logpub

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/spread"
)

// dropInterval is the time between two log messages about drops.
const dropInterval = 10 * time.Second

// dropName returns the name of a reason in Stats.
func dropName(why queue.DropReason) string {
	switch why {
	case queue.DropEnd:
		return "drain"
	case queue.DropDamage:
		return "spool_damaged"
	default:
		return why.String()
	}
}

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=end -linecomment

// end says why a session ended.
type end uint8

const (
	// The connection failed, or the daemon closed it.
	endLost end = iota // lost
	// The daemon took nothing.
	endStalled // stalled
	// To go back to the first daemon.
	endReturn // return
	numEnds
)

// endOf returns why a session ended, from its error.
func endOf(err error) end {
	switch {
	case errors.Is(err, spread.ErrReturning):
		return endReturn
	case errors.Is(err, errStalled):
		return endStalled
	default:
		return endLost
	}
}

type counters struct {
	took, tookBytes, truncated, resent, rejected, overflow, asks, acks atomic.Int64
}

func (p *Publisher) logStats(what string) {
	st := p.queue.Stats()
	attrs := []any{
		slog.Int64("took", p.count.took.Load()), slog.Int64("sent", st.Delivered),
		slog.Int64("dropped", st.Lost()), slog.Int64("truncated", p.count.truncated.Load()),
	}
	for _, c := range []struct {
		name  string
		value int64
	}{
		{"recovered", st.Recovered},
		{"abandoned", st.Abandoned},
		{"spooled", st.Spooled},
		{"overflow", p.count.overflow.Load()},
		{"spool_errors", st.Errors},
		{"waiting", st.Waiting},
		{"resent", p.count.resent.Load()},
		{"rejected", p.count.rejected.Load()},
	} {
		if c.value > 0 {
			attrs = append(attrs, slog.Int64(c.name, c.value))
		}
	}
	p.cfg.Log.Info(what, attrs...) //nolint:sloglint // "running" and "stopped"
}

// report logs counters and drops until done is closed. It has a goroutine of its own, so that a log that blocks does not stop
// reading.
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
		case name := <-p.cutting:
			p.cfg.Log.Warn("cut a line that is too long; more such lines of this input are only counted",
				slog.String("input", name), slog.Int("max_line", p.cfg.MaxLine))
		case <-p.queue.Dropping():
			if n := p.queue.Dropped(queue.DropQueue) + p.queue.Dropped(queue.DropSpool); n > told {
				p.cfg.Log.Warn("queue full, dropping lines; check that the daemon is up and fast enough, or enlarge the queue",
					slog.Int64("dropped", n-told), slog.Int("queue_bytes", p.cfg.QueueBytes))
				told = n
			}
			p.reportShares()
			select {
			case <-done:
				return
			case <-time.After(dropInterval):
			}
		}
	}
}

// reportShares logs the groups whose lines were dropped because they had their share of the spool.
func (p *Publisher) reportShares() {
	p.targetsMu.Lock()
	groups := append(slices.Clone(p.groups), &p.otherGroups)
	p.targetsMu.Unlock()
	for _, g := range groups {
		n := g.dropped.Load()
		if before := g.reported; n > before {
			g.reported = n
			p.cfg.Log.Warn("dropping lines that no log host acknowledges, because these groups have their share of the spool",
				slog.String("groups", cmp.Or(g.name, OtherGroups)), slog.Int64("dropped", n-before))
		}
	}
}
