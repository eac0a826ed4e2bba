package groups

import (
	"bytes"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// create adds a group that has no members yet.
func (m *Machine) create(name wire.Name, id wire.GroupID) *group {
	g := &group{name: name, id: id}
	m.groups[name] = g
	m.order = insertGroup(m.order, g)
	return g
}

// drop forgets a group that has no members.
func (m *Machine) drop(g *group) {
	delete(m.groups, g.name)
	m.order = removeGroup(m.order, g)
}

// dropDaemons takes the daemons that match out of a group, with their members,
// and reports whether there were any. A group that is left without members is
// forgotten.
func (m *Machine) dropDaemons(g *group, match func(*daemonMembers) bool) bool {
	before := len(g.daemons)
	g.daemons = slices.DeleteFunc(g.daemons, func(d *daemonMembers) bool {
		if !match(d) {
			return false
		}
		for _, member := range d.members {
			m.unindex(member, g)
		}
		return true
	})
	if len(g.daemons) == 0 {
		m.drop(g)
	}
	return len(g.daemons) < before
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
