package groups

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestGroupList compares the list with a sorted slice, in any order of changes.
func TestGroupList(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var list groupList
		var want []*group
		for step := range 5000 {
			name := wire.MakeName(fmt.Sprintf("g%04d", random.IntN(3000)))
			if seed%4 == 0 {
				name = wire.MakeName(fmt.Sprintf("g%04d", step)) // in order
			}
			i, ok := slices.BinarySearchFunc(want, name, func(g *group, n wire.Name) int { return compareNames(g.name, n) })
			shrink := step/1000%2 == 1 && random.IntN(4) > 0
			switch {
			case shrink && len(want) > 0:
				i = random.IntN(len(want))
				none := wire.MakeName("zzz")
				list.remove(&want[i].name)
				list.remove(&none)
				if list.get(&want[i].name) != nil || list.get(&none) != nil {
					t.Fatalf("seed %d, step %d: a group is found that is gone", seed, step)
				}
				want = slices.Delete(want, i, i+1)
			case !ok:
				g := &group{name: name}
				list.insert(g)
				want = slices.Insert(want, i, g)
			}
			if step%500 == 0 {
				odd := func(g *group) bool { return g.name[4]%7 == 1 }
				list.deleteFunc(odd)
				want = slices.DeleteFunc(want, odd)
			}
			if list.len() != len(want) {
				t.Fatalf("seed %d, step %d: %d groups, want %d", seed, step, list.len(), len(want))
			}
			if step%50 == 0 && !slices.Equal(slices.Collect(list.all()), want) {
				t.Fatalf("seed %d, step %d: wrong groups or order", seed, step)
			}
		}
		for c, chunk := range list.chunks {
			if len(chunk) == 0 || len(chunk) > maxChunk {
				t.Errorf("seed %d: chunk %d of %d groups", seed, c, len(chunk))
			}
		}
	}
}
