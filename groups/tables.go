package groups

import (
	"bytes"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// create adds a group without members.
func (m *Machine) create(name wire.Name, id wire.GroupID) *group {
	g := &group{name: name, id: id}
	m.groups[name] = g
	m.byName = insertGroup(m.byName, g)
	return g
}

// drop forgets a group without members.
func (m *Machine) drop(g *group) {
	delete(m.groups, g.name)
	m.byName = removeGroup(m.byName, g)
}

// dropDaemons removes the daemons that match from all groups, with their members, which are then in
// no group. Groups that lose daemons are changed; groups without members are forgotten.
func (m *Machine) dropDaemons(match func(*daemonMembers) bool) {
	for _, g := range m.byName {
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
		}
	}
	m.byName = slices.DeleteFunc(m.byName, func(g *group) bool { return len(g.daemons) == 0 })
}

// index records that a member is in a group.
func (m *Machine) index(member wire.Name, g *group) {
	m.memberOf[member] = insertGroup(m.memberOf[member], g)
}

func (m *Machine) unindex(member wire.Name, g *group) {
	if in := removeGroup(m.memberOf[member], g); len(in) > 0 {
		m.memberOf[member] = in
	} else {
		delete(m.memberOf, member)
	}
}

func compareGroups(a, b *group) int { return bytes.Compare(a.name[:], b.name[:]) }

func insertGroup(list []*group, g *group) []*group {
	i, _ := slices.BinarySearchFunc(list, g, compareGroups)
	return slices.Insert(list, i, g)
}

func removeGroup(list []*group, g *group) []*group {
	if i, ok := slices.BinarySearchFunc(list, g, compareGroups); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}
