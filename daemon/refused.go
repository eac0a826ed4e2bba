package daemon

import (
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
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

// refused remembers which refused datagrams the log has reported.
type refused struct {
	reported map[string]int64 // by reason
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
