package daemon

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/clock"
)

const (
	// refill is the share of the passing time that returns to a budget: one tenth.
	refill = 10
	// fairMessages and fairBytes are what a receiver that is not slow takes in a second. What a
	// receiver takes returns to its budget at the better of these rates, so publishers are never
	// held below them for long.
	fairMessages = 20_000
	fairBytes    = 4 << 20
	// stoppedAfter is the time after which a receiver that takes nothing counts as stopped.
	stoppedAfter = 50 * time.Millisecond
)

// budget is for how long publishers may still wait for one receiver. Only the time counts in which
// the client kept the writer waiting: a writer that has not run yet is the daemon's own delay. The
// budget refills as time passes and as the client takes messages. So publishers wait again and
// again for a client that works as fast as it can on a busy machine, but only once for one that has
// stopped.
type budget struct {
	left, limit time.Duration
	at          clock.Time    // when left was right
	taken       session.Taken // the client's account at that time
}

func newBudget(limit time.Duration, now clock.Time) budget {
	return budget{left: limit, limit: limit, at: now}
}

// idle brings a budget up to now, after a time without waiting.
func (b *budget) idle(now clock.Time, taken session.Taken) {
	b.update(now, taken, now.Sub(b.at)/refill)
}

// spend brings a budget up to now, after a time in which publishers waited while the client was
// blocked.
func (b *budget) spend(now clock.Time, taken session.Taken) {
	b.update(now, taken, -min(now.Sub(b.at), taken.Blocked-b.taken.Blocked))
}

func (b *budget) update(now clock.Time, taken session.Taken, change time.Duration) {
	messages := time.Duration(taken.Messages-b.taken.Messages) * (time.Second / fairMessages)
	bytes := time.Duration(taken.Bytes-b.taken.Bytes) * time.Second / fairBytes
	// The daemon itself may be late: what is spent beyond the limit is bounded by it, too.
	b.left = max(-b.limit, min(b.limit, b.left+change+max(messages, bytes)))
	b.at, b.taken = now, taken
}

// pacing decides for how long publishers, and the ring, wait for receivers that are behind.
//
// A receiver that takes something is waited for as its own budget allows. All receivers that have
// stopped share one budget, of the same size, so that many of them that stop one after the other
// hold publishers little longer than one does.
type pacing struct {
	grace     time.Duration
	ringGrace time.Duration // the first part of grace, in which the ring waits too
	behind    []*client

	spent   time.Duration // of the shared budget
	at      clock.Time    // when spent was right
	stopped bool          // whether publishers have waited since then only for receivers that have stopped
}

// add notes that a receiver has fallen behind, unless it has used up its budget. It reports whether
// publishers begin to wait.
func (p *pacing) add(c *client, now clock.Time) (pauses bool) {
	if slices.Contains(p.behind, c) {
		return false
	}
	c.budget.idle(now, c.look(now))
	if c.budget.left <= 0 {
		return false
	}
	p.behind = append(p.behind, c)
	return len(p.behind) == 1
}

// remove forgets a receiver.
func (p *pacing) remove(c *client) {
	if i := slices.Index(p.behind, c); i >= 0 {
		p.behind = slices.Delete(p.behind, i, i+1)
	}
}

// look returns the client's account and notes whether it has taken something since the last look.
// One that becomes behind again without having done so is still stopped: its budget refills, and
// those of many would otherwise hold publishers all the time.
func (c *client) look(now clock.Time) session.Taken {
	taken := c.Taken()
	if taken.Messages > c.budget.taken.Messages || taken.Bytes > c.budget.taken.Bytes {
		c.moved = now
	}
	return taken
}

// pause says who waits now, and until when at most.
type pause struct {
	publishers, ring           bool
	publishersUntil, ringUntil clock.Time
}

// pause brings the budgets up to now and decides who waits.
func (p *pacing) pause(now clock.Time) (w pause) {
	p.behind = slices.DeleteFunc(p.behind, func(c *client) bool {
		c.budget.spend(now, c.look(now))
		return c.budget.left <= 0 || !c.Behind()
	})
	passed := now.Sub(p.at)
	if p.stopped {
		p.spent = min(p.spent+passed, p.grace)
	} else {
		p.spent = max(0, p.spent-passed/refill)
	}
	p.at, p.stopped = now, false
	moving := false
	for _, c := range p.behind {
		left := c.budget.left
		wake := stoppedAfter - now.Sub(c.moved)
		if wake > 0 {
			moving = true
		} else if left = min(left, p.grace-p.spent); left <= 0 {
			continue
		} else {
			wake = left
		}
		w.publishers = true
		w.publishersUntil = max(w.publishersUntil, now.Add(min(left, wake)))
		if ring := left - (p.grace - p.ringGrace); ring > 0 {
			w.ring = true
			w.ringUntil = max(w.ringUntil, now.Add(min(ring, wake)))
		}
	}
	p.stopped = w.publishers && !moving
	return w
}
