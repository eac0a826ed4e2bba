package engine

import (
	"net/netip"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// HandleData takes a datagram from a data port, which came from the address from (without a zone).
// Sends may point into it.
//
// It performs the checks of ring-protocol §9, in that order. A datagram that fails one is counted
// by reason and has no effect.
func (e *Engine) HandleData(now clock.Time, wall int32, from netip.Addr, datagram buf.Slice, out *Effects) Reason {
	e.wall = wall
	r := e.handleData(now, from, datagram, out)
	e.datagrams[r]++
	e.settle(now, out)
	return r
}

func (e *Engine) handleData(now clock.Time, from netip.Addr, datagram buf.Slice, out *Effects) Reason {
	p := &e.packet
	if p.Decode(datagram.Bytes()) != nil {
		return Malformed
	}
	if r := e.checkOrigin(now, p.ConfHash, p.Transmitter, from); r != Accepted {
		return r
	}
	if p.Type.Kind() == wire.KindControl {
		out.Controls = append(out.Controls, Control{Type: p.Type & wire.PacketControls, Packet: *p, From: from})
		return Accepted
	}
	switch {
	case p.Transmitter == e.cfg.Self:
		return Own
	case e.isApart(p.Transmitter):
		return PartitionedOff
	}
	e.heard(now, p.Transmitter)
	if p.Type&wire.PacketRouted != 0 {
		e.relay(p, datagram.Bytes(), out)
		p.Type &^= wire.PacketRouted
	}
	switch p.Type.Kind() {
	case wire.KindMembership:
		e.memb.HandlePacket(now, e.wall, p, &e.membOut)
	case wire.KindHurry:
		if !e.memb.HandleHello(p) {
			e.ring.HandleHurry(now, p, &e.ringOut)
		}
	case wire.KindData:
		missed := e.ring.HasAsked(p.Seq)
		r := e.ring.HandlePacket(now, p, datagram, &e.ringOut)
		e.heardPacket(p, missed, r)
		if r == ring.Foreign {
			e.memb.HandleForeign(now, e.wall, p, &e.membOut)
		}
	case wire.KindControl, wire.KindUnknown:
		return UnknownKind
	}
	return Accepted
}

// HandleToken takes a datagram from a token port.
func (e *Engine) HandleToken(now clock.Time, wall int32, from netip.Addr, datagram []byte, out *Effects) Reason {
	e.wall = wall
	r := e.handleToken(now, from, datagram)
	e.datagrams[r]++
	e.settle(now, out)
	return r
}

func (e *Engine) handleToken(now clock.Time, from netip.Addr, datagram []byte) Reason {
	t := &e.token
	if t.Decode(datagram) != nil {
		return Malformed
	}
	if r := e.checkOrigin(now, t.ConfHash, t.Transmitter, from); r != Accepted {
		return r
	}
	if e.isApart(t.Transmitter) {
		return PartitionedOff
	}
	if t.Transmitter != e.cfg.Self {
		e.heard(now, t.Transmitter)
	}
	switch {
	case t.Type&wire.TokenForms != 0:
		e.memb.HandleForm(now, e.wall, t, &e.membOut)
	default:
		e.ring.HandleToken(now, t, &e.ringOut)
	}
	return Accepted
}

// checkOrigin checks that a datagram is of our configuration, and comes from the address that is
// configured for its transmitter.
func (e *Engine) checkOrigin(now clock.Time, hash uint32, transmitter wire.DaemonID, from netip.Addr) Reason {
	d := e.cfg.Topology.Daemon(transmitter)
	switch {
	case hash != e.cfg.ConfHash:
		e.heardOther(now, from, transmitter, hash)
		return OtherConfiguration
	case d == nil:
		return UnknownTransmitter
	case d.Addr.WithZone("") != from:
		return WrongSource
	}
	return Accepted
}

// relay repeats a packet from another segment to our own one, before any other check (ring-protocol
// §10.3). Its body stays in the byte order of its maker, and so does its header.
func (e *Engine) relay(p *wire.Packet, datagram []byte, out *Effects) {
	segment := e.cfg.Topology.Daemon(e.cfg.Self).Segment
	if len(e.cfg.Topology.Segments()[segment].Daemons) < 2 {
		return
	}
	d := topology.Datagram{To: topology.ToSegment(segment), Body: datagram[wire.PacketHeaderLen:]}
	repeated := *p
	repeated.Type &^= wire.PacketRouted
	repeated.Transmitter = e.cfg.Self
	repeated.AppendHeader(d.Head[:0], len(p.Body))
	e.send(out, d)
}
