package membership

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// checkPacket decodes an ALIVE, JOIN or REFER and refuses what no daemon may act on
// (membership-protocol §13).
func (m *Machine) checkPacket(e *event) (input, Reason) {
	p := e.packet
	sender := m.cfg.Topology.Daemon(p.Proc)
	switch {
	case sender == nil:
		return 0, UnknownDaemon
	case p.Proc == m.cfg.Self:
		return 0, OwnInput
	}
	switch p.Type & wire.PacketMemberships {
	case wire.PacketAlive:
		var g wire.Gather
		if err := g.Decode(p); err != nil {
			return 0, Malformed
		}
		if sender.Segment != m.segment {
			return 0, OtherSegment
		}
		m.hearGather(e, &g)
		return inputAlive, Accepted
	case wire.PacketJoin:
		return inputJoin, m.checkJoin(e)
	case wire.PacketRefer:
		return inputRefer, m.checkRefer(e)
	default:
		return 0, BadType
	}
}

func (m *Machine) checkJoin(e *event) Reason {
	var g wire.Gather
	if err := g.Decode(e.packet); err != nil {
		return Malformed
	}
	e.listed = m.memory.listed[:0]
	for _, id := range g.Members.All() {
		e.listed = append(e.listed, id)
	}
	m.memory.listed = e.listed
	for i, r := range g.Reps.All() {
		switch {
		case m.cfg.Topology.Daemon(r.Daemon) == nil:
			return UnknownDaemon
		case r.Kind > wire.RepRing, i == 0 && r.Kind == wire.RepPotential:
			return BadKind
		case i == 0 && r.Daemon != e.packet.Proc:
			return NotTheSender
		}
		e.reps = append(e.reps, r)
	}
	m.hearGather(e, &g)
	return Accepted
}

func (m *Machine) checkRefer(e *event) Reason {
	id, kind := e.packet.Refer()
	switch {
	case len(e.packet.Body) > 0:
		return Malformed
	case m.cfg.Topology.Daemon(id) == nil:
		return UnknownDaemon
	case id == m.cfg.Self:
		return OwnInput
	case e.packet.Membership.Time != int32(kind), kind > wire.RepRing:
		return BadKind
	}
	e.reps = []wire.Rep{{Daemon: id, Kind: kind}}
	m.hearFrom(e, e.packet.Proc)
	return Accepted
}

// sendAlive tells the segment that this daemon has no token.
func (m *Machine) sendAlive(e *event) {
	m.sendGather(e, topology.ToSegment(m.segment), wire.PacketAlive, nil)
}

// sendJoin sends the daemons that this one speaks for, and the representatives that it knows.
func (m *Machine) sendJoin(e *event, to topology.Target) {
	m.sendGather(e, to, wire.PacketJoin, m.reps)
}

func (m *Machine) sendGather(e *event, to topology.Target, t wire.RingType, reps repList) {
	if to == topology.ToSegment(m.segment) && len(m.cfg.Topology.Segments()[m.segment].Daemons) == 1 {
		return // ring-protocol §10.4: nobody listens
	}
	members := m.heard
	if m.alive && m.cfg.Early {
		members = m.installed.Members() // C daemons list nobody; nobody but us looks
	}
	body := wire.AppendMembers(m.memory.body[:0], wire.LittleEndian, 0, members...)
	if t == wire.PacketJoin {
		body = wire.AppendReps(body, wire.LittleEndian, 0, reps...)
	}
	m.memory.body = body
	m.sendPacket(e, to, &wire.Packet{Type: t, Transmitter: m.cfg.Self, Proc: m.cfg.Self, ConfHash: m.cfg.ConfHash, Body: body}, 1)
}

// refer tells a daemon which one to ask instead.
func (m *Machine) refer(e *event, to wire.DaemonID, r wire.Rep) { m.sendRefer(e, to, r, 0) }

func (m *Machine) sendRefer(e *event, to wire.DaemonID, r wire.Rep, seq int32) {
	p := wire.Packet{
		Type: wire.PacketRefer, Transmitter: m.cfg.Self, Proc: m.cfg.Self, ConfHash: m.cfg.ConfHash, Seq: seq,
		Membership: wire.MembershipID{Daemon: r.Daemon, Time: int32(r.Kind)},
	}
	m.sendPacket(e, topology.ToDaemon(to), &p, 1)
}

func (m *Machine) sendPacket(e *event, to topology.Target, p *wire.Packet, copies int) {
	m.send(e, to, p.Append(make([]byte, 0, wire.PacketHeaderLen+len(p.Body))), copies)
}

// sendToken sends a form token to the token port of the next daemon, twice: one copy may be lost,
// and a daemon that has one swallows the other.
func (m *Machine) sendToken(e *event, to wire.DaemonID, t wire.RingType, mark int32, body []byte) {
	tok := wire.Token{
		Type: t, Transmitter: m.cfg.Self, Proc: m.cfg.Self, Membership: m.attempt,
		Seq: mark, ConfHash: m.cfg.ConfHash, Body: body,
	}
	m.hearing.to, m.hearing.toAt = to, e.now
	if p := m.peer(to); p != nil {
		p.sent = e.now
	}
	m.send(e, topology.ToTokenPort(to), tok.Append(nil), 2)
}

// send sends b, which is a whole datagram.
func (m *Machine) send(e *event, to topology.Target, b []byte, copies int) {
	d := topology.Datagram{To: to, Body: b[wire.PacketHeaderLen:]}
	copy(d.Head[:], b)
	for range copies {
		e.out.Sends = append(e.out.Sends, d)
	}
}
