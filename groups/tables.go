package groups

import "github.com/spreadd/spreadd/wire"

// group returns the group of a name, or nil.
func (m *Machine) group(name *wire.Name) *group { return m.byName.get(name) }

// create adds a group without members.
func (m *Machine) create(name wire.Name, id wire.GroupID) *group {
	g := &group{name: name, id: id}
	m.byName.insert(g)
	return g
}

// dropDaemons removes the daemons that match from all groups, with their members, which are then in
// no group. Groups that lose daemons are changed; groups without members are forgotten.
func (m *Machine) dropDaemons(match func(*daemonMembers) bool) {
	m.byName.deleteFunc(func(g *group) bool {
		kept := g.members[:0]
		for d := range g.daemons() {
			if !match(&d) {
				kept = append(kept, d.members...)
				continue
			}
			g.changed = true
			g.displace(d.rank)
			for _, p := range d.members {
				delete(m.clients, p.name)
			}
		}
		clear(g.members[len(kept):])
		g.members = kept
		return len(kept) == 0
	})
}

// enter adds a client to a group that it is not in.
func (m *Machine) enter(g *group, name wire.Name, rank int) {
	p := m.clients[name]
	if p == nil {
		p = &member{name: name, rank: rank, session: m.sessions[name]}
		m.clients[name] = p
	}
	p.in.insert(g)
	g.add(p)
}

// unindex removes a group from those of a client.
func (m *Machine) unindex(name wire.Name, g *group) {
	p := m.clients[name]
	if p.in.remove(&g.name); p.in.len() == 0 {
		delete(m.clients, name)
	}
}
