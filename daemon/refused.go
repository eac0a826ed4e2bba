package daemon

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// refusedInterval is the time between two reports about refused datagrams in the log.
const refusedInterval = 10 * time.Second

// suspicious yields the counters of datagrams that working daemons never send each other. They are
// signs of a fault, another configuration or an attack.
func suspicious(c *engine.Counts, yield func(reason string, n int64)) {
	for _, r := range []engine.Reason{
		engine.Malformed, engine.OtherConfiguration, engine.UnknownTransmitter, engine.WrongSource, engine.UnknownKind,
	} {
		yield(r.String(), c.Datagrams[r])
	}
	for _, v := range []ring.Reason{
		ring.NotData, ring.TooFar, ring.UnknownMaker, ring.Malformed, ring.TokenMalformed, ring.TokenTooFar,
		ring.TokenAruDecreases, ring.TokenAruStranger, ring.TokenAruAhead, ring.TokenMiscounted, ring.RequestIgnored,
		ring.BeyondToken, ring.FlowControlExceeded, ring.FragmentOutOfStep, ring.MessageMalformed,
	} {
		yield("ring_"+v.String(), c.Ring[v])
	}
	for _, v := range []membership.Reason{
		membership.BadType, membership.Malformed, membership.UnknownDaemon, membership.OtherSegment, membership.NotTheSender,
		membership.BadKind, membership.NamedTwice, membership.OutOfOrder, membership.BadSeq, membership.BadTime, membership.BadTransitional,
		membership.Contradiction,
	} {
		yield("membership_"+v.String(), int64(c.Membership.Reasons[v]))
	}
}

// otherRepeat is the least time between two warnings about the configuration of one daemon.
const otherRepeat = time.Minute

// warnOthers logs whose addresses have sent datagrams of another configuration since the last warning.
func (o *owner) warnOthers(now clock.Time) {
	for _, d := range o.cfg.Engine.Topology.Daemons() {
		p := o.engine.Peer(d.ID)
		w := o.refused.others[d.ID]
		if p.OtherCount <= w.count || w.at != 0 && now.Sub(w.at) < otherRepeat {
			continue
		}
		if o.refused.others == nil {
			o.refused.others = make(map[wire.DaemonID]otherWarning)
		}
		o.refused.others[d.ID] = otherWarning{now, p.OtherCount}
		o.log.Warn(fmt.Sprintf("%s runs another spread.conf; install the same file on all hosts and reload", d.Addr), //nolint:sloglint // the address is what an operator looks for
			slog.String("daemon", d.Name), slog.String("hash", fmt.Sprintf("%08x", p.OtherHash)),
			slog.String("own_hash", fmt.Sprintf("%08x", o.cfg.Engine.ConfHash)), slog.Int64("datagrams", p.OtherCount-w.count))
	}
}

// otherWarning is when a warning about a daemon's configuration was logged, and how many datagrams
// there were until then.
type otherWarning struct {
	at    clock.Time
	count int64
}

// refused remembers which refused datagrams the log has reported.
type refused struct {
	reported map[string]int64 // by reason
	others   map[wire.DaemonID]otherWarning
}

// report logs the datagrams that were refused since the last report, if any.
func (r *refused) report(log *slog.Logger, c engine.Counts) {
	if r.reported == nil {
		r.reported = make(map[string]int64)
	}
	var attrs []any
	suspicious(&c, func(reason string, n int64) {
		if more := n - r.reported[reason]; more > 0 {
			attrs = append(attrs, slog.Int64(reason, more))
			r.reported[reason] = n
		}
	})
	if len(attrs) > 0 {
		log.Warn("suspicious datagrams refused", attrs...)
	}
}
