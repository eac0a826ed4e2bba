package ring

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// sendBeforeToken sends the packets from number first on, except those that an accelerated ring
// sends after the token. It returns the number of the first of these (ring-protocol §18.2).
func (r *Ring) sendBeforeToken(first int32, out *Effects) (waiting int32) {
	waiting = r.seq.highest + 1
	if r.cfg.Accelerated {
		waiting = max(first, waiting-int32(r.cfg.AcceleratedWindow))
	}
	r.sendRange(first, waiting, out)
	return waiting
}

// sendMade sends the packets from number first on.
func (r *Ring) sendMade(first int32, out *Effects) { r.sendRange(first, r.seq.highest+1, out) }

func (r *Ring) sendRange(first, end int32, out *Effects) {
	for seq := first; seq < end; seq++ {
		s := r.table.find(seq)
		s.round = r.token.turns // when first sent (ring-protocol §18.4)
		r.sendToAll(s, out)
	}
}

// sendToAll sends a packet to every member: by unicast to the leaders of the other segments, which
// repeat it there, and then to this daemon's segment (ring-protocol §10.2).
func (r *Ring) sendToAll(s *slot, out *Effects) {
	for i := range r.route.heads {
		if i != r.self.segment {
			r.sendToSegment(i, s, out)
		}
	}
	r.sendToSegment(r.self.segment, s, out)
}

// sendToSegment sends a packet to one segment (ring-protocol §10.4). If this daemon is alone in its
// segment, nobody else listens on the segment's addresses.
func (r *Ring) sendToSegment(i int, s *slot, out *Effects) {
	switch {
	case i != r.self.segment:
		if head := r.route.heads[i]; head != 0 {
			r.sendPacket(topology.ToDaemon(head), wire.PacketRouted, s, out)
		}
	case !r.self.alone:
		r.sendPacket(topology.ToSegment(i), 0, s, out)
	}
}

// sendPacket sends a packet of the table. The sender becomes its transmitter; the maker stays
// (ring-protocol §14.1).
func (r *Ring) sendPacket(to topology.Target, routed wire.RingType, s *slot, out *Effects) {
	p := wire.Packet{
		Type:        s.kind | routed,
		Transmitter: r.cfg.Self,
		Proc:        s.proc,
		Membership:  r.id,
		Seq:         s.seq,
		TokenRound:  s.round,
		ConfHash:    r.cfg.ConfHash,
		First:       s.first,
	}
	out.Sends = append(out.Sends, topology.Datagram{To: to, Body: s.body.Bytes()})
	d := &out.Sends[len(out.Sends)-1]
	p.AppendHeader(d.Head[:0], len(d.Body))
}

// sendToken sends copies of a token to the successor.
func (r *Ring) sendToken(t *wire.Token, copies int, out *Effects) {
	r.scratch.token = t.Append(r.scratch.token[:0])
	d := topology.Datagram{
		To:   topology.ToTokenPort(r.route.successor),
		Head: [wire.TokenHeaderLen]byte(r.scratch.token),
	}
	if body := r.scratch.token[wire.TokenHeaderLen:]; len(body) > 0 {
		// The driver sends after the step, when scratch may have been reused.
		b := r.cfg.Pool.Get(len(body))
		d.Body = b.Bytes()[:copy(b.Bytes(), body)]
		out.release(b)
	}
	for range copies {
		out.Sends = append(out.Sends, d)
	}
}
