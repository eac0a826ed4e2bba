package spreadtest

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// join makes s a member of a group if it is not one yet and the name is legal. It needs d.mu.
func (d *Daemon) join(s *session, name wire.Name) {
	if !wire.LegalGroup(name.Bytes()) {
		return
	}
	g := d.groups[name]
	if g == nil {
		g = &group{}
		d.groups[name] = g
	}
	i, member := slices.BinarySearchFunc(g.members, s, byName)
	if member {
		return
	}
	g.members = slices.Insert(g.members, i, s)
	d.announce(g, name, s, wire.CausedByJoin)
}

// leave removes s from a group and sends it the confirmation. It needs d.mu.
func (d *Daemon) leave(s *session, name wire.Name) {
	g := d.groups[name]
	if g == nil || !slices.Contains(g.members, s) {
		return
	}
	if s.membership {
		m := wire.Message{Header: wire.Header{Type: wire.CausedByLeave, Sender: name, Hint: wire.MakeHint(0)}}
		s.send(m.Append(nil))
	}
	d.expel(s, name, wire.CausedByLeave)
}

// remove ends a session and removes it from all its groups.
func (d *Daemon) remove(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, s.group)
	var names []wire.Name
	for name, g := range d.groups {
		if slices.Contains(g.members, s) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b wire.Name) int { return slices.Compare(a[:], b[:]) })
	for _, name := range names {
		d.expel(s, name, wire.CausedByDisconnect)
	}
}

// expel removes s from a group and sends the new view to the others. It needs d.mu.
func (d *Daemon) expel(s *session, name wire.Name, cause wire.Type) {
	g := d.groups[name]
	g.members = slices.DeleteFunc(g.members, func(m *session) bool { return m == s })
	if len(g.members) == 0 {
		delete(d.groups, name)
		return
	}
	d.announce(g, name, s, cause)
}

// announce sends the new view of a group to its members. It needs d.mu.
func (d *Daemon) announce(g *group, name wire.Name, changed *session, cause wire.Type) {
	g.index++
	p := wire.Membership{
		ID:      wire.GroupID{Daemon: daemonID, Time: startTime, Index: g.index},
		NumSets: 1,
		Sets:    wire.AppendSet(nil, wire.LittleEndian, changed.group),
	}
	m := wire.Message{Header: wire.Header{
		Type: wire.RegularMembership | cause, Sender: name, Hint: wire.MakeHint(0),
	}}
	m.Payload = p.Append(nil, m.Type)
	for _, s := range g.members {
		m.GroupFields = append(m.GroupFields, s.group[:]...)
	}
	b := m.Append(nil)
	for _, s := range g.members {
		if s.membership {
			s.send(b)
		}
	}
}
