package membership

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// Change explains an installation: why the ring before it was given up, and which daemons came and
// went. It is for people; the protocol does not use it. Lists are in configuration order.
type Change struct {
	// Cause is why the ring before was given up, or was about to be. By is the daemon whose message
	// showed it, or 0.
	Cause Cause
	By    wire.DaemonID
	// Took is the time from the cause to the installation.
	Took time.Duration
	// Attempts counts the form tokens that this daemon has taken part in.
	Attempts int
	// Left are the daemons that the ring before had and this one lacks.
	Left []Departure
	// Joined are the daemons that the ring before lacked.
	Joined []wire.DaemonID
	// Returned are daemons that are in both rings and did not come along from one to the other: they
	// were restarted, or cut off for a while.
	Returned []wire.DaemonID
	// Lost is the number of packets of the ring before that no daemon that came along has.
	Lost int
}

// Departure is a daemon that has left, and why.
type Departure struct {
	Daemon wire.DaemonID
	Why    Why
}

// Why says why a daemon has left.
type Why uint8

// The reasons. Of several that hold, the first counts.
const (
	// WhyRemoved: the configuration does not list it any more.
	WhyRemoved Why = iota + 1 // removed
	// WhyStopped: it has announced its end.
	WhyStopped // stopped
	// WhyRefused: its port refuses datagrams.
	WhyRefused // refused
	// WhyApart: it is heard and did not become a member of this ring.
	WhyApart // apart
	// WhySilent: it did not answer.
	WhySilent // silent
)

// NumWhys is one more than the largest [Why].
const NumWhys = int(WhySilent) + 1

// change is what is known of the next installation's [Change] so far.
type change struct {
	cause    Cause // 0 while a ring runs
	by       wire.DaemonID
	at       clock.Time
	attempts int
	lost     int
}

// blame notes why the running ring ends. The first cause counts, until a ring runs again.
func (m *Machine) blame(e *event, c Cause) {
	m.change = change{cause: c, at: e.now}
	switch {
	case e.packet != nil:
		m.change.by = e.packet.Proc
	case e.token != nil:
		m.change.by = e.token.Proc
	default:
		m.change.by = e.about
	}
}

// explain returns what has changed with the installation of the future ring.
func (m *Machine) explain(now clock.Time) Change {
	c := Change{Cause: m.change.cause, By: m.change.by, Took: now.Sub(m.change.at), Attempts: m.change.attempts, Lost: m.change.lost}
	if m.installedID.Time < 0 {
		c.Lost = 0 // There was no ring.
	}
	for _, id := range m.installed.Members() {
		if !m.futureRing.Contains(id) {
			c.Left = append(c.Left, Departure{id, m.why(id)})
		}
	}
	for _, id := range m.futureRing.Members() {
		switch {
		case !m.installed.Contains(id):
			c.Joined = append(c.Joined, id)
		case !slices.Contains(m.future.Transitional, id):
			c.Returned = append(c.Returned, id)
		}
	}
	return c
}

// why returns why a daemon has left.
func (m *Machine) why(id wire.DaemonID) Why {
	rank := m.cfg.Topology.Rank(id)
	switch {
	case rank < 0:
		return WhyRemoved
	case slices.Contains(m.stopped, id):
		return WhyStopped
	case named(m.refused, id):
		return WhyRefused
	case rank < len(m.hearing.peers) && m.hearing.peers[rank].at > m.change.at:
		return WhyApart
	default:
		return WhySilent
	}
}
