package daemon

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// maxChanges is how many changes of membership are remembered, maxDropped how many clients that did not
// read.
const (
	maxChanges = 50
	maxDropped = 20
)

// history is what the owner remembers of the past, for people.
type history struct {
	// installed is when the ring was installed, and configured when the configuration came into force.
	installed, configured time.Time
	// changes are the last changes of membership, the latest last.
	changes []status.Change
	// moved says when daemons came into the ring or left it, and why they left.
	moved map[wire.DaemonID]movement
	// dropped are the last clients that did not read, the latest last.
	dropped []status.DroppedClient
	// before and since are samples of some counters, taken every ten seconds.
	before, since sample
}

// movement is a daemon's last arrival in the ring or departure from it.
type movement struct {
	at  time.Time
	why membership.Why // 0 for an arrival
}

// sample is the value of some counters at a time.
type sample struct {
	at    time.Time
	ring  ring.Status
	count uint64 // messages delivered
	peers map[wire.DaemonID]engine.Hearing
}

// note remembers a change of membership.
func (h *history) note(o *owner, in *membership.Installation, c *membership.Change, text string, members []string) {
	now := time.Now()
	h.installed = now
	if h.moved == nil {
		h.moved = make(map[wire.DaemonID]movement)
	}
	change := status.Change{
		Time: now, ID: o.ringID(in.RegularID), Members: members, Cause: c.Cause.String(), Text: text,
		TookSeconds: c.Took.Seconds(), Attempts: c.Attempts, LostPackets: c.Lost,
	}
	if c.By != 0 {
		change.By = o.nameOf(c.By)
	}
	for _, id := range c.Joined {
		change.Joined = append(change.Joined, o.nameOf(id))
		h.moved[id] = movement{at: now}
	}
	for _, id := range c.Returned {
		change.Returned = append(change.Returned, o.nameOf(id))
		h.moved[id] = movement{at: now}
	}
	for _, d := range c.Left {
		change.Left = append(change.Left, status.Departure{Daemon: o.nameOf(d.Daemon), Why: d.Why.String()})
		h.moved[d.Daemon] = movement{at: now, why: d.Why}
	}
	if len(h.changes) == maxChanges {
		copy(h.changes, h.changes[1:])
		h.changes = h.changes[:maxChanges-1]
	}
	h.changes = append(h.changes, change)
}

// drop remembers a client that did not read.
func (h *history) drop(c *client) {
	a := c.Account()
	if len(h.dropped) == maxDropped {
		h.dropped = append(h.dropped[:0], h.dropped[1:]...)
	}
	h.dropped = append(h.dropped, status.DroppedClient{
		Time: time.Now(), Name: a.Group.String(), Peer: a.Peer, Why: c.cause, WaitingMessages: c.waited.Messages, WaitingBytes: c.waited.Bytes,
	})
}

// sample takes a sample. The owner calls it every ten seconds.
func (h *history) sample(o *owner) {
	st := o.engine.Status()
	s := sample{at: time.Now(), ring: st.Ring, count: st.Messages, peers: make(map[wire.DaemonID]engine.Hearing)}
	for _, d := range o.cfg.Engine.Topology.Daemons() {
		s.peers[d.ID] = o.engine.Peer(d.ID)
	}
	h.before, h.since = h.since, s
}

// lately returns the sample that rates of the last ten to twenty seconds refer to, and the time
// since then in seconds; nil if the daemon has not run for long enough.
func (h *history) lately(now time.Time) (*sample, float64) {
	s := &h.before
	if s.at.IsZero() {
		s = &h.since
	}
	seconds := now.Sub(s.at).Seconds()
	if s.at.IsZero() || seconds < 1 {
		return nil, 0
	}
	return s, seconds
}

// ringID returns the id of a membership in a form that people can read: the daemon that made it, and
// the time in it.
func (o *owner) ringID(id wire.MembershipID) string {
	return fmt.Sprintf("%s:%d", o.nameOf(id.Daemon), id.Time)
}

// when returns a moment of the daemon's clock as a time.
func (o *owner) when(t clock.Time) time.Time { return o.start.Add(time.Duration(t) - 1) }
