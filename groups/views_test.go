package groups

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// Members that come from one membership are one set, however their ids compare. The differences of
// a, b and c form a cycle: a before b before c before a (groups-protocol §10.2). The ids are those
// of real daemons.
func TestSetsStayWhole(t *testing.T) {
	ids := map[rune]wire.MembershipID{
		'a': {Daemon: 1552775919, Time: 7}, 'b': {Daemon: 3586328657, Time: 7}, 'c': {Daemon: 4014350958, Time: 7},
		'd': {Daemon: 1552775919, Time: 9},
	}
	for _, pair := range []string{"ab", "bc", "ca", "ad"} {
		if x, y := ids[rune(pair[0])], ids[rune(pair[1])]; x.Compare(y) >= 0 {
			t.Fatalf("%v is not before %v", x, y)
		}
	}
	// Each daemon is given by its membership; "-" is a lost one.
	for _, from := range []string{
		"aa", "ab", "aba", "abca", "acab", "bcab", "cabc", "abcabc", "bacbac", "cbacba", "aabbccaabbcc", "dabcd", "abdcab", "ab-ca-", "-a-b-c-a",
	} {
		g := &group{name: wire.MakeName("g")}
		want := make(map[string]bool)
		for i, c := range from {
			g.place(origin{rank: i, view: ids[c], partitioned: c == '-'})
			g.add(&member{rank: i, name: wire.MakeName(fmt.Sprintf("#m#%02d", i))})
			if c == '-' {
				want[fmt.Sprintf("%02d", i)] = true
			}
		}
		for c := range ids { //house:ordered into a set
			var same []string
			for i, o := range from {
				if o == c {
					same = append(same, fmt.Sprintf("%02d", i))
				}
			}
			if len(same) > 0 {
				want[strings.Join(same, " ")] = true
			}
		}
		v := networkView(g, wire.Name{}, -1)
		var sets []string
		for i, at := range v.offsets {
			end := len(v.sets)
			if i+1 < len(v.offsets) {
				end = v.offsets[i+1]
			}
			var members []string
			for b := v.sets[at+4 : end]; len(b) > 0; b = b[wire.NameLen:] {
				members = append(members, strings.TrimRight(string(b[3:wire.NameLen]), "\x00"))
			}
			sets = append(sets, strings.Join(members, " "))
			for rank := range from {
				if slices.Contains(members, fmt.Sprintf("%02d", rank)) && v.ranks[rank] != i {
					t.Errorf("%s: daemon %d is in set %d and is told %d", from, rank, i, v.ranks[rank])
				}
			}
		}
		if len(sets) != len(want) || slices.ContainsFunc(sets, func(s string) bool { return !want[s] }) {
			t.Errorf("%s: sets %q, want %d: %v", from, sets, len(want), want)
		}
	}
}
