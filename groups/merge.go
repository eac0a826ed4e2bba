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
	g := m.group(&name)
	if g == nil {
		g = m.create(name, e.ID)
	}
	if slices.ContainsFunc(g.members, func(p *member) bool { return !set.has(p.rank) }) {
		g.join(side{set, e.Changed})
	}
	g.changed = g.changed || e.Changed
	for entry := range e.Daemons() {
		rank := m.ranks[entry.Daemon]
		g.place(origin{rank: rank, view: entry.Membership})
		for _, name := range entry.Members() {
			m.enter(g, name.Clean(), rank)
		}
	}
}

// join brings another side into a group. It may be the side of the entry before.
func (g *group) join(s side) {
	x := g.meet()
	if len(x.sides) == 0 {
		first := side{changed: g.changed}
		for d := range g.daemons() {
			first.daemons = append(first.daemons, d.rank)
		}
		x.sides = append(x.sides, first)
	}
	if !slices.Equal(x.sides[len(x.sides)-1].daemons, s.daemons) {
		x.sides = append(x.sides, s)
	}
	g.changed = true
}
