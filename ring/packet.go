package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// HandlePacket takes a data packet that has passed the checks of ring-protocol §9. p is decoded
// from datagram. If the ring keeps the packet it retains the block, and never writes to it.
func (r *Ring) HandlePacket(now clock.Time, p *wire.Packet, datagram buf.Slice, out *Effects) Reason {
	service, ok := serviceOf(p.Type)
	if !ok || p.Type.Kind() != wire.KindData {
		return r.count(NotData)
	}
	if p.Membership != r.id || r.stats.MembershipChanges == 0 {
		return r.count(Foreign)
	}
	if v := r.checkPacket(p); v != Stored {
		return r.count(v)
	}
	if r.state != Down {
		// A packet that was missing shows that the ring is alive. Copies of old ones do not, whoever
		// repeats them (ring-protocol §12 rule 2). While the leader holds the token, nobody makes
		// packets.
		r.postponeLoss(now)
		if !r.idle() {
			r.restartHurry(now)
		}
	}
	s := r.table.add(p.Seq, r.seq.lastDiscarded)
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
	r.seq.highest = max(r.seq.highest, p.Seq)
	if p.Seq == r.seq.myAru+1 {
		r.advance()
		r.deliverOrdered(out)
	}
	r.deliverEarly(p.Seq, out)
	return r.count(Stored)
}

// checkPacket decides whether to store a packet of this ring (ring-protocol §12 rules 3 and 4,
// §25).
func (r *Ring) checkPacket(p *wire.Packet) Reason {
	switch {
	case p.Seq < 1, int64(p.Seq) > r.farthest():
		return TooFar
	case p.Seq <= r.seq.lastDiscarded:
		return Old
	case r.alone():
		return TooFar // the numbers are given, and forgotten, here alone
	case r.table.find(p.Seq) != nil:
		return Duplicate
	case r.state == Recovering && p.Seq > r.seq.highest:
		return BeyondRecovery
	case r.maker(p.Proc) < 0:
		return UnknownMaker
	case p.CheckFragments() != nil:
		return Malformed
	default:
		return Stored
	}
}

// keep returns the body in little-endian order, for the table. It copies only the body of a
// big-endian sender: the original datagram may be on its way to others of this segment
// (ring-protocol §2).
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

// noteRound gives the token port priority once the predecessor sends packets that follow its token.
// By then the token has arrived or is about to, and all packets of the round before were sent
// (ring-protocol §18.3).
func (r *Ring) noteRound(p *wire.Packet) {
	if r.cfg.Accelerated && p.Transmitter == r.route.predecessor && p.TokenRound > r.token.accepted {
		r.token.first = true
	}
}

// advance raises myAru over the packets that are present.
func (r *Ring) advance() {
	for r.seq.myAru < r.seq.highest && r.table.find(r.seq.myAru+1) != nil {
		r.seq.myAru++
	}
}
