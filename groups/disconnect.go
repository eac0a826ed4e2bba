package groups

import "github.com/spreadd/spreadd/wire"

// pieceCost bounds the work of a piece of a disconnect: less than a millisecond. A group costs
// groupCost, and one more for each member that a view of it lists.
const (
	pieceCost = 2048
	groupCost = 2
)

// ending is the disconnect of a member that is in many groups. It is carried out in pieces, so that
// the daemon can pass on the token in between.
type ending struct {
	request
	in groupList // the groups that the member is still in
}

// kill begins to remove a member from all its groups, in order of their names, and to end its session
// if that is local (groups-protocol §9).
func (m *Machine) kill(b []byte, out *Effects) {
	r, ok := m.readRequest(b, out)
	if !ok {
		return
	}
	m.ending = &ending{request: r}
	if p := m.clients[r.member]; p != nil {
		m.ending.in = p.in
		delete(m.clients, r.member)
	}
	m.Continue(out)
}

// Pending reports whether a disconnect is not carried out completely. Call Continue until it is; any
// other input before that completes it at once.
func (m *Machine) Pending() bool { return m.ending != nil }

// Continue carries out another piece of the disconnect.
func (m *Machine) Continue(out *Effects) {
	e := m.ending
	if e == nil {
		return
	}
	for cost := 0; e.in.len() > 0 && cost < pieceCost; cost += groupCost {
		g := e.in.pop()
		if m.remove(g, wire.CausedByDisconnect, e.request, out) {
			cost += len(g.members)
		}
	}
	if e.in.len() > 0 {
		return
	}
	m.ending = nil
	s := m.sessions[e.member]
	if s == nil {
		if e.rank == m.self {
			out.refuse(NoSession, e.member, wire.Name{})
		}
		return
	}
	delete(m.sessions, e.member)
	delete(m.sessionsByID, s.id)
	out.Ended = append(out.Ended, s.id)
}

// settle completes a disconnect before another input.
func (m *Machine) settle(out *Effects) {
	for m.ending != nil {
		m.Continue(out)
	}
}
