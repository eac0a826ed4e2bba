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
	Actions []Action
	// Sends leave in this order.
	Sends []topology.Datagram
	// Transitions are for logs, counters and timelines.
	Transitions []Transition
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.Actions)
	e.Actions = e.Actions[:0]
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
type ActionKind uint8

// The kinds of actions.
const (
	// StopRing: the token is not to be used any more, delivery is blocked, and a recovery
	// that was on is undone. Not given when the ring itself has reported its loss.
	StopRing ActionKind = iota + 1
	// Recover: begin the recovery of the old ring under the token of the new one.
	Recover
)

// Action is something that the ring has to do.
type Action struct {
	Kind ActionKind
	// Recovery belongs to Recover, else it is empty.
	Recovery Recovery
}

// Recovery is what FORM2 says to a daemon: the ring to be, and how the old one
// ends (membership-protocol §7.4, ring-protocol §22.2). It shares no memory with the
// machine.
type Recovery struct {
	// Future is the id of the ring to be installed, Members are its daemons in
	// ring order. The last of them makes the first regular token.
	Future  wire.MembershipID
	Members []wire.DaemonID
	// Aru: all members of the old ring have its packets up to here.
	Aru int32
	// Highest is the largest number of the old ring known on board; packets above are
	// forgotten.
	Highest int32
	// Holes are numbers above Aru that nobody on board has, ascending.
	Holes []int32
	// LastSeq is the recovery mark, above all numbers of all old rings.
	LastSeq int32
	// Commit are the daemons that may be bound to the same recovery. After a
	// hole only their messages are delivered.
	Commit []wire.DaemonID
	// TransitionalID and Transitional are the configuration that stands between
	// the old ring and the new one, in the order of the configuration.
	TransitionalID wire.MembershipID
	Transitional   []wire.DaemonID
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
	Verdicts [NumVerdicts]uint64
	// Causes counts transitions by their causes.
	Causes [NumCauses]uint64
}
