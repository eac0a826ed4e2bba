package membership

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Effects collects what the driver has to do after a step: carry out the commands in order, then
// send.
type Effects struct {
	// RingCommands are for the ring.
	RingCommands []RingCommand
	// Sends are datagrams, in the order in which to send them.
	Sends []topology.Datagram
	// Transitions are for logs, counters and timelines.
	Transitions []Transition
	// Changes explain the installations, for people.
	Changes []Change
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.RingCommands)
	e.RingCommands = e.RingCommands[:0]
	clear(e.Sends)
	e.Sends = e.Sends[:0]
	e.Transitions = e.Transitions[:0]
	clear(e.Changes)
	e.Changes = e.Changes[:0]
}

// Transition is a change of state, or a new entry into the same state.
type Transition struct {
	From, To State
	Cause    Cause
	At       clock.Time
}

// String returns the transition as timelines print it.
func (t Transition) String() string {
	return fmt.Sprintf("%v -> %v because %v", t.From, t.To, t.Cause)
}

// RingCommandKind is the kind of a command.
type RingCommandKind uint8

// The kinds of commands.
const (
	// StopRing: stop using the token, block delivery, and undo a recovery under way. The command is
	// not given when the ring itself has reported its loss.
	StopRing RingCommandKind = iota + 1
	// Recover: begin the recovery of the old ring under the token of the new one.
	Recover
)

// RingCommand is something that the ring has to do.
type RingCommand struct {
	Kind RingCommandKind
	// Recovery belongs to Recover; otherwise it is empty.
	Recovery topology.Recovery
}

// Installation is a new ring: the daemons that come along from the old one, and all daemons of the
// new one. Both lists are in configuration order.
type Installation struct {
	TransitionalID wire.MembershipID
	Transitional   []wire.DaemonID
	RegularID      wire.MembershipID
	Regular        []wire.DaemonID
}

// Stats are counters since the start.
type Stats struct {
	// Reasons counts inputs by reason.
	Reasons [NumReasons]uint64
	// Causes counts transitions by cause.
	Causes [NumCauses]uint64
}
