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
			if !yield(m.info(g)) {
				return
			}
		}
	}
}

func (m *Machine) info(g *group) Listing {
	l := Listing{Name: g.name, Members: len(g.members), Local: len(g.of(m.self))}
	if g.more != nil {
		l.Messages, l.Bytes = g.more.messages, g.more.bytes
	}
	return l
}

// Find returns what is known of one group.
func (m *Machine) Find(name wire.Name) (Listing, bool) {
	name = name.Clean()
	g := m.group(&name)
	if g == nil {
		return Listing{}, false
	}
	return m.info(g), true
}

// Members returns the first members of a group, at most limit, daemon by daemon in the order of the
// configuration.
func (m *Machine) Members(name wire.Name, limit int) []wire.Name {
	name = name.Clean()
	g := m.group(&name)
	if g == nil {
		return nil
	}
	return names(nil, g.members[:min(limit, len(g.members))])
}

// LocalNames returns the members of a group that are local sessions.
func (m *Machine) LocalNames(name wire.Name) []wire.Name {
	name = name.Clean()
	if g := m.group(&name); g != nil {
		return names(nil, g.of(m.self))
	}
	return nil
}

// MemberOf returns the groups of a member whose names come behind one, at most limit, in order of
// their names, and how many groups the member is in.
func (m *Machine) MemberOf(member, after wire.Name, limit int) (list []wire.Name, total int) {
	p := m.clients[member.Clean()]
	if p == nil {
		return nil, 0
	}
	for g := range p.in.after(after.Clean()) {
		if len(list) == limit {
			break
		}
		list = append(list, g.name)
	}
	return list, p.in.len()
}
