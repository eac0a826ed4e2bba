package engine

import (
	"net/netip"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// Effects collects what the driver has to do after a step, in this order. The
// driver owns it and resets it between steps; its slices keep their capacity.
type Effects struct {
	// Sends are datagrams for other daemons, in their order. They may point
	// into datagrams that were handed in during the step, and into blocks of
	// Releases.
	Sends []topology.Datagram
	// Controls are packets of monitors, for the driver to answer.
	Controls []Control
	// Groups: pass on the deliveries in order, then end the sessions.
	Groups groups.Effects
	// Rejects go to their session, behind the deliveries so far.
	Rejects []Reject
	// Releases are blocks to let go of, after the deliveries are done with.
	Releases []*buf.Block
	// Reload, if not nil, says that another configuration has come into force.
	Reload *Reload
	// Installations and Transitions are for logs and counters.
	Installations []membership.Installation
	Transitions   []membership.Transition
	// Configurations say where among the deliveries the configurations change,
	// for who compares what daemons have delivered in each.
	Configurations []Configuration
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.Sends)
	e.Sends = e.Sends[:0]
	clear(e.Controls)
	e.Controls = e.Controls[:0]
	e.Groups.Reset()
	clear(e.Rejects)
	e.Rejects = e.Rejects[:0]
	clear(e.Releases)
	e.Releases = e.Releases[:0]
	e.Reload = nil
	clear(e.Installations)
	e.Installations = e.Installations[:0]
	e.Transitions = e.Transitions[:0]
	clear(e.Configurations)
	e.Configurations = e.Configurations[:0]
}

// Configuration is one that a daemon enters: what is delivered from there on
// belongs to it (membership-protocol §8).
type Configuration struct {
	ID      wire.MembershipID
	Daemons []wire.DaemonID // in the order of the configuration file
	// Transitional: those that come along from the configuration before, until the
	// next one.
	Transitional bool
	// Deliveries is how many of Groups.Deliveries come before it.
	Deliveries int
}

// Reload is a configuration that has come into force.
type Reload struct {
	Topology *topology.Topology
	ConfHash uint32
	// Sends is how many of the datagrams to be sent are from before, and go where the configuration
	// before has their targets.
	Sends int
}

// Control is a monitor's packet (monitor-protocol). It is valid until the end of the
// step.
type Control struct {
	Type   wire.RingType // of wire.PacketControls
	Packet wire.Packet
	From   netip.Addr
}

// Reject is a request that goes back to the session that made it.
type Reject struct {
	Session SessionID
	Message []byte
}
