package daemon

import (
	"context"

	"github.com/spreadd/spreadd/internal/clock"
)

// loop is the life of the owner. In each turn it runs the timers that are due, takes one batch from
// the ring and one from the clients, and waits if there is nothing to do.
func (o *owner) loop(ctx context.Context) error {
	forget := context.AfterFunc(ctx, func() {
		o.stopping.Store(true)
		o.wake()
	})
	defer forget()
	reported := o.moment()
	for {
		now := o.moment()
		if now.Sub(reported) >= o.reportEvery {
			o.refused.report(o.log, o.engine.Counts())
			o.warnOthers(now)
			o.sessions.Reclaim()
			o.history.sample(o)
			reported = now
		}
		o.watchForming(now)
		if o.ring != nil {
			o.ring.Tick()
		}
		// A deadline that passes after now was read is seen in the next turn.
		if at := o.engine.Deadline(); at != 0 && at <= now {
			o.takeTimers()
		}
		o.wait = o.pacing.pause(now)
		o.takeRefused()
		o.takeRing()
		o.takeInbox()
		select {
		case f := <-o.calls:
			f(o)
		case err := <-o.failed:
			return err
		default:
		}
		if o.stopping.Load() || o.killed || o.fatal != nil {
			return o.fatal
		}
		o.sleep(reported.Add(o.reportEvery))
	}
}

// sleep waits until there is something to do, and notes which sockets have datagrams. report is the
// time of the next report on refused datagrams.
func (o *owner) sleep(report clock.Time) {
	w := o.wait
	if o.ring != nil {
		o.ring.Watch(!w.ring)
	}
	until := clock.Earliest(clock.Earliest(report, o.forming.next), o.engine.Deadline())
	if w.ring {
		until = clock.Earliest(until, w.ringUntil)
	}
	if w.publishers {
		until = clock.Earliest(until, w.publishersUntil)
	}
	d := until.Sub(o.moment())
	if o.sealer != nil {
		d = min(d, o.sealer.Until())
	}
	// If something is due, this only looks: with a wait, however short, other processes would get the
	// processor first.
	o.poller.Wait(max(d, 0), o.haveWork)
}

// haveWork reports whether there is something to do besides the datagrams in the sockets.
func (o *owner) haveWork() bool {
	switch {
	case len(o.calls) > 0, len(o.failed) > 0, o.stopping.Load():
		return true
	case o.ring != nil && !o.wait.ring && (o.heldToken != nil || o.ring.HaveWork()):
		return true
	case o.wait.publishers || o.wait.ring:
		return len(o.sessions.Recovered()) > 0
	default:
		return o.takesInbox() && (o.held != nil || len(o.sessions.Inbox()) > 0)
	}
}
