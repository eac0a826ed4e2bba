package house

// plantedOrder are violations that show in the types of a machine.
var plantedOrder = []planted{
	{
		name: "a loop over a map", rule: "ordered",
		bad: `
-- groups/a.go --
package groups

func a(m map[string]int) (s string) {
	for k := range m {
		s += k
	}
	for _, v := range m {
		s += string(rune(v))
	}
	return s
}
`,
		want: []string{"groups/a.go:4", "groups/a.go:7"},
		good: `
-- groups/a.go --
package groups

func a(m map[string]int) (s string) {
	n := 0
	for range m {
		n++
	}
	for _, v := range []int{1} {
		n += v
	}
	for _, v := range m { //house:ordered a sum has no order
		n += v
	}
	return string(rune(n))
}
-- groups/a_test.go --
package groups

func b(m map[string]int) {
	for range m {
	}
	for k := range m {
		_ = k
	}
}
-- wire/a.go --
package wire

func b(m map[string]int) {
	for k := range m {
		_ = k
	}
}
`,
	},
	{
		name: "a map behind a name, an alias, a field, a pointer's element, a type parameter, another package", rule: "ordered",
		bad: `
-- ring/a.go --
package ring

import "example.org/m/wire"

type (
	set   map[int]bool
	alias = set
	box   struct{ in alias }
)

func a[M ~map[int]bool](s set, b *box, all []*box, m M, w wire.Set) (n int) {
	for k := range s {
		n = k
	}
	for k := range b.in {
		n = k
	}
	for k := range all[0].in {
		n = k
	}
	for k := range m {
		n = k
	}
	for k := range w {
		n = k
	}
	for k := range wire.Make() {
		n = k
	}
	return n
}
-- wire/a.go --
package wire

type Set map[int]bool

func Make() Set { return nil }
`,
		want: []string{"ring/a.go:12", "ring/a.go:15", "ring/a.go:18", "ring/a.go:21", "ring/a.go:24", "ring/a.go:27"},
		good: `
-- ring/a.go --
package ring

import "example.org/m/wire"

type (
	list []int
	box  struct{ in list }
)

func a[L ~[]int](s list, b *box, l L, w wire.List) (n int) {
	for _, k := range s {
		n = k
	}
	for k := range b.in {
		n = k
	}
	for k := range l {
		n = k
	}
	for k := range w {
		n = k
	}
	return n
}
-- wire/a.go --
package wire

type List []int
`,
	},
	{
		name: "a map from the standard library, in a file of two builds' package", rule: "ordered",
		bad: `
-- membership/a.go --
package membership

import (
	"maps"

	"example.org/m/internal/buf"
)

func a(m buf.M) (n int) {
	for k := range maps.Clone(m) {
		n = k
	}
	return n
}
-- internal/buf/a.go --
package buf

type M = map[int]int
-- internal/buf/b_plan9.go --
package buf

type M = []int
`,
		want: []string{"membership/a.go:10"},
		good: `
-- membership/a.go --
package membership

import (
	"slices"

	"example.org/m/internal/buf"
)

func a(m buf.M) (n int) {
	for k := range slices.Clone(m) {
		n = k
	}
	return n
}
-- internal/buf/a.go --
package buf

type M = []int
-- internal/buf/b_plan9.go --
package buf

type M = map[int]int
`,
	},
	{
		name: "keys unsorted", rule: "ordered",
		bad: `
-- engine/a.go --
package engine

import (
	"maps"
	"slices"
)

func a(m map[string]int) (s []string) {
	for k := range maps.Keys(m) {
		s = append(s, k)
	}
	s = slices.Collect(maps.Keys(m))
	for k, v := range maps.All(m) {
		s = append(s, k[v:])
	}
	return s
}
`,
		want: []string{"engine/a.go:9", "engine/a.go:12", "engine/a.go:13"},
		good: `
-- engine/a.go --
package engine

import (
	"maps"
	"slices"
)

func a(m map[string]int) (s []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s = append(s, k)
	}
	return slices.Collect(maps.Keys(m)) //house:ordered the caller sorts
}
`,
	},
	{
		name: "that cannot be found", rule: "types",
		bad: `
-- engine/a.go --
package engine

func a() {
	for k := range missing {
		_ = k
	}
}
`,
		want: []string{"engine"},
		good: `
-- engine/a.go --
package engine

var missing []int

func a() {
	for k := range missing {
		_ = k
	}
}
`,
	},
	{
		name: "variables of the package", rule: "state",
		bad: `
-- ring/a.go --
package ring

type counter struct{ n int }

func (c *counter) inc()    {}
func (c counter) get() int { return c.n }

var (
	total int
	table [4]int
	c     counter
	known = map[int]bool{}
)

func a(xs []int) {
	total = 1
	total++
	table[2] += 3
	c.n = 4
	c.inc()
	delete(known, 1)
	known[1] = true
	p := &table
	for total = range xs {
	}
	_ = p
}
`,
		want: []string{"ring/a.go:16", "ring/a.go:17", "ring/a.go:18", "ring/a.go:19", "ring/a.go:20", "ring/a.go:21", "ring/a.go:22", "ring/a.go:23", "ring/a.go:24"},
		good: `
-- ring/a.go --
package ring

type counter struct{ n int }

func (c *counter) inc()    {}
func (c counter) get() int { return c.n }

var (
	total int
	table [4]int
	c     counter
	known = map[int]bool{}
)

func a(c *counter) {
	total := total
	total++
	table := table
	table[2] = 3
	c.n = 4
	c.inc()
	if known[total] {
		return
	}
	p := &table
	_ = p
}

func b() int { return c.get() + total }
-- wire/a.go --
package wire

var total int

func a() { total++ }
`,
	},
}
