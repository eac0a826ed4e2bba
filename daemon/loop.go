package daemon

import (
	"context"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// loop is the owner of the engine. In each turn it takes something from each source that has
// something, and then waits if none had.
func (d *Daemon) loop(ctx context.Context) error {
	forget := context.AfterFunc(ctx, func() {
		d.stopping.Store(true)
		d.wake()
	})
	defer forget()
	said := d.moment()
	for {
		now := d.moment()
		if now.Sub(said) >= d.reportEvery {
			d.refused.report(d.log, d.engine.Counts())
			said = now
		}
		// now is from before: a deadline that is met in between is seen in the next turn.
		if at := d.engine.Deadline(); at != 0 && at <= now {
			d.advance()
			d.carryOut()
		}
		d.wait = d.pacing.pause(now)
		d.takeRing()
		d.takeInbox()
		select {
		case answer := <-d.asks:
			answer <- d.ringStats()
		case r := <-d.reloads:
			r.answer <- d.reload(r.cfg)
			d.carryOut()
		case err := <-d.failed:
			return err
		default:
		}
		if d.stopping.Load() || d.killed || d.fatal != nil {
			return d.fatal
		}
		d.rest(said.Add(d.reportEvery))
	}
}

// wake ends the owner's rest. It may be called by any goroutine.
func (d *Daemon) wake() { d.poller.Wake() }

// rest waits until there is something to do, and looks which sockets have datagrams.
func (d *Daemon) rest(report clock.Time) {
	w := d.wait
	if d.ring != nil {
		d.ring.Watch(!w.ring)
	}
	until := clock.Earliest(report, d.engine.Deadline())
	if w.ring {
		until = clock.Earliest(until, w.ringUntil)
	}
	if w.publishers {
		until = clock.Earliest(until, w.publishersUntil)
	}
	d.poller.Wait(max(until.Sub(d.moment()), time.Microsecond), d.haveWork)
}

// haveWork reports whether something waits that is not a datagram in a socket.
func (d *Daemon) haveWork() bool {
	switch {
	case len(d.asks) > 0, len(d.reloads) > 0, len(d.failed) > 0, d.stopping.Load():
		return true
	case d.ring != nil && !d.wait.ring && (d.heldToken != nil || d.ring.HaveWork()):
		return true
	case d.wait.publishers || d.wait.ring:
		return len(d.sessions.Recovered()) > 0
	default:
		return d.takesInbox() && (d.held != nil || len(d.sessions.Inbox()) > 0)
	}
}

// takesInbox reports whether clients are listened to.
func (d *Daemon) takesInbox() bool { return !d.wait.publishers && d.engine.Accepting() }

// takeRing lets the engine have something that has come from other daemons.
func (d *Daemon) takeRing() {
	if d.ring == nil || d.wait.ring {
		return
	}
	if b := d.heldToken; b != nil {
		d.heldToken = nil
		d.takeToken(b, true)
		return
	}
	data, tokens := d.ring.Readable()
	if tokens {
		if b := d.ring.PollTokens(); b != nil {
			d.takeToken(b, data)
			return
		}
	}
	if data {
		if b := d.ring.PollData(); b != nil {
			d.takeData(b)
			return
		}
	}
}

// takeInbox lets the engine have a batch of what clients have sent.
func (d *Daemon) takeInbox() {
	select {
	case <-d.sessions.Recovered(): // and the next turn asks who waits
	default:
	}
	if !d.takesInbox() {
		return
	}
	if b := d.held; b != nil {
		d.held = nil
		d.take(b)
		return
	}
	select {
	case b := <-d.sessions.Inbox():
		d.take(b)
	default:
	}
}
