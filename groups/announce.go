package groups

import "github.com/spreadd/spreadd/wire"

// announce sends a change to the local members of a group. In a changed group, which is between its
// transitional and its regular view, the change takes the form of a network-caused view and another
// transitional signal (client-protocol §10.5).
func (m *Machine) announce(g *group, cause wire.Type, r request, out *Effects) {
	if !g.changed {
		first := len(out.receivers)
		m.watchers(g, out)
		if len(out.receivers) > first {
			out.deliver(whole(lightView(g, cause, r.member)), first)
		}
		return
	}
	joiner := wire.Name{}
	if cause == wire.CausedByJoin {
		joiner = r.member
	}
	m.announceNetwork(g, networkView(g, joiner, r.rank), joiner, out)
	m.signal(g, g.id, out)
}

// announceNetwork sends a network-caused view. If there is a joiner, it gets a copy of its own,
// which points to its own set.
func (m *Machine) announceNetwork(g *group, view view, joiner wire.Name, out *Effects) {
	first := len(out.receivers)
	var local *session
	for _, p := range g.of(m.self) {
		switch s := p.session; {
		case !s.memberships:
		case s.name == joiner:
			local = s
		default:
			out.receivers = append(out.receivers, s.id)
		}
	}
	if len(out.receivers) > first {
		out.deliver(whole(view.encode(g, view.ownSet(m.self))), first)
	}
	if local != nil {
		out.deliverTo(local.id, view.encode(g, view.lastSet()))
	}
}

// signal sends the transitional signal, with the id of the view that it ends.
func (m *Machine) signal(g *group, id wire.GroupID, out *Effects) {
	first := len(out.receivers)
	m.watchers(g, out)
	if len(out.receivers) > first {
		out.deliver(whole(transitionalSignal(g.name, id)), first)
	}
}

// watchers adds the local members that want membership messages to the receivers.
func (m *Machine) watchers(g *group, out *Effects) {
	for _, p := range g.of(m.self) {
		if p.session.memberships {
			out.receivers = append(out.receivers, p.session.id)
		}
	}
}
