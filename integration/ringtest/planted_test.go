package ringtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/spread"
)

// The run of the tests below: a and b are together, are separated, and merge again. c is killed at
// the separation.
const (
	nameA, nameB, nameC = "#c1#d1", "#c2#d2", "#c3#d3"
)

func view(index uint32, cause spread.Cause, changed, self string, members []string, sets ...spread.VSSet) event {
	for i := range sets {
		sets[i].Own = slices.Contains(sets[i].Members, self)
	}
	return event{membership: &spread.Membership{
		Group: group, Cause: cause, ID: spread.GroupID{Daemon: 1, Time: index, Index: 1}, Members: members, Index: slices.Index(members, self), Changed: changed, Sets: sets,
	}}
}

func ending(index uint32) event {
	return event{membership: &spread.Membership{Group: group, Cause: spread.Transitional, ID: spread.GroupID{Daemon: 1, Time: index, Index: 1}}}
}

func got(from string, n int, s spread.Service) event { return event{message: message{from, n, s}} }

// goodRun returns a run without violations.
func goodRun() []*record {
	set := func(members ...string) spread.VSSet { return spread.VSSet{Members: members} }
	three, two := []string{nameA, nameB, nameC}, []string{nameA, nameB}
	records := []*record{
		{id: "a", name: nameA, sent: 6, settled: 5},
		{id: "b", name: nameB, sent: 3, settled: 2},
		{id: "c", name: nameC, sent: 2, killed: true},
	}
	for _, r := range records {
		r.events = append(r.events,
			view(1, spread.CauseJoin, nameC, r.name, three, set(nameC)),
			got("a", 1, spread.Agreed), got("c", 1, spread.Safe), got("a", 3, spread.Reliable), got("a", 2, spread.Agreed))
	}
	for _, r := range records[:2] {
		r.events = append(r.events, ending(1), got("b", 1, spread.Safe),
			view(2, spread.CauseNetwork, "", r.name, two, set(nameA, nameB)),
			got("a", 4, spread.Agreed), ending(2))
		// They are separated for a moment in which nobody sends.
		own, id := []string{r.name}, uint32(3)
		if r.id == "b" {
			id = 4
		}
		r.events = append(r.events, view(id, spread.CauseNetwork, "", r.name, own, set(own...)),
			view(5, spread.CauseNetwork, "", r.name, two, set(nameA), set(nameB)),
			got("a", 5, spread.Agreed), got("b", 2, spread.Safe), got("b", 3, spread.FIFO), got("a", 6, spread.Reliable))
	}
	return records
}

func TestGoodRun(t *testing.T) {
	for _, v := range violations(goodRun()) {
		t.Error(v)
	}
}

// Each property detects the faults that are planted for it.
func TestPlantedFaults(t *testing.T) {
	at := func(r *record, from string, n int) int {
		return slices.IndexFunc(r.events, func(e event) bool { return e.membership == nil && e.from == from && e.n == n })
	}
	remove := func(r *record, from string, n int) { i := at(r, from, n); r.events = slices.Delete(r.events, i, i+1) }
	views := func(r *record) (all []*spread.Membership) {
		for _, e := range r.events {
			if e.membership != nil && e.membership.Regular() {
				all = append(all, e.membership)
			}
		}
		return all
	}
	for _, tt := range []struct {
		name, property string
		plant          func(a, b, c *record)
	}{
		{"twice", "each message once", func(a, _, _ *record) { a.events = append(a.events, got("b", 2, spread.Safe)) }},
		{"made up", "each message once", func(a, _, _ *record) { a.events = append(a.events, got("b", 4, spread.Safe)) }},
		{"from nobody", "each message once", func(a, _, _ *record) { a.events = append(a.events, got("x", 1, spread.Safe)) }},
		{"before the first view", "each message once", func(_, _, c *record) { c.events[0], c.events[1] = c.events[1], c.events[0] }},
		{"sender's order", "each message once", func(a, b, _ *record) {
			for _, r := range []*record{a, b} {
				i, j := at(r, "b", 2), at(r, "b", 3)
				r.events[i], r.events[j] = r.events[j], r.events[i]
			}
		}},
		{"own one lost", "own messages", func(a, b, c *record) {
			for _, r := range []*record{a, b, c} {
				remove(r, "a", 1)
			}
		}},
		{"own reliable one lost", "own messages", func(a, _, _ *record) { remove(a, "a", 3) }},
		{"last own one lost", "own messages", func(a, _, _ *record) { a.sent++ }},
		{"order", "one total order", func(_, _, c *record) {
			i, j := at(c, "a", 1), at(c, "c", 1)
			c.events[i], c.events[j] = c.events[j], c.events[i]
		}},
		{"not in its view", "views contain", func(a, _, _ *record) { views(a)[0].Members = []string{nameB, nameC} }},
		{"wrong place", "views contain", func(a, _, _ *record) { views(a)[0].Index = 1 }},
		{"other members", "one id, one view", func(a, _, _ *record) { views(a)[1].Members = []string{nameA, nameB, nameC} }},
		{"other sets", "one id, one view", func(a, _, _ *record) { views(a)[3].Sets = views(a)[1].Sets }},
		{"one view twice", "one id, one view", func(_, b, _ *record) { views(b)[2].ID = views(b)[1].ID }},
		{"one in two sets", "sets of a view", func(a, _, _ *record) {
			v := views(a)[3]
			v.Sets = append(v.Sets, v.Sets[0])
		}},
		{"no own set", "sets of a view", func(a, _, _ *record) { views(a)[3].Sets[0].Own = false }},
		{"message missing", "virtual synchrony", func(_, b, _ *record) { remove(b, "c", 1) }},
		{"message in the next view", "virtual synchrony", func(_, b, _ *record) {
			i := at(b, "b", 1)
			b.events[i], b.events[i+1] = b.events[i+1], b.events[i]
		}},
		{"signal late", "virtual synchrony", func(_, b, _ *record) {
			i := at(b, "b", 1)
			b.events[i], b.events[i-1] = b.events[i-1], b.events[i]
		}},
		{"came from elsewhere", "virtual synchrony", func(a, b, _ *record) {
			views(a)[3].Sets = []spread.VSSet{{Own: true, Members: []string{nameA, nameB}}}
			views(b)[3].Sets = views(a)[3].Sets
		}},
		{"not safe", "safe messages", func(_, _, c *record) {
			c.sent = 2
			c.events = append(c.events, got("c", 2, spread.Safe))
		}},
		{"late one lost", "all arrive after", func(a, _, _ *record) { remove(a, "b", 3) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := goodRun()
			tt.plant(run[0], run[1], run[2])
			found := violations(run)
			if !slices.ContainsFunc(found, func(v string) bool { return strings.HasPrefix(v, tt.property) }) {
				t.Errorf("not detected; found %q", found)
			}
		})
	}
}
