package membership

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// hearing is what this daemon remembers of who hears whom, for people who look for the reason why
// no ring forms. It has no effect on the protocol.
type hearing struct {
	peers []peer // by rank
	// from is the daemon that the last form token came from, and to the one that it was sent to.
	from, to     wire.DaemonID
	fromAt, toAt clock.Time
}

// peer is another daemon.
type peer struct {
	at    clock.Time   // when its last packet or form token came
	came  clock.Time   // when its last form token came, accepted or not
	sent  clock.Time   // when a form token was last sent to it
	hears []clock.Time // by rank: when it last listed a daemon as heard; nil if it never listed any
}

// Formation is who was heard while no ring forms.
type Formation struct {
	// Peers are the other daemons, in configuration order.
	Peers []Peer
	// TokenFrom is the daemon that the last form token came from, and TokenTo the one that it was
	// last sent to. They are 0 if there was none.
	TokenFrom, TokenTo wire.DaemonID
}

// Peer is another daemon.
type Peer struct {
	Daemon wire.DaemonID
	// Heard reports whether it was heard.
	Heard bool
	// TokenCame and TokenSent report whether a form token came from it, and was sent to it.
	TokenCame, TokenSent bool
	// Hears are the daemons that it has listed as heard, in configuration order.
	Hears []wire.DaemonID
}

// Formation returns who was heard since a moment. The loss of one direction between two daemons
// shows in it: one of them is heard by all but the other.
func (m *Machine) Formation(since clock.Time) Formation {
	var f Formation
	for i, d := range m.cfg.Topology.Daemons() {
		if d.ID == m.cfg.Self {
			continue
		}
		p := Peer{Daemon: d.ID}
		if i < len(m.hearing.peers) {
			h := &m.hearing.peers[i]
			p.Heard = h.at >= since && h.at != 0
			p.TokenCame = h.came >= since && h.came != 0
			p.TokenSent = h.sent >= since && h.sent != 0
			for j, at := range h.hears {
				if at >= since && at != 0 {
					p.Hears = append(p.Hears, m.cfg.Topology.Daemons()[j].ID)
				}
			}
		}
		f.Peers = append(f.Peers, p)
	}
	if h := &m.hearing; h.fromAt >= since && h.fromAt != 0 {
		f.TokenFrom = h.from
	}
	if h := &m.hearing; h.toAt >= since && h.toAt != 0 {
		f.TokenTo = h.to
	}
	return f
}

// peer returns what is remembered of a daemon, or nil if the configuration does not name it.
func (m *Machine) peer(id wire.DaemonID) *peer {
	if n := len(m.cfg.Topology.Daemons()); len(m.hearing.peers) != n {
		m.hearing.peers = make([]peer, n)
	}
	rank := m.cfg.Topology.Rank(id)
	if rank < 0 {
		return nil
	}
	return &m.hearing.peers[rank]
}

// hearFrom remembers that a daemon was heard, and whom it lists as heard.
func (m *Machine) hearFrom(e *event, id wire.DaemonID, listed ...wire.DaemonID) {
	p := m.peer(id)
	if p == nil {
		return
	}
	n, rank := len(m.cfg.Topology.Daemons()), m.cfg.Topology.Rank(id)
	p.at = e.now
	for _, other := range listed {
		r := m.cfg.Topology.Rank(other)
		if r < 0 || r == rank {
			continue
		}
		if p.hears == nil {
			p.hears = make([]clock.Time, n)
		}
		p.hears[r] = e.now
	}
}

// hearGather is hearFrom for an ALIVE or a JOIN.
func (m *Machine) hearGather(e *event, g *wire.Gather) {
	listed := m.memory.heard[:0]
	for _, id := range g.Members.All() {
		listed = append(listed, id)
	}
	for _, r := range g.Reps.All() {
		if r.Kind != wire.RepPotential { // A potential one is only asked.
			listed = append(listed, r.Daemon)
		}
	}
	m.memory.heard = listed
	m.hearFrom(e, e.packet.Proc, listed...)
}
