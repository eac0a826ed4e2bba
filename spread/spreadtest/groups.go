package spreadtest

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// join makes s a member of a group if it is not one yet and the name is legal. It needs ring.mu.
func (d *Daemon) join(s *session, name wire.Name) {
	if !wire.LegalGroup(name.Bytes()) {
		return
	}
	g := d.ring.groups[name]
	if g == nil {
		g = &group{}
		d.ring.groups[name] = g
	}
	i, member := slices.BinarySearchFunc(g.members, s, byName)
	if member {
		return
	}
	g.members = slices.Insert(g.members, i, s)
	d.announce(g, name, s, wire.CausedByJoin)
}

// leave removes s from a group and sends it the confirmation. It needs ring.mu.
func (d *Daemon) leave(s *session, name wire.Name) {
	g := d.ring.groups[name]
	if g == nil || !slices.Contains(g.members, s) {
		return
	}
	if s.membership {
		m := wire.Message{Header: wire.Header{Type: wire.CausedByLeave, Sender: name, Hint: wire.MakeHint(0)}}
		s.send(m.Append(nil))
	}
	d.expel(s, name, wire.CausedByLeave)
}

// remove ends a session and removes it from all its groups. It needs ring.mu.
func (d *Daemon) remove(s *session) {
	delete(d.sessions, s.group)
	for _, name := range d.ring.names() {
		if slices.Contains(d.ring.groups[name].members, s) {
			d.expel(s, name, wire.CausedByDisconnect)
		}
	}
}

// expel removes s from a group and sends the new view to the others. It needs ring.mu.
func (d *Daemon) expel(s *session, name wire.Name, cause wire.Type) {
	g := d.ring.groups[name]
	g.members = slices.DeleteFunc(g.members, func(m *session) bool { return m == s })
	if len(g.members) == 0 {
		delete(d.ring.groups, name)
		return
	}
	d.announce(g, name, s, cause)
}

// announce sends the new view of a group to its members. It needs ring.mu.
func (d *Daemon) announce(g *group, name wire.Name, changed *session, cause wire.Type) {
	g.index++
	p := wire.Membership{
		ID:      wire.GroupID{Daemon: daemonID, Time: d.part.time, Index: g.index},
		NumSets: 1,
		Sets:    wire.AppendSet(nil, wire.LittleEndian, changed.group),
	}
	members := d.ring.members(name, d.part)
	b := viewOf(name, members, cause, &p)
	for _, s := range members {
		if s.membership {
			s.send(b)
		}
	}
}
