package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// HandlePacket takes a data packet that has passed the checks of what may be
// heard at all (ring-protocol §9). p is decoded from datagram; the ring retains
// its block if it keeps the packet, and never writes to it.
func (r *Ring) HandlePacket(now clock.Time, p *wire.Packet, datagram buf.Slice, out *Effects) Reason {
	service, ok := serviceOf(p.Type)
	if !ok || p.Type.Kind() != wire.KindData {
		return r.count(NotData)
	}
	if p.Membership != r.id || r.stats.MembershipChanges == 0 {
		return r.count(Foreign)
	}
	if r.state != Down && !r.alone() {
		// Any packet of the ring, a duplicate too, shows that the ring lives
		// (ring-protocol §12 rule 2).
		r.restartLoss(now)
		r.restartHurry(now)
	}
	if v := r.checkPacket(p); v != Stored {
		return r.count(v)
	}
	s := r.table.add(p.Seq, r.lastDiscarded)
	s.state = have
	s.service = service
	s.maker = int16(r.maker(p.Proc))
	s.kind = p.Type &^ wire.PacketRouted
	s.proc = p.Proc
	s.round = p.TokenRound
	s.first = p.First
	s.body = r.keep(p, datagram)
	r.stats.PacketsReceived++
	r.noteRound(p)
	r.highest = max(r.highest, p.Seq)
	if p.Seq == r.myAru+1 {
		r.advance()
		r.deliverOrdered(out)
	}
	r.deliverEarly(p.Seq, out)
	return r.count(Stored)
}

// checkPacket decides whether a packet of this ring is one to store
// (ring-protocol §12 rules 3 and 4, §25).
func (r *Ring) checkPacket(p *wire.Packet) Reason {
	switch {
	case p.Seq < 1, int64(p.Seq) > int64(r.lastDiscarded)+MaxPackets:
		return TooFar
	case p.Seq <= r.lastDiscarded:
		return Old
	case r.alone():
		return TooFar // the numbers are given, and forgotten, here alone
	case r.table.find(p.Seq) != nil:
		return Duplicate
	case r.state == Recovering && p.Seq > r.highest:
		return BeyondRecovery
	case r.maker(p.Proc) < 0:
		return UnknownMaker
	case p.CheckFragments() != nil:
		return Malformed
	default:
		return Stored
	}
}

// keep returns the body in little-endian order, for the table. Only that of a
// big-endian sender is copied: the datagram may be on its way to others of this
// segment as it came (ring-protocol §2).
func (r *Ring) keep(p *wire.Packet, datagram buf.Slice) buf.Slice {
	if p.ByteOrder == wire.LittleEndian {
		datagram.Block.Retain()
		return buf.Slice{Block: datagram.Block, Lo: datagram.Lo + wire.PacketHeaderLen, Hi: datagram.Hi}
	}
	b := r.cfg.Pool.Get(len(p.Body))
	body := b.Bytes()[:0]
	fragments := p.Fragments()
	for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
		if len(body) == 0 {
			body = append(body, f.Data...)
		} else {
			body = wire.AppendFragment(body, 0, wire.LittleEndian, f.Index, f.Data)
		}
	}
	return buf.Slice{Block: b, Hi: len(body)}
}

// noteRound gives the token socket priority once the predecessor sends what
// follows its token: the token is here, or will be at once, and all of the
// round before has been sent (ring-protocol §18.3).
func (r *Ring) noteRound(p *wire.Packet) {
	if r.cfg.Accelerated && p.Transmitter == r.route.predecessor && p.TokenRound > r.receivedRounds {
		r.tokenFirst = true
	}
}

// advance moves myAru over what is present.
func (r *Ring) advance() {
	for r.myAru < r.highest && r.table.find(r.myAru+1) != nil {
		r.myAru++
	}
}

// HandleHurry takes a hurry packet: a member has something to send and takes
// the token to be held here (ring-protocol §19.3).
func (r *Ring) HandleHurry(now clock.Time, p *wire.Packet, out *Effects) Reason {
	switch {
	case p.Type.Kind() != wire.KindHurry:
		return r.count(NotData)
	case r.state == Down || !r.route.ring.Contains(p.Proc):
		return r.count(HurryStranger)
	case !r.route.leads || !r.idle():
		return r.count(HurryIgnored)
	}
	r.letGo(now, out)
	return r.count(HurryTaken)
}

// idle reports whether the leader holds the token, as far as this daemon can
// tell: all is stable, and was a turn ago, and the last round needed at most
// one repeat (ring-protocol §19.1).
func (r *Ring) idle() bool {
	return r.state == Operational && r.route.ring.Len() > 1 &&
		r.last.Type.Retrans() <= 1 && r.aru == r.highest && r.tokenCounter > 1
}

// letGo sends the held token. That the counter starts anew has further hurries
// ignored until the ring is idle again.
func (r *Ring) letGo(now clock.Time, out *Effects) {
	r.tokenCounter = 0
	r.repeat(now, out)
}

// hurry asks for the token, if it seems to be held, since there is something to
// send now and was not before (ring-protocol §19.3).
func (r *Ring) hurry(now clock.Time, out *Effects) {
	if !r.idle() {
		return
	}
	if r.route.leads {
		r.letGo(now, out)
		return
	}
	p := wire.Packet{Type: wire.PacketHurry, Transmitter: r.cfg.Self, Proc: r.cfg.Self, ConfHash: r.cfg.ConfHash}
	d := topology.Datagram{To: topology.ToDaemon(r.route.leader)}
	p.Append(d.Head[:0])
	out.Sends = append(out.Sends, d)
}
