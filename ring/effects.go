package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Service is the class in which the ring carries a message (ring-protocol
// §7.4): there is no unreliable and no causal on the ring.
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

// serviceOf returns the service of a packet's type, or false if it has not
// exactly one. UNRELIABLE is never sent (ring-protocol §7.5).
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

// Message is what the ring orders: the bytes of one whole message, from its
// header on (ring-protocol §7.4).
type Message struct {
	Service Service
	// Data of a delivered message is in the byte order of the daemon that
	// accepted it, with that order's marker.
	Data buf.Slice
	// Proc is the daemon that put the message on the ring. Submit ignores
	// it.
	Proc wire.DaemonID
}

// EventKind says what an event is.
type EventKind uint8

// The kinds of events.
const (
	// Deliver hands up Event.Message.
	Deliver EventKind = iota + 1 // deliver
	// Committed: this daemon has all that the recovery can give it. The
	// commit set of the [topology.Recovery] is its commit set from now on
	// (ring-protocol §22.3).
	Committed // committed
	// Transitional: what is delivered from here on belongs to the
	// transitional configuration of the Recovery.
	Transitional // transitional
	// Regular: the new ring is installed; what is delivered from here on
	// belongs to it. Delivery is blocked until SetDelivery.
	Regular // regular
	// TokenLost: the ring is down, for Event.Cause.
	TokenLost // token lost
)

// Cause says why a ring went down by itself.
type Cause uint8

// The causes.
const (
	// TokenTimeout: no token and no packet of the ring came for that long.
	TokenTimeout Cause = iota + 1 // token timeout
	// RecoveryStuck: recovery took more than [MaxRecoveryTurns].
	RecoveryStuck // recovery stuck
)

// Event is something that the layers above have to know.
type Event struct {
	Kind    EventKind
	Cause   Cause   // of TokenLost
	Message Message // of Deliver
}

// Effects collects what the driver has to do after a step: put the datagrams
// on the wire in their order, hand up the events in theirs, and then, when both
// are done with, release the blocks of Releases. The driver hands it in, and
// resets it when all that is done; several steps may be collected in one value.
type Effects struct {
	Sends  []topology.Datagram
	Events []Event
	// Releases are blocks that the ring had retained and needs no more. The
	// bodies of Sends and the data of Events may point into them, so who
	// keeps data beyond the step retains its block first.
	Releases []*buf.Block
}

// Reset empties the effects for the next step. It does not release.
func (e *Effects) Reset() {
	clear(e.Sends) // they point into blocks
	e.Sends = e.Sends[:0]
	clear(e.Events)
	e.Events = e.Events[:0]
	clear(e.Releases)
	e.Releases = e.Releases[:0]
}

func (e *Effects) event(k EventKind) { e.Events = append(e.Events, Event{Kind: k}) }

func (e *Effects) deliver(m Message) {
	e.Events = append(e.Events, Event{Kind: Deliver, Message: m})
}

func (e *Effects) release(b *buf.Block) {
	if b != nil {
		e.Releases = append(e.Releases, b)
	}
}
