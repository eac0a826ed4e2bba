package house

// plantedSleep are tests that sleep, and waivers that waive nothing.
var plantedSleep = []planted{
	{
		name: "in a test", rule: "sleep",
		bad: `
-- wire/a_test.go --
package wire

import (
	"testing"
	"time"
)

func TestA(t *testing.T) {
	time.Sleep(1)
	pause := time.Sleep
	pause(1)
}
`,
		want: []string{"wire/a_test.go:9", "wire/a_test.go:10"},
		good: `
-- wire/a_test.go --
package wire

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
	})
	time.Sleep(1) //house:sleep the pause between two polls
}
-- wire/a.go --
package wire

import "time"

func a() { time.Sleep(1) }
`,
	},
	{
		name: "malformed and idle", rule: "waiver",
		bad: `
-- ring/a.go --
package ring

//house:fast it is
var a []int

func b() {
	for k := range a { //house:ordered it was a map once
		_ = k
	}
}
`,
		want: []string{"ring/a.go:3", "ring/a.go:7"},
		good: `
-- ring/a.go --
package ring

var a map[int]int

func b() {
	for k := range a { //house:ordered nothing is done
		_ = k
	}
}
`,
	},
}
