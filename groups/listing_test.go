package groups

import (
	"fmt"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestAfter: pages of groups are complete and in order, whatever their sizes.
func TestAfter(t *testing.T) {
	var l groupList
	const n = 3 * maxChunk
	name := func(i int) wire.Name { return wire.MakeName(fmt.Sprintf("group%05d", i)) }
	for i := range n {
		l.insert(&group{name: name(i * 7919 % n)})
	}
	for _, size := range []int{1, 2, maxChunk - 1, maxChunk, maxChunk + 1, n, n + 1} {
		var at wire.Name
		var got []wire.Name
		for {
			before := len(got)
			for g := range l.after(at) {
				got = append(got, g.name)
				if len(got) == before+size {
					break
				}
			}
			if len(got) == before {
				break
			}
			at = got[len(got)-1]
		}
		for i := range n {
			if i >= len(got) || got[i] != name(i) {
				t.Fatalf("pages of %d: wrong at %d of %d", size, i, len(got))
			}
		}
	}
	for g := range l.after(wire.MakeName("group00010x")) {
		if g.name != name(11) {
			t.Errorf("behind a name that no group has: %s", g.name)
		}
		break
	}
	var none groupList
	for range none.after(wire.Name{}) {
		t.Error("an empty list has a group")
	}
}
