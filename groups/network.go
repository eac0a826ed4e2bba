package groups

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// HandleTransitional takes a transitional membership: the daemons that come
// along out of the last regular one. Groups that lose daemons get a signal with
// their old id; the others do not notice (groups-protocol §6.1).
func (m *Machine) HandleTransitional(id wire.MembershipID, daemons []wire.DaemonID, out *Effects) {
	if m.state != StateOp {
		panic(fmt.Sprintf("groups: transitional membership in %v", m.state))
	}
	m.state = StateTrans
	m.transitional = slices.Clone(daemons)
	m.current = id
	for _, g := range m.order {
		lost := false
		for _, d := range g.daemons {
			if !slices.Contains(daemons, m.cfg.Daemons[d.rank].ID) {
				d.partitioned = true
				lost = true
			}
		}
		if !lost {
			continue
		}
		m.signal(g, g.id, out)
		g.id = groupID(id, 1)
		g.changed = true
		for _, d := range g.daemons {
			if !d.partitioned {
				d.view = id
			}
		}
	}
}

// HandleRegular takes the regular membership that follows a transitional one of
// the same daemons: nobody was added, so all agree already (groups-protocol
// §6.2).
func (m *Machine) HandleRegular(id wire.MembershipID, daemons []wire.DaemonID, out *Effects) {
	if m.state != StateTrans {
		panic(fmt.Sprintf("groups: regular membership in %v", m.state))
	}
	if len(daemons) != len(m.transitional) {
		panic(fmt.Sprintf("groups: regular membership of %d daemons follows a transitional one of %d", len(daemons), len(m.transitional)))
	}
	m.state = StateOp
	m.current = id
	for _, g := range slices.Clone(m.order) {
		if !g.changed {
			continue
		}
		for _, d := range slices.Clone(g.daemons) {
			if !d.partitioned {
				continue
			}
			for _, member := range d.members {
				m.unindex(member, g)
			}
			g.dropDaemon(d)
		}
		if len(g.daemons) == 0 {
			m.drop(g)
			continue
		}
		g.changed = false
		g.id = groupID(id, 1)
		m.announceNetwork(g, wire.Name{}, 0, out)
		for _, d := range g.daemons {
			d.view = id
		}
	}
}

// groupID returns the id of a group's view within a membership of daemons.
func groupID(id wire.MembershipID, index uint32) wire.GroupID {
	return wire.GroupID{Daemon: uint32(id.Daemon), Time: uint32(id.Time), Index: index}
}

// membershipOf returns the membership of daemons that a group id names.
func membershipOf(id wire.GroupID) wire.MembershipID {
	return wire.MembershipID{Daemon: wire.DaemonID(id.Daemon), Time: int32(id.Time)}
}
