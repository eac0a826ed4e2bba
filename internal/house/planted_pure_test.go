package house

// plantedPure are violations of the purity of machines.
var plantedPure = []planted{
	{
		name: "a clock", rule: "pure",
		bad: `
-- engine/a.go --
package engine

import "time"

var now = time.Now()
var _ = time.Since(time.Time{})
var _ = time.After(1)
var _ = time.NewTimer(1)
var _ = time.AfterFunc(1, nil)
var _ = time.Sleep
`,
		want: []string{"engine/a.go:5", "engine/a.go:6", "engine/a.go:7", "engine/a.go:8", "engine/a.go:9", "engine/a.go:10"},
		good: `
-- engine/a.go --
package engine

import "time"

const patience = 5*time.Second + time.Duration(3)*time.Millisecond

func seconds(d time.Duration) float64 { return d.Seconds() }
`,
	},
	{
		name: "clock under another name", rule: "pure",
		bad: `
-- ring/a.go --
package ring

import wall "time"

func now() int64 { return wall.Now().Unix() }
`,
		want: []string{"ring/a.go:5"},
		good: `
-- ring/a.go --
package ring

type clock struct{ Now int }

func now(time clock) int { return time.Now }
`,
	},
	{
		name: "a goroutine", rule: "pure",
		bad: `
-- ring/a.go --
package ring

func a(f func()) {
	go f()
}
`,
		want: []string{"ring/a.go:4"},
		good: `
-- ring/a.go --
package ring

func a(f func()) {
	defer f()
}
`,
	},
	{
		name: "channels", rule: "pure",
		bad: `
-- membership/a.go --
package membership

func a(c chan int) {
	select {}
}

type C = chan int

func b(c C) {
	<-c
}

func d(c C) {
	c <- 1
}
`,
		want: []string{"membership/a.go:3", "membership/a.go:4", "membership/a.go:7", "membership/a.go:10", "membership/a.go:14"},
		good: `
-- membership/a.go --
package membership

func a(c []int) int {
	switch {
	}
	return -c[0]
}
-- daemon/a.go --
package daemon

func a(c chan int) {
	select {
	case <-c:
	}
}
`,
	},
	{
		name: "output", rule: "pure",
		bad: `
-- groups/a.go --
package groups

import "fmt"

func a() {
	fmt.Println("a")
	fmt.Printf("a")
	println("a")
}
`,
		want: []string{"groups/a.go:6", "groups/a.go:7", "groups/a.go:8"},
		good: `
-- groups/a.go --
package groups

import (
	"fmt"
	"strings"
)

func a(b *strings.Builder) error {
	fmt.Fprintf(b, "a %s", fmt.Sprint(1))
	return fmt.Errorf("a %d", 1)
}
`,
	},
	{
		name: "a build constraint", rule: "pure",
		bad: `
-- ring/a.go --
//go:build ignore

package ring
-- ring/b_plan9.go --
package ring
`,
		want: []string{"ring/a.go", "ring/b_plan9.go"},
		good: `
-- ring/a.go --
package ring
-- wire/a.go --
//go:build ignore

package wire
`,
	},
}
