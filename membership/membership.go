package membership

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// State of the machine; the numbers are those of the monitor protocol
// (membership-protocol §5).
type State uint8

// The states.
const (
	// StateOp: a ring is installed and running.
	StateOp State = 1
	// StateSeg: no token, collecting who is alive in the own segment. Every
	// daemon starts here.
	StateSeg State = 2
)

// String returns the name that operators know.
func (s State) String() string {
	switch s {
	case StateOp:
		return "OP"
	case StateSeg:
		return "SEG"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// Cause says why a transition happened.
type Cause uint8

// The causes.
const (
	// Alone: no other daemon can be in the ring, so there is nobody to wait
	// for.
	Alone Cause = iota + 1
)

// String returns the name of the cause.
func (c Cause) String() string {
	switch c {
	case Alone:
		return "alone"
	default:
		return fmt.Sprintf("Cause(%d)", uint8(c))
	}
}

// Transition is a change of state.
type Transition struct {
	From, To State
	Because  Cause
}

// Installation is a new ring: the daemons that come along from the old one,
// then all of the new one. Both lists are in the order of the configuration.
type Installation struct {
	TransitionalID wire.MembershipID
	Transitional   []wire.DaemonID
	RegularID      wire.MembershipID
	Regular        []wire.DaemonID
}

// Effects collects what the driver has to do after a step.
type Effects struct {
	Installations []Installation // in order
	Transitions   []Transition
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.Installations)
	e.Installations = e.Installations[:0]
	e.Transitions = e.Transitions[:0]
}

// Config holds the settings of the machine.
type Config struct {
	Self wire.DaemonID
}

// Machine forms memberships. It is not safe for concurrent use.
type Machine struct {
	cfg      Config
	state    State
	lastTime int32 // highest time ever put into an id
}

// New returns a machine that has not started.
func New(cfg Config) *Machine { return &Machine{cfg: cfg, state: StateSeg} }

// State returns the state.
func (m *Machine) State() State { return m.state }

// Start begins. wall is the wall clock in seconds since 1970.
func (m *Machine) Start(now clock.Time, wall int32, out *Effects) {
	if m.state != StateSeg {
		panic("membership: started twice")
	}
	self := []wire.DaemonID{m.cfg.Self}
	// A new ring's leader takes a time for the transitional membership and
	// the next one for the regular (membership-protocol §7.1).
	trans := m.nextTime(wall)
	regular := m.nextTime(wall)
	out.Installations = append(out.Installations, Installation{
		TransitionalID: wire.MembershipID{Daemon: m.cfg.Self, Time: trans},
		Transitional:   self,
		RegularID:      wire.MembershipID{Daemon: m.cfg.Self, Time: regular},
		Regular:        self,
	})
	out.Transitions = append(out.Transitions, Transition{m.state, StateOp, Alone})
	m.state = StateOp
}

func (m *Machine) nextTime(wall int32) int32 {
	m.lastTime = max(wall, m.lastTime+1)
	return m.lastTime
}

// Deadline returns the moment at which Advance has something to do, or zero.
// A daemon that is alone waits for nothing.
func (m *Machine) Deadline() clock.Time { return 0 }

// Advance runs the timers that are due.
func (m *Machine) Advance(now clock.Time, out *Effects) {}
