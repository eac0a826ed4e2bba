package ring

import (
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
)

// Effects collects what the driver has to do after a step: send the datagrams in order, pass the
// events up in order, and then release the blocks of Releases. The driver owns the value and resets
// it afterwards. Several steps may add to one value.
type Effects struct {
	Sends  []topology.Datagram
	Events []Event
	// Releases are blocks that the ring had retained and no longer needs. The bodies of Sends and
	// the data of Events may point into them, so a reader that keeps data beyond the step retains
	// its block first.
	Releases []*buf.Block
}

// Reset empties the effects for the next step. It does not release blocks.
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

// EventKind is the kind of an event.
type EventKind uint8

// The kinds of events.
const (
	// Deliver passes Event.Message up.
	Deliver EventKind = iota + 1 // deliver
	// Committed: this daemon has everything that the recovery can give it. From now on its commit
	// set is that of the [topology.Recovery] (ring-protocol §22.3).
	Committed // committed
	// Transitional: later deliveries belong to the transitional configuration of the recovery.
	Transitional // transitional
	// Regular: the new ring is installed, and later deliveries belong to it. Delivery is blocked
	// until SetDelivery.
	Regular // regular
	// TokenLost: the ring is down, because of Event.Cause.
	TokenLost // token lost
)

// Cause says why the ring went down by itself.
type Cause uint8

// The causes.
const (
	// TokenTimeout: no token and no new packet of the ring arrived for that long.
	TokenTimeout Cause = iota + 1 // token timeout
	// RecoveryStuck: the recovery took more than [MaxRecoveryTurns].
	RecoveryStuck // recovery stuck
	// NoProgress: the token went round for four token timeouts, and packets did not become stable.
	NoProgress // no progress
)

// Event is a change that the layers above have to know about.
type Event struct {
	Kind    EventKind
	Cause   Cause   // of TokenLost
	Message Message // of Deliver
}
