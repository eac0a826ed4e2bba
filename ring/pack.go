package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// makePackets makes up to limit packets from the waiting messages, and returns how many it made.
func (r *Ring) makePackets(limit int, out *Effects) int {
	q := r.served()
	made := 0
	for made < limit && q.len() > 0 {
		r.makePacket(q, out)
		made++
		q = r.served()
	}
	r.sending.arena.close(out)
	r.stats.PacketsSent += int64(made)
	return made
}

// makePacket puts the next fragment, and the messages that fit behind it, into a packet
// (ring-protocol §7.3).
func (r *Ring) makePacket(q *queue, out *Effects) {
	r.seq.highest++
	s := r.table.add(r.seq.highest, r.seq.lastDiscarded)
	s.state = have
	s.service = q.peek().Service
	s.kind = s.service.bit()
	s.maker = r.self.rank
	s.proc = r.cfg.Self

	var lo, hi int
	s.first, lo, hi = q.fragment()
	data := q.peek().Data
	data.Lo, data.Hi = data.Lo+lo, data.Lo+hi
	if s.first.Index < 0 {
		out.release(q.pop().Data.Block)
	} else {
		q.sent = hi
	}
	if r.fits(q, s, data.Len()) {
		s.body = r.pack(q, s, data, out)
		return
	}
	// A fragment that is alone in its packet is sent from where it is.
	data.Block.Retain()
	s.body = data
}

// fits reports whether the next message can follow n bytes in a packet. It must fit as a whole, and
// the services must agree; FIFO and AGREED do, because they are delivered alike. A fragment that is
// not the last of its message fills its packet.
func (r *Ring) fits(q *queue, s *slot, n int) bool {
	if q.len() == 0 || s.first.Index > 0 {
		return false
	}
	m := q.peek()
	ordered := func(s Service) bool { return s == FIFO || s == Agreed }
	return m.Data.Len() <= wire.FragmentRoom(n) &&
		(m.Service == s.service || ordered(m.Service) && ordered(s.service))
}

// pack builds the body of a packet with several fragments.
func (r *Ring) pack(q *queue, s *slot, first buf.Slice, out *Effects) buf.Slice {
	b := r.sending.arena.open(r.cfg.Pool, out)
	start := len(b)
	b = append(b, first.Bytes()...)
	for r.fits(q, s, len(b)-start) {
		m := q.pop()
		b = wire.AppendFragment(b, start, wire.LittleEndian, -1, m.Data.Bytes())
		out.release(m.Data.Block)
	}
	return r.sending.arena.take(b)
}

// arena is the memory for the packed packets of one turn: a pooled block that they share. After the
// turn, only the packets hold the block.
type arena struct {
	block *buf.Block
	used  int
}

// open returns room for a packet's body. The body begins at the slice's length; append it there.
func (a *arena) open(p *buf.Pool, out *Effects) []byte {
	if a.block != nil && a.used+wire.MaxPacketBody > len(a.block.Bytes()) {
		a.close(out)
	}
	if a.block == nil {
		a.block = p.Get(wire.MaxPacketBody)
	}
	return a.block.Bytes()[:a.used]
}

// take returns the body that was appended to the result of open, with a reference for the packet.
func (a *arena) take(b []byte) buf.Slice {
	s := buf.Slice{Block: a.block, Lo: a.used, Hi: len(b)}
	a.block.Retain()
	a.used = len(b)
	return s
}

// close releases the arena's own reference.
func (a *arena) close(out *Effects) {
	out.release(a.block)
	*a = arena{}
}
