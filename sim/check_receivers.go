package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkReceivers checks G7 of groups-protocol §12: a message for a group goes to the members at
// that place in the order, and to nobody else. For clients that get no views, only what they must
// not get is known.
func checkReceivers(a *analysis, r *report) {
	for _, l := range a.Daemons {
		members := make(map[wire.Name][]*Client)
		var clients []*Client
		for i := range l.Stream {
			e := &l.Stream[i]
			switch {
			case e.Kind == EntryEnded:
				clients = without(clients, e.To[0])
				for g := range members {
					members[g] = without(members[g], e.To[0])
				}
			case e.Kind == EntryView && e.View.regular():
				for _, c := range e.To {
					if !slices.Contains(members[e.View.Group], c) {
						members[e.View.Group] = append(members[e.View.Group], c)
					}
				}
			case e.Kind == EntryView && !e.View.signal():
				members[e.View.Group] = without(members[e.View.Group], e.To[0])
			case e.Kind == EntryView:
				for _, c := range e.To {
					if !slices.Contains(members[e.View.Group], c) {
						r.add(e.At, "%v gets a signal of %v, of which it is no member", c, e.View.Group)
					}
				}
			case e.Kind == EntryData:
				for _, c := range e.To {
					if !slices.Contains(clients, c) {
						clients = append(clients, c)
					}
				}
				checkTo(l, e, members, r)
			}
		}
	}
}

func without(list []*Client, c *Client) []*Client {
	return slices.DeleteFunc(slices.Clone(list), func(o *Client) bool { return o == c })
}

func checkTo(l *Life, e *Entry, members map[wire.Name][]*Client, r *report) {
	m := e.Message
	for i, c := range e.To {
		switch {
		case slices.Contains(e.To[:i], c):
			r.add(e.At, "%v gets %v twice at once", c, m)
		case m.Type&wire.SelfDiscard != 0 && m.From == c:
			r.add(e.At, "%v gets its own %v", c, m)
		case c.Watcher, slices.Contains(m.Groups, c.Private), !c.Memberships:
		case !slices.ContainsFunc(m.Groups, func(g wire.Name) bool { return slices.Contains(members[g], c) }):
			r.add(e.At, "%v gets %v, for %v, of which it is no member", c, m, m.Groups)
		}
	}
	if !slices.ContainsFunc(e.To, func(c *Client) bool { return c.Watcher }) {
		r.add(e.At, "%s does not deliver %v to its watcher", l.Name, m)
	}
	for _, g := range m.Groups {
		for _, c := range members[g] {
			// A session that ends in this step may have ended before the delivery.
			if !slices.Contains(e.To, c) && c.Ended != e.At && (m.Type&wire.SelfDiscard == 0 || m.From != c) {
				r.add(e.At, "%v does not get %v, for %v, of which it is a member", c, m, g)
			}
		}
	}
}
