package daemon

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// refill is the part of the passing time that comes back to a budget: at most
// a tenth of the publishers' time goes to any one receiver.
const refill = 10

// budget is for how long publishers may still wait for one receiver. Only time
// counts in which its client kept the writer waiting: that the writer itself
// has not got round to it is the daemon's own doing.
type budget struct {
	left, limit time.Duration
	at          clock.Time    // when left was right
	blocked     time.Duration // the client's account of blocked time, then
}

func newBudget(limit time.Duration, now clock.Time) budget {
	return budget{left: limit, limit: limit, at: now}
}

// rest lets a budget refill up to now.
func (b *budget) rest(now clock.Time, blocked time.Duration) {
	b.left = min(b.limit, b.left+now.Sub(b.at)/refill)
	b.at, b.blocked = now, blocked
}

// spend takes from a budget what the client was blocked up to now.
func (b *budget) spend(now clock.Time, blocked time.Duration) {
	b.left -= min(now.Sub(b.at), blocked-b.blocked)
	b.at, b.blocked = now, blocked
}

// pacing decides for how long publishers wait for receivers that are behind.
type pacing struct {
	grace  time.Duration
	behind []*client
	pauses atomic.Int64
}

// add notes that a receiver has fallen behind. One that has used up its budget
// is not waited for.
func (p *pacing) add(c *client, now clock.Time) {
	if slices.Contains(p.behind, c) {
		return
	}
	c.budget.rest(now, c.Blocked())
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

// paused reports whether publishers wait now, and until when at most.
func (p *pacing) paused(now clock.Time) (paused bool, until clock.Time) {
	if len(p.behind) == 0 {
		return false, 0
	}
	p.behind = slices.DeleteFunc(p.behind, func(c *client) bool {
		c.budget.spend(now, c.Blocked())
		return c.budget.left <= 0 || !c.Behind()
	})
	for _, c := range p.behind {
		until = max(until, now.Add(c.budget.left))
	}
	return len(p.behind) > 0, until
}
