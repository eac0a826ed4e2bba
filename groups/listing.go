package groups

import (
	"iter"

	"github.com/spreadd/spreadd/wire"
)

// Listing is what people want to know of a group.
type Listing struct {
	Name wire.Name
	// Members counts the members on all daemons, Local those that are local sessions.
	Members, Local int
	// Messages and Bytes count what was sent to the group since this daemon has it without a break.
	Messages, Bytes uint64
}

// After yields the groups whose names come behind one, in order of their names. The machine must
// not change meanwhile.
func (m *Machine) After(name wire.Name) iter.Seq[Listing] {
	return func(yield func(Listing) bool) {
		for g := range m.byName.after(name.Clean()) {
			if !yield(g.info()) {
				return
			}
		}
	}
}

func (g *group) info() Listing {
	return Listing{Name: g.name, Members: g.numMembers(), Local: len(g.local), Messages: g.messages, Bytes: g.bytes}
}

// Find returns what is known of one group.
func (m *Machine) Find(name wire.Name) (Listing, bool) {
	g := m.groups[name.Clean()]
	if g == nil {
		return Listing{}, false
	}
	return g.info(), true
}

// Members returns the first members of a group, at most limit, daemon by daemon in the order of the
// configuration.
func (m *Machine) Members(name wire.Name, limit int) (list []wire.Name) {
	g := m.groups[name.Clean()]
	if g == nil {
		return nil
	}
	for _, d := range g.daemons {
		for _, member := range d.members {
			if len(list) == limit {
				return list
			}
			list = append(list, member)
		}
	}
	return list
}

// LocalNames returns the members of a group that are local sessions.
func (m *Machine) LocalNames(name wire.Name) (list []wire.Name) {
	if g := m.groups[name.Clean()]; g != nil {
		for _, s := range g.local {
			list = append(list, s.name)
		}
	}
	return list
}

// MemberOf returns the groups of a member whose names come behind one, at most limit, in order of
// their names, and how many groups the member is in.
func (m *Machine) MemberOf(member, after wire.Name, limit int) (list []wire.Name, total int) {
	in := m.memberOf[member.Clean()]
	for g := range in.after(after.Clean()) {
		if len(list) == limit {
			break
		}
		list = append(list, g.name)
	}
	return list, in.len()
}
