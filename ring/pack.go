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
	s.first, lo, hi = q.fragment(r.room())
	data := q.peek().Data
	data.Lo, data.Hi = data.Lo+lo, data.Lo+hi
	if s.first.Index < 0 {
		out.release(q.pop().Data.Block)
	} else {
		q.take(hi)
	}
	if r.fits(q, s, data.Len()) || r.splits(q, s, data.Len()) {
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
	return q.peek().Data.Len() <= r.rest(n) && alike(q.peek().Service, s.service)
}

// rest returns how many bytes a further fragment may have in a packet with a body of n bytes.
func (r *Ring) rest(n int) int { return wire.FragmentRoom(n) - r.cfg.Overhead }

// alike reports whether messages of two services may share a packet.
func alike(a, b Service) bool {
	ordered := func(s Service) bool { return s == FIFO || s == Agreed }
	return a == b || ordered(a) && ordered(b)
}

// minSplit is the least that a packet is filled up with: it holds the header of the message, and is
// worth a copy at each receiver.
const minSplit = 128

// splits reports whether a packet with n bytes is filled up with the first part of the next
// message. A ring with C daemons does not do so, and nor do reliable packets, which are delivered
// early because all of their messages are whole.
func (r *Ring) splits(q *queue, s *slot, n int) bool {
	return r.cfg.Overhead > 0 && s.service != Reliable && q.len() > 0 && s.first.Index < 0 && r.rest(n) >= minSplit && alike(q.peek().Service, s.service)
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
	if n := len(b) - start; r.splits(q, s, n) {
		h, lo, hi := q.fragment(r.rest(n))
		b = wire.AppendFragment(b, start, wire.LittleEndian, h.Index, q.peek().Data.Bytes()[lo:hi])
		q.take(hi)
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
