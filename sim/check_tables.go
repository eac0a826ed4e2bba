package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkTables checks G10 and G12 of groups-protocol §12 at the end of a run, when newcomers have
// joined every group: all members have the same last view, which consists of the clients that are
// alive and members.
func checkTables(a *analysis, r *report) {
	type membership struct {
		client *Client
		view   *View
	}
	last := make(map[wire.Name][]membership)
	var groups []wire.Name
	lives := make(map[wire.Name]bool)
	for _, c := range a.Clients {
		if c.Life.alive() && c.Ended == 0 {
			lives[c.Private] = true
			if c.Gone != 0 {
				r.addAs("G12", c.Gone, "the session of %v never ends, though its connection has", c)
			}
		}
	}
	for _, l := range a.Daemons {
		for i := range l.Stream {
			e := &l.Stream[i]
			for _, c := range e.To {
				if e.Kind == EntryData || e.Kind == EntryView && e.View.signal() || !l.alive() {
					continue
				}
				for _, g := range groups {
					if e.Kind == EntryEnded || e.View.Group == g {
						last[g] = slices.DeleteFunc(last[g], func(m membership) bool { return m.client == c })
					}
				}
				if e.Kind == EntryView && e.View.regular() {
					if !slices.Contains(groups, e.View.Group) {
						groups = append(groups, e.View.Group)
					}
					last[e.View.Group] = append(last[e.View.Group], membership{c, e.View})
				}
			}
		}
	}
	for _, g := range groups {
		list := last[g]
		for _, m := range list {
			if m.view.ID != list[0].view.ID {
				r.add(0, "at the end %v sees %v, and %v sees %v", m.client, m.view, list[0].client, list[0].view)
			}
			for _, n := range m.view.Members {
				if !lives[n] {
					r.add(0, "at the end %v sees %v, in which %v lives no more", m.client, m.view, n)
				}
			}
			for _, o := range list {
				if !slices.Contains(m.view.Members, o.client.Private) {
					r.add(0, "at the end %v sees %v without %v, which is a member", m.client, m.view, o.client)
				}
			}
		}
	}
}
