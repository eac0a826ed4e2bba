package daemon

import (
	"maps"
	"net/netip"
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
	// originRate and originBurst are the same for all clients of one origin: a share of what a host
	// delivers. A few hundred that connect and join one group at once, as after a restart of the daemon,
	// do not wait.
	originRate  = 8 * viewRate
	originBurst = 4 * time.Second
	// maxWait bounds the time that one request costs. The largest groups would take longer.
	maxWait = 10 * time.Second
)

// dues are what the joins and leaves of a client have cost others, as the moment until which they use
// up its rate. It is a token bucket: the client waits while the moment is ahead.
type dues struct{ until clock.Time }

// wait returns for how long the client has to wait before its next join or leave.
func (d *dues) wait(now clock.Time) time.Duration { return max(0, d.until.Sub(now)) }

// add adds a request that has others receive some bytes.
func (d *dues) add(now clock.Time, bytes int64) { d.pay(now, bytes, viewRate, viewBurst) }

// pay adds bytes at a rate, of which some time may be saved up.
func (d *dues) pay(now clock.Time, bytes, rate int64, burst time.Duration) {
	price := time.Duration(min(bytes, rate*int64(maxWait/time.Second))) * time.Second / time.Duration(rate)
	d.until = max(d.until, now.Add(-burst)).Add(price)
}

// origin is where clients come from that pay together: an address or, at the UNIX socket, a user. Many
// sessions, or one session after the other, get no more than one.
type origin struct {
	addr netip.Addr
	user string
}

// maxOrigins is how many origins are remembered before those are forgotten that owe nothing.
const maxOrigins = 1024

// originDues are the dues of origins, which also pay for the ends of sessions.
type originDues map[origin]*dues

// add adds to the dues of an origin, which are bounded.
func (m originDues) add(from origin, now clock.Time, bytes int64) {
	d := m[from]
	if d == nil {
		if len(m) >= maxOrigins {
			maps.DeleteFunc(m, func(_ origin, d *dues) bool { return d.wait(now) == 0 })
		}
		d = new(dues)
		m[from] = d
	}
	d.pay(now, bytes, originRate, originBurst)
	d.until = min(d.until, now.Add(maxWait)) // the ends of sessions cannot wait
}

// owes returns for how long a client has to wait before its next join or leave. One that is being
// disconnected waits for nothing.
func (o *owner) owes(c *client, now clock.Time) time.Duration {
	if c == nil || c.slow {
		return 0
	}
	wait := c.dues.wait(now)
	if d := o.origins[c.from]; d != nil {
		wait = max(wait, d.wait(now))
	}
	return wait
}

// charge adds the cost of a join or leave to the dues of its client and of the client's origin.
func (o *owner) charge(c *client, message []byte, now clock.Time) {
	fields := wire.GroupsOf(message)
	if c == nil || len(fields) < wire.NameLen {
		return
	}
	cost := o.engine.Groups().ViewCost((*wire.Name)(fields).Clean())
	c.dues.add(now, cost)
	o.origins.add(c.from, now, cost)
	if wire.TypeOf(message)&wire.Join == 0 {
		cost = -cost
	}
	c.stake = max(0, c.stake+cost)
}

// settle charges the end of a session to its origin: about what its joins have cost.
func (o *owner) settle(c *client) {
	if c.stake > 0 {
		o.origins.add(c.from, o.moment(), c.stake)
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
