package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Service is the class in which the ring carries a message. The ring has no unreliable and no
// causal service (ring-protocol §7.4).
type Service uint8

// The services, weakest first.
const (
	Reliable Service = iota + 1 // reliable
	FIFO                        // fifo
	Agreed                      // agreed
	Safe                        // safe
)

// bit returns the service's bit in the type of a packet.
func (s Service) bit() wire.RingType { return wire.RingType(1) << s }

// serviceOf returns the service of a packet's type, or false if the type does not have exactly one.
// UNRELIABLE is never sent (ring-protocol §7.5).
func serviceOf(t wire.RingType) (Service, bool) {
	switch t & wire.PacketServices {
	case wire.PacketReliable:
		return Reliable, true
	case wire.PacketFIFO:
		return FIFO, true
	case wire.PacketAgreed:
		return Agreed, true
	case wire.PacketSafe:
		return Safe, true
	default:
		return 0, false
	}
}

// Message is what the ring orders: the bytes of one whole message, header included (ring-protocol
// §7.4).
type Message struct {
	Service Service
	// Data of a delivered message is in the byte order of the daemon that accepted it, as its
	// marker says.
	Data buf.Slice
	// Proc is the daemon that put the message on the ring. Submit ignores it.
	Proc wire.DaemonID
}

// sound reports whether the header of a message agrees with its length, and whether a ring with C
// daemons can carry that length. A receiver finds names and data by the header (ring-protocol §7.6,
// §25).
func sound(b []byte) bool {
	var h wire.Header
	if len(b) > wire.MaxMessage || h.Decode(b) != nil {
		return false
	}
	n, err := h.Size()
	return err == nil && n == len(b)
}

// messageSize returns the length of the message that begins with a fragment, if its header has a
// length that fits into fragments. C daemons can send one byte more than we do (ring-protocol §25).
func messageSize(b []byte) (size int, ok bool) {
	var h wire.Header
	if h.Decode(b) != nil {
		return 0, false
	}
	n, err := h.Size()
	return n, err == nil && n >= len(b) && n <= wire.MaxFragments*FragmentBytes
}
