package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkViews checks G1 to G4 of groups-protocol §12: the content of views, and that equal ids mean
// equal views.
func checkViews(a *analysis, r *report) {
	known := make(map[viewKey]*View)
	for _, l := range a.Daemons {
		before := make(map[clientGroup]*View)
		seen := make(map[clientGroup][]wire.GroupID)
		for i := range l.Stream {
			e := &l.Stream[i]
			if e.Kind != EntryView || e.View.signal() {
				continue
			}
			v := e.View
			if !v.regular() {
				delete(before, clientGroup{e.To[0], v.Group})
				continue
			}
			k := viewKey{v.Group, v.ID, e.In}
			if o := known[k]; o == nil || !a.Held {
				known[k] = v
			} else if !sameView(o, v) {
				r.addAs("G2", e.At, "%s delivers %v, known as %v", l.Name, v, o)
			}
			checkSets(v, e, l, r)
			for _, c := range e.To {
				if !slices.Contains(v.Members, c.Private) {
					r.addAs("G1", e.At, "%v gets %v, in which it is not", c, v)
				}
				k := clientGroup{c, v.Group}
				if a.Held && slices.Contains(seen[k], v.ID) {
					r.addAs("G3", e.At, "%v gets a second view of the id %v in %v", c, v.ID, v.Group)
				}
				seen[k] = append(seen[k], v.ID)
				if o := before[k]; o != nil && slices.Contains(v.Members, c.Private) &&
					o.ID.Daemon == v.ID.Daemon && o.ID.Time == v.ID.Time && v.ID.Index != o.ID.Index+1 {
					r.addAs("G3", e.At, "%v gets %v after %v", c, v, o)
				}
				before[k] = v
			}
		}
	}
}

// sameView compares everything except whose own set it is.
func sameView(v, o *View) bool {
	return v.Type == o.Type && slices.Equal(v.Members, o.Members) &&
		slices.EqualFunc(v.Sets, o.Sets, slices.Equal[[]wire.Name])
}

// checkSets checks G4, and that the views of joins, leaves and disconnects name the client that
// came or left.
func checkSets(v *View, e *Entry, l *Life, r *report) {
	if !v.network() {
		if len(v.Sets) != 1 || len(v.Sets[0]) != 1 ||
			slices.Contains(v.Members, v.Sets[0][0]) != (v.Type&wire.CausedByJoin != 0) {
			r.addAs("G4", e.At, "%s delivers %v, which does not say who came or went", l.Name, v)
		}
		return
	}
	var all []wire.Name
	for _, s := range v.Sets {
		all = append(all, s...)
	}
	members := slices.Clone(v.Members)
	slices.SortFunc(all, compareNames)
	slices.SortFunc(members, compareNames)
	if !slices.Equal(all, members) {
		r.addAs("G4", e.At, "%s delivers %v, whose sets are not its members %v", l.Name, v, v.Members)
	}
	for _, c := range e.To {
		if v.Own >= len(v.Sets) || !slices.Contains(v.Sets[v.Own], c.Private) {
			r.addAs("G4", e.At, "%v gets %v, whose own set is not its own", c, v)
		}
	}
}

func compareNames(a, b wire.Name) int { return slices.Compare(a[:], b[:]) }
