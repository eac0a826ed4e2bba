package daemon

import (
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
)

// refusedInterval is between two lines of the log about datagrams that were
// refused.
const refusedInterval = 10 * time.Second

// suspicious yields the counters of what daemons that work never send each
// other: a fault, another configuration, or somebody who tries.
func suspicious(c *engine.Counts, yield func(reason string, n int64)) {
	for _, r := range []engine.Refusal{
		engine.Malformed, engine.OtherConfiguration, engine.UnknownTransmitter, engine.WrongSource, engine.UnknownKind,
	} {
		yield(r.String(), c.Refusals[r])
	}
	for _, v := range []ring.Verdict{
		ring.NotData, ring.TooFar, ring.UnknownMaker, ring.Malformed, ring.TokenMalformed, ring.TokenTooFar,
		ring.TokenAruDecreases, ring.RequestIgnored, ring.FragmentOutOfStep, ring.MessageMalformed,
	} {
		yield("ring_"+v.String(), c.Ring[v])
	}
	for _, v := range []membership.Verdict{
		membership.BadType, membership.Malformed, membership.UnknownDaemon, membership.OtherSegment, membership.NotTheSender,
		membership.BadKind, membership.NamedTwice, membership.OutOfOrder, membership.BadSeq, membership.BadTransitional,
		membership.Contradiction,
	} {
		yield("membership_"+v.String(), int64(c.Membership.Verdicts[v]))
	}
}

// refused remembers what has been said of refused datagrams.
type refused struct {
	said map[string]int64
}

// report writes a line about what was refused since the last one, if anything
// was.
func (r *refused) report(log *slog.Logger, c engine.Counts) {
	if r.said == nil {
		r.said = make(map[string]int64)
	}
	var attrs []any
	suspicious(&c, func(reason string, n int64) {
		if more := n - r.said[reason]; more > 0 {
			attrs = append(attrs, slog.Int64(reason, more))
			r.said[reason] = n
		}
	})
	if len(attrs) > 0 {
		log.Warn("datagrams were refused that no daemon of this configuration should send", attrs...)
	}
}

// RingStats are the counters of the ring side.
type RingStats struct {
	Status    engine.Status
	Counts    engine.Counts
	Transport transport.Stats // zero for a daemon without sockets for the ring
}

// ringStats collects them; it is for the owner.
func (d *Daemon) ringStats() RingStats {
	return RingStats{Status: d.engine.Status(), Counts: d.engine.Counts(), Transport: d.transportStats()}
}

// askRingStats asks the owner for them, for any goroutine.
func (d *Daemon) askRingStats() RingStats {
	if !d.started.Load() {
		return RingStats{}
	}
	answer := make(chan RingStats, 1)
	select {
	case d.asks <- answer:
		d.wake()
	case <-d.stopped:
		return d.last
	}
	select {
	case st := <-answer:
		return st
	case <-d.stopped:
		return d.last
	}
}
