package membership

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Effects collects what the driver has to do after a step: carry out the actions
// in order, then send.
type Effects struct {
	// Actions are for the ring.
	RingCommands []RingCommand
	// Sends leave in this order.
	Sends []topology.Datagram
	// Transitions are for logs, counters and timelines.
	Transitions []Transition
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.RingCommands)
	e.RingCommands = e.RingCommands[:0]
	clear(e.Sends)
	e.Sends = e.Sends[:0]
	e.Transitions = e.Transitions[:0]
}

// Transition is a change of state, or the entry into the same state once more.
type Transition struct {
	From, To State
	Cause    Cause
	At       clock.Time
}

// String prints it as in timelines.
func (t Transition) String() string {
	return fmt.Sprintf("%v -> %v because %v", t.From, t.To, t.Cause)
}

// ActionKind says what the ring has to do.
type RingCommandKind uint8

// The kinds of actions.
const (
	// StopRing: the token is not to be used any more, delivery is blocked, and a recovery
	// that was on is undone. Not given when the ring itself has reported its loss.
	StopRing RingCommandKind = iota + 1
	// Recover: begin the recovery of the old ring under the token of the new one.
	Recover
)

// Action is something that the ring has to do.
type RingCommand struct {
	Kind RingCommandKind
	// Recovery belongs to Recover, else it is empty.
	Recovery topology.Recovery
}

// Installation is a new ring: the daemons that come along from the old one,
// then all of the new one. Both lists are in the order of the configuration.
type Installation struct {
	TransitionalID wire.MembershipID
	Transitional   []wire.DaemonID
	RegularID      wire.MembershipID
	Regular        []wire.DaemonID
}

// Stats counts what has happened since the start.
type Stats struct {
	// Verdicts counts inputs by what became of them.
	Reasons [NumReasons]uint64
	// Causes counts transitions by their causes.
	Causes [NumCauses]uint64
}
