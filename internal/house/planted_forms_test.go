package house

// plantedForms are violations of form.
var plantedForms = []planted{
	{
		name: "no doc.go", rule: "doc",
		noAdditions: true,
		bad: `
-- go.mod --
module example.org/m
-- wire/a.go --
// Package wire has its comment in the wrong place.
package wire
`,
		want: []string{"wire"},
		good: `
-- go.mod --
module example.org/m
-- wire/doc.go --
// Package wire is planted.
package wire
`,
	},
	{
		name: "a comment that is none", rule: "doc",
		noAdditions: true,
		bad: `
-- go.mod --
module example.org/m
-- wire/doc.go --
package wire
-- ring/doc.go --

// Package ring is cut off.

package ring
-- logs/internal/sink/doc.go --
// Sink is planted.
package sink
-- logs/internal/logline/doc.go --
// Package accesslogs is planted.
package accesslog
-- cmd/tool/doc.go --
// Package main is planted.
package main
`,
		want: []string{"logs/internal/logline/doc.go", "cmd/tool/doc.go", "ring/doc.go", "logs/internal/sink/doc.go", "wire/doc.go"},
		good: `
-- go.mod --
module example.org/m
-- wire/doc.go --
// Package wire is planted.
package wire
-- cmd/tool/doc.go --
// Command tool is planted.
package main
`,
	},
	{
		name: "tests only", rule: "doc",
		noAdditions: true,
		bad: `
-- go.mod --
module example.org/m
-- integration/a_test.go --
package integration
`,
		want: []string{"integration"},
		good: `
-- go.mod --
module example.org/m
-- integration/testdata/a.go --
package a
-- integration/doc.go --
// Package integration is planted.
package integration
-- integration/a_test.go --
package integration

var _ = "testdata/a.go"
-- tools/go.mod --
module example.org/m/tools
-- tools/a.go --
package tools
`,
	},
	{
		name: "a note in Go", rule: "issue",
		bad: `
-- wire/a.go --
package wire

// TODO: later
var a = 1 // FIXME

/*
XXX
*/
`,
		want: []string{"wire/a.go:3", "wire/a.go:4", "wire/a.go:7"},
		good: `
-- wire/a.go --
package wire

// TODO(#12): later. TODOs are rare, and mktemp has its XXXXXX.
var a = "TODO"
-- wire/testdata/a.txt --
TODO
-- wire/a_test.go --
package wire

var _ = "testdata/a.txt"
`,
	},
	{
		name: "a note elsewhere", rule: "issue",
		bad: `
-- README.md --
# m

TODO: write.
-- .ci/run --
# FIXME
`,
		want: []string{".ci/run:1", "README.md:3"},
		good: `
-- README.md --
# m

TODO (#7): write.
-- .ci/run --
mktemp -t XXXXXX
-- docs/spec/a.md --
XXX
`,
	},
	{
		name: "import", rule: "cgo",
		bad: `
-- wire/a.go --
package wire

import "C"
`,
		want: []string{"wire/a.go:3"},
		good: `
-- wire/a.go --
package wire

import "errors"

var _ = errors.New("C")
`,
	},
	{
		name: "function", rule: "init",
		bad: `
-- wire/a.go --
package wire

func init() {}
-- wire/a_test.go --
package wire

func init() {}
`,
		want: []string{"wire/a.go:3", "wire/a_test.go:3"},
		good: `
-- wire/a.go --
package wire

type t int

func (t) init() {}

func initialize() {}
`,
	},
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
