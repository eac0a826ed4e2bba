package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

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
	var local *session
	if r.rank == m.self {
		if local = m.sessions[r.member]; local == nil {
			out.refuse(NoSession, r.member, r.group)
			return
		}
	}
	g := m.groups[r.group]
	if g != nil {
		switch d := g.daemon(r.rank); {
		case d == nil:
		case d.has(r.member):
			out.refuse(AlreadyMember, r.member, r.group)
			return
		case len(d.members) >= MaxLocalMembers:
			out.refuse(GroupFull, r.member, r.group)
			return
		}
	}
	if g == nil {
		// The join itself raises the index to 1 (client-protocol §10.3).
		g = m.create(r.group, groupID(m.current(), 0))
	}
	d := g.daemon(r.rank)
	if d == nil {
		d = g.addDaemon(r.rank, membershipOf(g.id))
		if m.state == StateTrans && !m.transitional.has(r.rank) {
			d.partitioned = true
			g.changed = true
		}
	}
	d.add(r.member)
	g.id.Index++
	m.index(r.member, g)
	if local != nil {
		g.local = append(g.local, local)
	}
	m.announce(g, wire.CausedByJoin, r, out)
}

// leave removes a member at its own request (groups-protocol §9).
func (m *Machine) leave(b []byte, out *Effects) {
	r, ok := m.readGroupRequest(b, out)
	if !ok {
		return
	}
	g := m.groups[r.group]
	if g == nil || !g.has(r.rank, r.member) {
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
	d := g.daemon(r.rank)
	d.remove(r.member)
	if len(d.members) == 0 {
		g.dropDaemon(d)
	}
	if r.rank == m.self {
		s := m.sessions[r.member]
		g.local = slices.DeleteFunc(g.local, func(o *session) bool { return o == s })
	}
	g.id.Index++
	if len(g.daemons) == 0 {
		m.drop(g)
		return false
	}
	m.announce(g, cause, r, out)
	return len(g.local) > 0
}
