package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// mergeComplete adds the tables of the other complete sets, and their daemons to the synced set
// (groups-protocol §7.6). The tables already have what the own set's messages say.
func (m *Machine) mergeComplete() {
	own := m.synced[0]
	for _, s := range m.exchange.sets {
		if !s.complete || s.head == own {
			continue
		}
		for _, msg := range slices.Backward(s.messages) {
			for e := range msg.Groups() {
				m.mergeGroup(&e, s.daemons)
			}
		}
		m.synced = m.synced.union(s.daemons)
	}
}

// mergeGroup adds a group's members at the daemons of another set. A group stays unchanged, and keeps
// its id, only if all its members were on one side and nothing happened there. Equal ids do not show
// that: a leader that was restarted may have used one again.
func (m *Machine) mergeGroup(e *wire.GroupEntry, set daemonSet) {
	name := e.Name.Clean()
	g := m.groups[name]
	if g == nil {
		g = m.create(name, e.ID)
	}
	if slices.ContainsFunc(g.daemons, func(d *daemonMembers) bool { return !set.has(d.rank) }) {
		g.meet(side{set, e.Changed})
	}
	g.changed = g.changed || e.Changed
	for entry := range e.Daemons() {
		d := g.addDaemon(m.ranks[entry.Daemon], entry.Membership)
		for _, member := range entry.Members() {
			clean := member.Clean()
			d.members = append(d.members, clean) // in order: see setChecker
			m.index(clean, g)
		}
	}
}

// meet brings another side into a group. It may be the side of the entry before.
func (g *group) meet(s side) {
	if len(g.sides) == 0 {
		first := side{changed: g.changed}
		for _, d := range g.daemons {
			first.daemons = append(first.daemons, d.rank)
		}
		g.sides = append(g.sides, first)
	}
	if !slices.Equal(g.sides[len(g.sides)-1].daemons, s.daemons) {
		g.sides = append(g.sides, s)
	}
	g.changed = true
}
