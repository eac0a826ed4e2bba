package engine

import (
	"net/netip"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// Hearing is how this daemon hears another. It is for people: nothing is decided by it. Anybody who can
// send with the address of a daemon can make its numbers grow.
type Hearing struct {
	// Datagrams counts those that passed the checks of all datagrams, and Last is when the last one
	// arrived; zero means never.
	Datagrams int64
	Last      clock.Time
	// Packets counts the data packets that it made and that arrived the first time they were sent,
	// Missed those that this daemon had to ask for.
	Packets, Missed int64
	// Other is when its address last sent a datagram with another hash, OtherHash, and OtherCount
	// how many there were.
	Other      clock.Time
	OtherHash  uint32
	OtherCount int64
	// Refused is when its host last refused a datagram.
	Refused clock.Time
}

// Peer returns how this daemon hears another one.
func (e *Engine) Peer(id wire.DaemonID) Hearing {
	if r := e.cfg.Topology.Rank(id); r >= 0 {
		return e.peers[r]
	}
	return Hearing{}
}

// heard notes a datagram that has passed the checks.
func (e *Engine) heard(now clock.Time, id wire.DaemonID) {
	p := &e.peers[e.cfg.Topology.Rank(id)]
	p.Datagrams++
	p.Last = now
}

// heardPacket notes what became of a data packet.
func (e *Engine) heardPacket(p *wire.Packet, missed bool, r ring.Reason) {
	rank := e.cfg.Topology.Rank(p.Proc)
	if r != ring.Stored || rank < 0 {
		return
	}
	if missed {
		e.peers[rank].Missed++
	} else {
		e.peers[rank].Packets++
	}
}

// heardOther notes a datagram with another hash from the address of a daemon: of the one that it
// names if that has the address, otherwise of all that do.
func (e *Engine) heardOther(now clock.Time, from netip.Addr, transmitter wire.DaemonID, hash uint32) {
	named := e.cfg.Topology.Daemon(transmitter)
	if named != nil && named.Addr.WithZone("") != from {
		named = nil
	}
	for i, d := range e.cfg.Topology.Daemons() {
		if d.Addr.WithZone("") == from && (named == nil || named.Rank == i) {
			p := &e.peers[i]
			p.Other, p.OtherHash = now, hash
			p.OtherCount++
		}
	}
}

// movePeers keeps what is known of the daemons that stay when the configuration changes.
func (e *Engine) movePeers(next *topology.Topology) {
	peers := make([]Hearing, len(next.Daemons()))
	for i, d := range next.Daemons() {
		peers[i] = e.Peer(d.ID)
	}
	e.peers = peers
}
