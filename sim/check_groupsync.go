package sim

import (
	"cmp"
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// stretch is what a client received in a group between two consecutive views.
type stretch struct {
	client   *Client
	from, to *View
	at       clock.Time
	in       wire.MembershipID // the configuration of the second
	data     []*Message
}

// checkGroupSynchrony checks G5 of groups-protocol §12: members that come from one view to the next
// together received the same messages in between. Reliable messages are left out, as in
// checkSynchrony.
func checkGroupSynchrony(a *analysis, r *report) {
	if !a.Held {
		return // the same id may be that of another view
	}
	stretches := make(map[viewKey][]*stretch)
	var keys []viewKey
	for _, l := range a.Daemons {
		for _, s := range stretchesOf(l) {
			k := viewKey{s.to.Group, s.to.ID, s.in}
			if stretches[k] == nil {
				keys = append(keys, k)
			}
			stretches[k] = append(stretches[k], s)
		}
	}
	for _, k := range keys {
		list := stretches[k]
		for i, s := range list {
			for _, o := range list[:i] {
				if s.to.network() && !slices.Contains(s.to.Sets[s.to.Own], o.client.Private) {
					continue
				}
				compareStretches(s, o, r)
			}
		}
	}
}

func compareStretches(s, o *stretch, r *report) {
	if s.from == nil || o.from == nil {
		return // one of them has joined with this view
	}
	if s.from.ID != o.from.ID {
		r.add(s.at, "%v and %v come together to %v, from %v and %v", s.client, o.client, s.to, s.from, o.from)
		return
	}
	both := func(m *Message) bool {
		return m.Type&wire.SelfDiscard == 0 || m.From != s.client && m.From != o.client
	}
	for _, p := range [][2]*stretch{{s, o}, {o, s}} {
		for _, m := range p[0].data {
			if both(m) && !slices.Contains(p[1].data, m) {
				r.add(s.at, "%v and %v come from %v to %v, and only %v got %v", s.client, o.client, s.from, s.to, p[0].client, m)
			}
		}
	}
}

func stretchesOf(l *Life) (list []*stretch) {
	open := make(map[clientGroup]*stretch)
	for i := range l.Stream {
		e := &l.Stream[i]
		for _, c := range e.To {
			switch {
			case e.Kind == EntryView && e.View.regular():
				k := clientGroup{c, e.View.Group}
				s := cmp.Or(open[k], &stretch{client: c})
				s.to, s.at, s.in = e.View, e.At, e.In
				list = append(list, s)
				open[k] = &stretch{client: c, from: e.View}
			case e.Kind == EntryView && !e.View.signal():
				delete(open, clientGroup{c, e.View.Group})
			case e.Kind == EntryData && !e.Message.early():
				for _, g := range e.Message.Groups {
					if s := open[clientGroup{c, g}]; s != nil && !slices.Contains(s.data, e.Message) {
						s.data = append(s.data, e.Message)
					}
				}
			}
		}
	}
	return list
}
