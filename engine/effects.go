package engine

import (
	"net/netip"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// Effects collects what the driver has to do after a step, in this order. The driver owns the value
// and resets it between steps; its slices keep their capacity.
type Effects struct {
	// Sends are datagrams for other daemons, in order. They may point into datagrams that were
	// passed in during the step, and into blocks of Releases.
	Sends []topology.Datagram
	// Controls are packets of monitors, for the driver to answer.
	Controls []Control
	// Groups has the deliveries, to be passed on in order, and then the sessions to end.
	Groups groups.Effects
	// Rejects go to their sessions, after the deliveries so far.
	Rejects []Reject
	// Releases are blocks to release after the deliveries.
	Releases []*buf.Block
	// Reload is not nil if another configuration has taken effect.
	Reload *Reload
	// Installations and Transitions are for logs and counters.
	Installations []membership.Installation
	Transitions   []membership.Transition
	// Changes explain the installations, one each.
	Changes []membership.Change
	// Configurations say where among the deliveries the configurations change, for comparing the
	// deliveries of daemons in each.
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
	clear(e.Changes)
	e.Changes = e.Changes[:0]
	clear(e.Configurations)
	e.Configurations = e.Configurations[:0]
}

// Configuration is a configuration that the daemon enters. Later deliveries belong to it
// (membership-protocol §8).
type Configuration struct {
	ID      wire.MembershipID
	Daemons []wire.DaemonID // in the order of the configuration file
	// Transitional marks the daemons that come along from the configuration before, until the next
	// one.
	Transitional bool
	// Deliveries is how many of Groups.Deliveries come before the configuration.
	Deliveries int
}

// Reload is a configuration that has taken effect.
type Reload struct {
	Topology *topology.Topology
	ConfHash uint32
	// Sends is how many of the datagrams to send are from before the change. Their targets are
	// those of the configuration before.
	Sends int
}

// Control is a monitor's packet (monitor-protocol). It is valid until the end of the step.
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
