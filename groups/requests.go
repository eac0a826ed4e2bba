package groups

import "github.com/spreadd/spreadd/wire"

// request is the content of a join, leave or kill.
type request struct {
	member wire.Name
	rank   int // of the member's daemon
	group  wire.Name
}

// readRequest decodes the member of a request. It refuses a member whose daemon is not configured.
func (m *Machine) readRequest(b []byte, out *Effects) (r request, ok bool) {
	r.member = wire.SenderOf(b).Clean()
	_, daemon, ok := r.member.SplitPrivate()
	if !ok {
		out.refuse(IllegalMember, r.member, wire.Name{})
		return r, false
	}
	r.rank, ok = m.rankByName[string(daemon)]
	if !ok {
		out.refuse(UnknownDaemon, r.member, wire.Name{})
		return r, false
	}
	return r, true
}

// readGroupRequest decodes a join or leave, which must name a group. C daemons read beyond a
// request that names none.
func (m *Machine) readGroupRequest(b []byte, out *Effects) (r request, ok bool) {
	r, ok = m.readRequest(b, out)
	if !ok {
		return r, false
	}
	g := wire.GroupsOf(b)
	if len(g) < wire.NameLen {
		out.refuse(NoGroup, r.member, wire.Name{})
		return r, false
	}
	r.group = (*wire.Name)(g).Clean()
	return r, true
}

// join adds a member (groups-protocol §9).
func (m *Machine) join(b []byte, out *Effects) {
	r, ok := m.readGroupRequest(b, out)
	if !ok {
		return
	}
	if r.rank == m.self && m.sessions[r.member] == nil {
		out.refuse(NoSession, r.member, r.group)
		return
	}
	g := m.group(&r.group)
	beside := 0 // members at the same daemon
	if g != nil {
		beside = len(g.of(r.rank))
		switch {
		case g.has(r.rank, &r.member):
			out.refuse(AlreadyMember, r.member, r.group)
			return
		case beside >= MaxLocalMembers:
			out.refuse(GroupFull, r.member, r.group)
			return
		}
	} else {
		// The join itself raises the index to 1 (client-protocol §10.3).
		g = m.create(r.group, groupID(m.current(), 0))
	}
	if beside == 0 && m.state == StateTrans && !m.transitional.has(r.rank) {
		g.place(origin{rank: r.rank, view: membershipOf(g.id), partitioned: true})
		g.changed = true
	}
	m.enter(g, r.member, r.rank)
	g.id.Index++
	m.announce(g, wire.CausedByJoin, r, out)
}

// leave removes a member at its own request (groups-protocol §9).
func (m *Machine) leave(b []byte, out *Effects) {
	r, ok := m.readGroupRequest(b, out)
	if !ok {
		return
	}
	g := m.group(&r.group)
	if g == nil || !g.has(r.rank, &r.member) {
		out.refuse(NotMember, r.member, r.group)
		return
	}
	if s := m.sessions[r.member]; s != nil && s.memberships {
		out.deliverTo(s.id, selfLeave(g.name))
	}
	m.unindex(r.member, g)
	m.remove(g, wire.CausedByLeave, r, out)
}

// remove removes a member from a group and informs the remaining ones. It reports whether there are
// any here.
func (m *Machine) remove(g *group, cause wire.Type, r request, out *Effects) bool {
	if len(g.members) == 1 {
		m.byName.remove(&g.name)
		return false
	}
	g.remove(r.rank, &r.member)
	g.id.Index++
	m.announce(g, cause, r, out)
	return len(g.of(m.self)) > 0
}
