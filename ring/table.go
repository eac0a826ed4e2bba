package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

const (
	// MaxPackets is the size of the table: it holds numbers up to this far above what all members
	// have (ring-protocol §11).
	MaxPackets = 8192
	// minPackets is the first size of the table. It covers the default window and what a round
	// adds.
	minPackets = 256
)

// slotState says what is known about one sequence number.
type slotState uint8

const (
	empty     slotState = iota
	have                // received or made, not delivered
	delivered           // delivered, kept for others that may ask for it
	hole                // nobody has it; in recovery only
)

// slot is one packet: what its header says, and where its body is.
type slot struct {
	state   slotState
	service Service
	// maker is the place of proc in assembly.partials.
	maker int16
	// kind is the type word, which a retransmission repeats.
	kind  wire.RingType
	proc  wire.DaemonID
	seq   int32
	round int32 // token_round
	first wire.FragmentHeader
	// body is in little-endian order. The slot holds a reference to its block.
	body buf.Slice
}

// isPacket reports whether the slot has a packet, which can be sent again.
func (s *slot) isPacket() bool { return s != nil && (s.state == have || s.state == delivered) }

// isEarly reports whether the packet may be delivered ahead of those before it. That is a reliable
// packet whose first fragment is a whole message, and then all its fragments are (ring-protocol
// §17.3).
func (s *slot) isEarly() bool { return s.service == Reliable && s.first.Index == -1 }

// table holds packets by sequence number modulo its length, which doubles up to MaxPackets. A slot
// that is not empty knows its number, so any number can be looked up.
type table struct{ slots []slot }

// find returns the slot of a number that is present, as hole or packet, or nil.
func (t *table) find(seq int32) *slot {
	if len(t.slots) == 0 {
		return nil
	}
	s := &t.slots[int(seq)&(len(t.slots)-1)]
	if s.state == empty || s.seq != seq {
		return nil
	}
	return s
}

// add returns the slot of a number that is not present, for the caller to fill. low < seq ≤
// low+MaxPackets, and the table has nothing at or below low.
func (t *table) add(seq, low int32) *slot {
	for int(seq-low) > len(t.slots) {
		t.grow()
	}
	s := &t.slots[int(seq)&(len(t.slots)-1)]
	*s = slot{seq: seq}
	return s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(minPackets, 2*len(old)))
	for i := range old {
		if s := &old[i]; s.state != empty {
			t.slots[int(s.seq)&(len(t.slots)-1)] = *s
		}
	}
}

// remove empties a slot.
func (t *table) remove(s *slot, out *Effects) {
	out.release(s.body.Block)
	*s = slot{}
}
