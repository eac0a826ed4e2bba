package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
)

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
