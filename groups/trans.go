package groups

import "github.com/spreadd/spreadd/wire"

// install handles a regular membership in StateTrans. If it adds nobody, all agree
// already and members are told of the loss (groups-protocol §6.2); if it does,
// the tables have to be exchanged first (§6.3).
func (m *Machine) install(out *Effects) {
	m.dropDaemons(func(d *daemonMembers) bool { return d.partitioned })
	if len(m.members) > len(m.transitional) {
		m.begin(out)
		return
	}
	out.command(EndExchange)
	m.state = StateOp
	m.synced = m.members
	m.renewChanged(out)
}

// renewChanged gives the groups that have changed their first view in the
// regular membership, and tells their members.
func (m *Machine) renewChanged(out *Effects) {
	for _, g := range m.byName {
		if !g.changed {
			continue
		}
		g.changed = false
		g.id = groupID(m.regular, 1)
		m.announceNetwork(g, wire.Name{}, 0, out)
		for _, d := range g.daemons {
			d.view = m.regular
		}
	}
}
