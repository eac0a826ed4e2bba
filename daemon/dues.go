package daemon

import (
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

const (
	// viewRate is how many bytes of views the joins and leaves of one client may cause in a second, over
	// all members: some per cent of what a small host delivers. It allows 9,000 joins a second of
	// groups with 10 members, 100 with 100, and one with 900.
	viewRate = 32 << 20
	// viewBurst is the time that a client may save up.
	viewBurst = time.Second
	// maxWait bounds the time that one request costs. The largest groups would take longer.
	maxWait = 10 * time.Second
)

// dues are what the joins and leaves of a client have cost others, as the moment until which they use
// up its rate. It is a token bucket: the client waits while the moment is ahead.
type dues struct{ until clock.Time }

// wait returns for how long the client has to wait before its next join or leave.
func (d *dues) wait(now clock.Time) time.Duration { return max(0, d.until.Sub(now)) }

// add adds a request that has others receive some bytes.
func (d *dues) add(now clock.Time, bytes int64) {
	price := time.Duration(min(bytes, viewRate*int64(maxWait/time.Second))) * time.Second / viewRate
	d.until = max(d.until, now.Add(-viewBurst)).Add(price)
}

// owes returns for how long a client has to wait before its next join or leave. One that is being
// disconnected waits for nothing.
func (c *client) owes(now clock.Time) time.Duration {
	if c == nil || c.slow {
		return 0
	}
	return c.dues.wait(now)
}

// charge adds the cost of a join or leave to its client's dues.
func (o *owner) charge(c *client, message []byte, now clock.Time) {
	if fields := wire.GroupsOf(message); c != nil && len(fields) >= wire.NameLen {
		c.dues.add(now, o.engine.Groups().ViewCost((*wire.Name)(fields).Clean()))
	}
}

// delay has a client wait that has joined and left large groups too often.
func (o *owner) delay(b *session.Batch, after time.Duration) {
	o.count.delays.Add(1)
	if c := o.clients[engine.SessionID(b.Session.ID())]; c != nil && !c.delayed {
		c.delayed = true
		c.Warn("client joins and leaves large groups too often; its requests are delayed from now on")
	}
	b.Return(after)
}
