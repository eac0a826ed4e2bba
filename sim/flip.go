package sim

import (
	"math"
	"slices"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// A datagram with a wrong number may make daemons deliver something twice, or not at all: without keys
// that cannot be prevented. So runs with such datagrams are checked for what must hold all the same:
// no daemon panics or contradicts itself, and when nothing goes wrong any more, all are in one ring
// that delivers everything.

// flip changes one number of the next datagrams on their way. Half of them arrive beside the original,
// as if somebody had forged them.
func (w *world) flip() {
	w.flips += 1 + w.faultRand.IntN(10)
	w.flipTokens = chance(w.faultRand, 0.5)
}

// flipped returns a datagram with another number in it, or nil if this one stays as it is.
func (w *world) flipped(token bool, b []byte) []byte {
	if w.flips == 0 || w.calm || token != w.flipTokens || chance(w.faultRand, 0.5) {
		return nil
	}
	var out []byte
	if token {
		out = w.flipToken(b)
	} else {
		out = w.flipPacket(b)
	}
	if out != nil {
		w.flips--
		w.flipTokens = chance(w.faultRand, 0.5)
	}
	return out
}

// wrong returns another value for a number.
func (w *world) wrong(n *int32) {
	r := w.faultRand
	old := *n
	for *n == old {
		*n = choose(r, old-1, old+1, old+int32(r.IntN(20)), old+1700, old+3000, old+8000, 0, -1, 1, 1<<30, math.MaxInt32, int32(r.Uint32()))
	}
}

func (w *world) wrong16(n *int16) {
	v := int32(*n)
	w.wrong(&v)
	*n = int16(v)
}

func (w *world) flipPacket(b []byte) []byte {
	var p wire.Packet
	if p.Decode(b) != nil {
		return nil
	}
	switch p.Type.Kind() {
	case wire.KindData:
		switch w.faultRand.IntN(5) {
		case 0:
			w.wrong(&p.TokenRound)
		case 1:
			w.wrong(&p.Membership.Time)
		case 2:
			p.Proc++ // not configured
		default:
			// Not the number of another packet, for then a message is lost: it may be one that the groups
			// wait for.
			p.Seq = choose(w.faultRand, p.Seq+1700, p.Seq+3000, p.Seq+8000, 0, -1, math.MaxInt32)
		}
	case wire.KindHurry:
		w.wrong(&p.Seq)
	case wire.KindMembership:
		if p.Type&wire.PacketMemberships != wire.PacketRefer {
			return nil
		}
		w.wrong(&p.Membership.Time)
	case wire.KindControl, wire.KindUnknown:
		return nil
	}
	return p.Append(nil)
}

func (w *world) flipToken(b []byte) []byte {
	var t wire.Token
	if t.Decode(b) != nil {
		return nil
	}
	t.Body = slices.Clone(t.Body)
	if t.Type&wire.TokenForms != 0 {
		return w.flipForm(&t)
	}
	r := w.faultRand
	switch r.IntN(8) {
	case 0:
		t.Type = t.Type.WithARQ(uint8(r.IntN(16)))
	case 1:
		t.Type = t.Type.WithRetrans(uint8(r.IntN(16)))
	case 2:
		w.wrong(&t.Aru)
	case 3:
		t.AruLast = choose(r, wire.NoDaemon, t.AruLast+1, w.hosts[r.IntN(len(w.hosts))].d.ID)
	case 4:
		w.wrong16(&t.FlowControl)
	case 5:
		seqs := make([]int32, r.IntN(400))
		for i := range seqs {
			seqs[i] = t.Aru + int32(i)
		}
		id := t.Membership
		if chance(r, 0.5) {
			id.Time++
		}
		t.Body = wire.AppendRequest(t.Body, t.ByteOrder, id, wire.NoDaemon, wire.NoSegment, seqs...)
	case 6: // a seq that flow control counts
		by := int32(1 + r.IntN(3000))
		t.Seq += by
		t.FlowControl += int16(by)
	case 7:
		w.wrong(&t.Seq)
	}
	return t.Append(nil)
}

func (w *world) flipForm(t *wire.Token) []byte {
	var f wire.Form
	if f.Decode(t) != nil {
		return nil
	}
	v := f.Value()
	r := w.faultRand
	e := &v.Rings[r.IntN(len(v.Rings))]
	switch r.IntN(8) {
	case 0:
		w.wrong(&t.Seq)
	case 1:
		w.wrong(&t.Membership.Time)
	case 2:
		w.wrong(&v.ID.Time)
	case 3:
		w.wrong(&e.Aru)
	case 4:
		w.wrong(&e.HighestSeq)
	case 5:
		w.wrong(&e.TransTime)
	case 6:
		w.wrong(&e.Membership.Time)
	case 7:
		e.Membership.Daemon = w.hosts[r.IntN(len(w.hosts))].d.ID
	}
	t.Body = v.Append(nil, t.ByteOrder, t.Type&wire.TokenForms)
	return t.Append(nil)
}

// checkBounds checks that a daemon has refused nothing for a number that the protocol does not allow:
// correct daemons send no such numbers (docs/spec/bounds.md).
func (h *host) checkBounds() {
	if h.w.o.Faults[FaultFlip] > 0 || h.w.tamper.send != nil {
		return
	}
	c := h.engine.Counts()
	for _, v := range []ring.Reason{
		ring.TooFar, ring.UnknownMaker, ring.TokenTooFar, ring.TokenSpent, ring.TokenAruStranger, ring.TokenAruAhead, ring.TokenMiscounted,
		ring.BeyondToken, ring.FlowControlExceeded,
	} {
		if n := c.Ring[v]; n > 0 && (v != ring.UnknownMaker || !h.w.reloads()) {
			h.w.found = append(h.w.found, Violation{"bounds", h.w.now, h.life.Name + " has counted " + v.String()})
		}
	}
	if c.Membership.Reasons[membership.BadTime] > 0 {
		h.w.found = append(h.w.found, Violation{"bounds", h.w.now, h.life.Name + " has refused a time"})
	}
	if n := c.Datagrams[engine.Malformed]; n > 0 {
		h.w.found = append(h.w.found, Violation{"bounds", h.w.now, h.life.Name + " has refused malformed datagrams"})
	}
}

// reloads reports whether the configuration changes in this run.
func (w *world) reloads() bool { return w.o.Faults[FaultReload] > 0 }
