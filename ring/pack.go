package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// Accepting reports whether Submit takes another message. While it does not,
// the driver reads no client (ring-protocol §16.4).
func (r *Ring) Accepting() bool {
	return r.users.len() < r.cfg.QueueMessages
}

// Submit takes a message of a local session, whose header the driver has
// checked. It reports false, and does nothing, when too many are waiting.
func (r *Ring) Submit(now clock.Time, m Message, out *Effects) (accepted bool) {
	if !r.Accepting() {
		return false
	}
	r.submit(now, &r.users, m, out)
	return true
}

// SubmitGroups takes a message of the daemons' own exchange of group state. Its
// queue is not bounded: an exchange has as many as it has.
func (r *Ring) SubmitGroups(now clock.Time, m Message, out *Effects) {
	r.submit(now, &r.groups, m, out)
}

func (r *Ring) submit(now clock.Time, q *queue, m Message, out *Effects) {
	if m.Service < Reliable || m.Service > Safe || !sound(m.Data.Bytes()) {
		r.count(MessageRefused)
		return
	}
	m.Proc = r.cfg.Self
	if q == r.served() && r.immediate() {
		r.order(m, out)
		return
	}
	m.Data.Block.Retain()
	q.push(m)
	if q == r.served() && q.len() == 1 {
		r.hurry(now, out)
	}
}

// sound reports whether the header of a message agrees with its length, and
// whether that is one which a ring with C daemons can carry: a receiver reads names and data by
// the header (ring-protocol §7.6, §25).
func sound(b []byte) bool {
	var h wire.Header
	if len(b) > wire.MaxMessage || h.Decode(b) != nil {
		return false
	}
	n, err := h.Size()
	return err == nil && n == len(b)
}

// SetExchange says whether the daemons exchange the state of their groups.
// While they do, only the groups queue is served (groups-protocol §5).
func (r *Ring) SetExchange(now clock.Time, on bool, out *Effects) {
	if r.exchange == on {
		return
	}
	r.exchange = on
	r.serveAlone(out)
	if r.served().len() > 0 {
		r.hurry(now, out)
	}
}

// ClearGroups drops the state messages that are not sent. One that is sent in
// part on a ring that is up is completed: others have its beginning and would
// take what follows for its continuation.
func (r *Ring) ClearGroups(out *Effects) {
	keep := 0
	if r.state == Operational && r.groups.sent > 0 {
		keep = 1
	}
	r.groups.cut(keep, out)
}

// served returns the queue whose messages are sent: that of the exchange
// while there is one, else the users'; but never another before a message is
// sent whole.
func (r *Ring) served() *queue {
	switch {
	case r.users.sent > 0:
		return &r.users
	case r.groups.sent > 0 || r.exchange:
		return &r.groups
	default:
		return &r.users
	}
}

// makePackets makes up to limit packets from what waits, and returns their
// number.
func (r *Ring) makePackets(limit int, out *Effects) int {
	q := r.served()
	made := 0
	for made < limit && q.len() > 0 {
		r.makePacket(q, out)
		made++
		q = r.served()
	}
	r.arena.close(out)
	r.stats.PacketsSent += int64(made)
	return made
}

// makePacket puts the next fragment, and the messages that fit behind it, into
// a packet (ring-protocol §7.3).
func (r *Ring) makePacket(q *queue, out *Effects) {
	r.highest++
	s := r.table.add(r.highest, r.lastDiscarded)
	s.state = have
	s.service = q.peek().Service
	s.kind = s.service.bit()
	s.maker = r.rank
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
	// Alone in its packet, the fragment is sent from where it is.
	data.Block.Retain()
	s.body = data
}

// fits reports whether the next message goes behind n bytes in a packet: it has
// room as a whole, and the services agree, which FIFO and AGREED do, being
// delivered alike. A fragment that is not a message's last fills its packet.
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
	b := r.arena.open(r.cfg.Pool, out)
	start := len(b)
	b = append(b, first.Bytes()...)
	for r.fits(q, s, len(b)-start) {
		m := q.pop()
		b = wire.AppendFragment(b, start, wire.LittleEndian, -1, m.Data.Bytes())
		out.release(m.Data.Block)
	}
	return r.arena.take(b)
}

// sendBeforeToken sends the packets made from number first on, but for those
// that an accelerated ring sends after the token, and returns the number of the
// first of these (ring-protocol §18.2).
func (r *Ring) sendBeforeToken(first int32, out *Effects) (waiting int32) {
	waiting = r.highest + 1
	if r.cfg.Accelerated {
		waiting = max(first, waiting-int32(r.cfg.AcceleratedWindow))
	}
	r.sendRange(first, waiting, out)
	return waiting
}

// sendMade sends the packets made from number first on.
func (r *Ring) sendMade(first int32, out *Effects) { r.sendRange(first, r.highest+1, out) }

func (r *Ring) sendRange(first, end int32, out *Effects) {
	for seq := first; seq < end; seq++ {
		s := r.table.find(seq)
		s.round = r.tokenRounds // when first sent (ring-protocol §18.4)
		r.sendToAll(s, out)
	}
}

// arena is the memory of packed packets of one turn: a pooled block that several
// share. A block is held by its packets alone once the turn is over.
type arena struct {
	block *buf.Block
	used  int
}

// open returns room for a packet's body, to be appended to; its length is
// where the body begins.
func (a *arena) open(p *buf.Pool, out *Effects) []byte {
	if a.block != nil && a.used+wire.MaxPacketBody > len(a.block.Bytes()) {
		a.close(out)
	}
	if a.block == nil {
		a.block = p.Get(wire.MaxPacketBody)
	}
	return a.block.Bytes()[:a.used]
}

// take returns the body that was appended to what open gave, with a reference
// for the packet.
func (a *arena) take(b []byte) buf.Slice {
	s := buf.Slice{Block: a.block, Lo: a.used, Hi: len(b)}
	a.block.Retain()
	a.used = len(b)
	return s
}

// close gives up the arena's own reference.
func (a *arena) close(out *Effects) {
	out.release(a.block)
	*a = arena{}
}
