package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
)

// Level says what the layers above accept (ring-protocol §17.5).
type Level uint8

// The levels.
const (
	// Blocked: only stable packets are delivered. The level is Blocked from the loss of a ring, or
	// the start of forming one.
	Blocked Level = iota // blocked
	// Ordered: everything is delivered in total order, reliable messages too.
	Ordered // ordered
	// Everything: reliable messages are delivered as soon as they arrive.
	Everything // everything
)

// SetDelivery sets the level and delivers at once what the level allows.
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

// deliverOrdered delivers in order up to the first gap, or the first safe packet that is not stable
// (ring-protocol §17.2).
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

// deliverEarly delivers one reliable packet ahead of those before it, if the level allows that
// (ring-protocol §17.3).
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
	// All fragments of the packet are whole messages, so this does not disturb a message of the
	// same maker that is being assembled.
	eachFragment(s, func(index int16, data buf.Slice) { r.deliverWhole(s, data, out) })
}

// discard delivers the remaining packets up to the number that all members have, and forgets them.
// This is how safe messages are delivered, and it happens at every level (ring-protocol §17.4).
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

// deliver delivers a packet in order.
func (r *Ring) deliver(s *slot, out *Effects) {
	s.state = delivered
	r.stats.PacketsDelivered++
	eachFragment(s, func(index int16, data buf.Slice) { r.assemble(s, index, data, out) })
}

// deliverWhole delivers a message that fits in one fragment.
func (r *Ring) deliverWhole(s *slot, data buf.Slice, out *Effects) {
	if !sound(data.Bytes()) {
		r.count(MessageMalformed)
		return
	}
	out.deliver(Message{Service: s.service, Data: data, Proc: s.proc})
}
