package daemon

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/clock"
)

const (
	// refill is the part of the passing time that comes back to a budget.
	refill = 10
	// fairMessages and fairBytes are what a receiver takes in a second that is
	// not slow: what it takes comes back to its budget at these rates, the
	// better one. Publishers are never held below them for long.
	fairMessages = 20_000
	fairBytes    = 4 << 20
)

// budget is for how long publishers may still wait for one receiver. Only time
// counts in which its client kept the writer waiting: that the writer itself
// has not got round to it is the daemon's own doing. It refills as time
// passes, and as the client takes messages: one that works as fast as it can
// on a busy machine is waited for again and again, one that has stopped only
// once.
type budget struct {
	left, limit time.Duration
	at          clock.Time    // when left was right
	taken       session.Taken // the client's account then
}

func newBudget(limit time.Duration, now clock.Time) budget {
	return budget{left: limit, limit: limit, at: now}
}

// rest brings a budget up to now, after a time without waiting.
func (b *budget) rest(now clock.Time, taken session.Taken) {
	b.update(now, taken, now.Sub(b.at)/refill)
}

// spend brings a budget up to now, after a time in which publishers waited
// while the client was blocked.
func (b *budget) spend(now clock.Time, taken session.Taken) {
	b.update(now, taken, -min(now.Sub(b.at), taken.Blocked-b.taken.Blocked))
}

func (b *budget) update(now clock.Time, taken session.Taken, change time.Duration) {
	messages := time.Duration(taken.Messages-b.taken.Messages) * (time.Second / fairMessages)
	bytes := time.Duration(taken.Bytes-b.taken.Bytes) * time.Second / fairBytes
	b.left = min(b.limit, b.left+change+max(messages, bytes))
	b.at, b.taken = now, taken
}

// pacing decides for how long publishers, and the ring, wait for receivers that
// are behind.
type pacing struct {
	grace     time.Duration
	ringGrace time.Duration // the first part of grace, in which the ring waits too
	behind    []*client
	pauses    atomic.Int64
}

// add notes that a receiver has fallen behind. One that has used up its budget
// is not waited for.
func (p *pacing) add(c *client, now clock.Time) {
	if slices.Contains(p.behind, c) {
		return
	}
	c.budget.rest(now, c.Taken())
	if c.budget.left <= 0 {
		return
	}
	if len(p.behind) == 0 {
		p.pauses.Add(1)
	}
	p.behind = append(p.behind, c)
}

// remove forgets a receiver.
func (p *pacing) remove(c *client) {
	if i := slices.Index(p.behind, c); i >= 0 {
		p.behind = slices.Delete(p.behind, i, i+1)
	}
}

// pause says who waits now, and until when at most.
type pause struct {
	publishers, ring           bool
	publishersUntil, ringUntil clock.Time
}

// pause brings the budgets up to now and decides who waits.
func (p *pacing) pause(now clock.Time) (w pause) {
	p.behind = slices.DeleteFunc(p.behind, func(c *client) bool {
		c.budget.spend(now, c.Taken())
		return c.budget.left <= 0 || !c.Behind()
	})
	for _, c := range p.behind {
		w.publishers = true
		w.publishersUntil = max(w.publishersUntil, now.Add(c.budget.left))
		if left := c.budget.left - (p.grace - p.ringGrace); left > 0 {
			w.ring = true
			w.ringUntil = max(w.ringUntil, now.Add(left))
		}
	}
	return w
}
