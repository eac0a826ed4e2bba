package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
)

// Level says what the layers above take (ring-protocol §17.5).
type Level uint8

// The levels.
const (
	// Blocked: only what is stable is delivered. It is the level from the
	// loss of a ring, or the start of forming one, on.
	Blocked Level = iota // blocked
	// Ordered: all in order, reliable messages too.
	Ordered // ordered
	// Everything: reliable messages as soon as they are here.
	Everything // everything
)

// SetDelivery sets the level, and delivers at once what it lets through.
func (r *Ring) SetDelivery(_ clock.Time, l Level, out *Effects) {
	r.level = l
	r.serveAlone(out)
	r.deliverOrdered(out)
	if l == Everything {
		for seq := r.seq.lastDelivered + 1; seq <= r.seq.highest; seq++ {
			r.deliverEarly(seq, out)
		}
	}
}

// deliverOrdered delivers in order up to the first gap or the first safe packet
// that is not stable (ring-protocol §17.2).
func (r *Ring) deliverOrdered(out *Effects) {
	if r.state != Operational || r.level == Blocked {
		return
	}
	for r.seq.lastDelivered < r.seq.myAru {
		s := r.table.find(r.seq.lastDelivered + 1)
		if s == nil || s.state == have && s.service == Safe {
			return
		}
		if s.state == have {
			r.deliver(s, out)
		}
		r.seq.lastDelivered++
	}
}

// deliverEarly delivers one reliable packet ahead of those before it, if the
// layers above take that (ring-protocol §17.3).
func (r *Ring) deliverEarly(seq int32, out *Effects) {
	if r.state != Operational || r.level != Everything || seq <= r.seq.lastDelivered {
		return
	}
	s := r.table.find(seq)
	if s == nil || s.state != have || !s.isEarly() {
		return
	}
	s.state = delivered
	r.stats.PacketsDelivered++
	// All its fragments are whole messages, so whatever its maker has under
	// assembly in the order goes on undisturbed.
	eachFragment(s, func(index int16, data buf.Slice) { r.deliverWhole(s, data, out) })
}

// discard delivers what is not yet, up to what all have, and forgets it. That
// is how safe messages are delivered, and no level holds it back
// (ring-protocol §17.4).
func (r *Ring) discard(out *Effects) {
	for r.seq.lastDiscarded < r.seq.aru {
		s := r.table.find(r.seq.lastDiscarded + 1)
		if s == nil {
			break
		}
		if s.state == have {
			r.deliver(s, out)
		}
		r.table.remove(s, out)
		r.seq.lastDiscarded++
	}
	r.seq.lastDelivered = max(r.seq.lastDelivered, r.seq.lastDiscarded)
}

// deliver delivers a packet in its turn.
func (r *Ring) deliver(s *slot, out *Effects) {
	s.state = delivered
	r.stats.PacketsDelivered++
	eachFragment(s, func(index int16, data buf.Slice) { r.assemble(s, index, data, out) })
}

// deliverWhole delivers a message that a fragment holds whole.
func (r *Ring) deliverWhole(s *slot, data buf.Slice, out *Effects) {
	if !sound(data.Bytes()) {
		r.count(MessageMalformed)
		return
	}
	out.deliver(Message{Service: s.service, Data: data, Proc: s.proc})
}
