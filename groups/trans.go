package groups

import "github.com/spreadd/spreadd/wire"

// install handles a regular membership in StateTrans. If it adds no daemon, all agree already, and
// members learn of the loss (groups-protocol §6.2). Otherwise the tables must be exchanged first
// (§6.3).
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

// renewChanged gives the changed groups their first view in the regular membership, and sends it to
// their members.
func (m *Machine) renewChanged(out *Effects) {
	for g := range m.byName.all() {
		if !g.changed {
			continue
		}
		g.changed = false
		view := networkView(g, wire.Name{}, 0) // Where all came from also depends on the id before.
		g.id = groupID(m.regular, 1)
		m.announceNetwork(g, view, wire.Name{}, out)
		g.part()
	}
}
