package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// mergeComplete adds the tables of the other complete sets, and their daemons to the synced set
// (groups-protocol §7.6). The tables already have what the own set's messages say.
func (m *Machine) mergeComplete() {
	own := m.synced[0]
	known := len(m.byName)
	for _, s := range m.exchange.sets {
		if !s.complete || s.head == own {
			continue
		}
		for _, msg := range slices.Backward(s.messages) {
			for e := range msg.Groups() {
				m.mergeGroup(&e)
			}
		}
		m.synced = m.synced.union(s.daemons)
	}
	if len(m.byName) > known {
		slices.SortFunc(m.byName, compareGroups)
	}
}

// mergeGroup adds a group's members at daemons of another set. A group stays unchanged, and keeps
// its id, only if all its members were on one side and nothing happened there. A new group goes
// behind the others.
func (m *Machine) mergeGroup(e *wire.GroupEntry) {
	name := e.Name.Clean()
	g := m.groups[name]
	if g == nil {
		g = &group{name: name, id: e.ID}
		m.groups[name] = g
		m.byName = append(m.byName, g) // mergeComplete sorts it
	}
	g.changed = g.changed || e.Changed
	for entry := range e.Daemons() {
		d := g.addDaemon(m.ranks[entry.Daemon], entry.Membership)
		for _, member := range entry.Members() {
			clean := member.Clean()
			d.members = append(d.members, clean) // in order: see setChecker
			m.index(clean, g)
		}
		if entry.Membership != membershipOf(g.id) {
			g.changed = true
		}
	}
}
