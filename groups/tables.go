package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// create adds a group without members.
func (m *Machine) create(name wire.Name, id wire.GroupID) *group {
	g := &group{name: name, id: id}
	m.groups[name] = g
	m.byName.insert(g)
	return g
}

// drop forgets a group without members.
func (m *Machine) drop(g *group) {
	delete(m.groups, g.name)
	m.byName.remove(g)
}

// dropDaemons removes the daemons that match from all groups, with their members, which are then in
// no group. Groups that lose daemons are changed; groups without members are forgotten.
func (m *Machine) dropDaemons(match func(*daemonMembers) bool) {
	m.byName.deleteFunc(func(g *group) bool {
		before := len(g.daemons)
		g.daemons = slices.DeleteFunc(g.daemons, func(d *daemonMembers) bool {
			if !match(d) {
				return false
			}
			for _, member := range d.members {
				delete(m.memberOf, member)
			}
			return true
		})
		if len(g.daemons) < before {
			g.changed = true
		}
		if len(g.daemons) == 0 {
			delete(m.groups, g.name)
			return true
		}
		return false
	})
}

// index records that a member is in a group.
func (m *Machine) index(member wire.Name, g *group) {
	in := m.memberOf[member]
	if in == nil {
		in = new(groupList)
		m.memberOf[member] = in
	}
	in.insert(g)
}

func (m *Machine) unindex(member wire.Name, g *group) {
	in := m.memberOf[member]
	if in.remove(g); in.len() == 0 {
		delete(m.memberOf, member)
	}
}
