package house

// plantedReferences are references to what is not there.
var plantedReferences = []planted{
	{
		name: "a page, from a comment", rule: "references",
		bad: `
-- wire/a.go --
package wire

// See docs/gone.md, and also:
//
//	docs/spec/gone.md §2
var a = 1 /* (docs/gone.md) */
`,
		want: []string{"wire/a.go:3", "wire/a.go:5", "wire/a.go:6"},
		good: `
-- wire/a.go --
package wire

// See docs/here.md, docs/, http://example.org/docs/gone.md and ../docs/gone.md.
var a = "docs/gone.md"
-- docs/here.md --
# Here
`,
	},
	{
		name: "a page or a link, from a document", rule: "references",
		bad: `
-- README.md --
# m

[Gone](docs/gone) and [here](docs/here.md#part), see docs/gone.md.
-- docs/here.md --
[Up](../LICENSE) [beside](beside.md)
-- .ci/run --
# as docs/gone.md says
`,
		want: []string{".ci/run:1", "README.md:3", "docs/here.md:1"},
		good: `
-- README.md --
# m

[Docs](docs) [here](docs/here.md#part) [there](https://example.org/gone.md)
-- docs/here.md --
[Up](../README.md) [beside](adr/1.md)
-- docs/adr/1.md --
# 1
-- wire/testdata/a.md --
docs/gone.md [gone](gone.md)
-- wire/a_test.go --
package wire

var _ = "testdata/a.md"
`,
	},
	{
		name: "a test, from a page", rule: "references",
		bad: `
-- docs/a.md --
The proof is TestGone
and FuzzGone, or
` + "`BenchmarkGone`" + `.
-- wire/a_test.go --
package wire

// TestGone is only spoken of.
`,
		want: []string{"docs/a.md:1", "docs/a.md:2", "docs/a.md:3"},
		good: `
-- docs/a.md --
The proof is TestHere; testing it is Tested.
-- wire/a_test.go --
package wire

import "testing"

func TestHere(t *testing.T) {}
`,
	},
	{
		name: "a file of the source, from a page for developers", rule: "references",
		bad: `
-- docs/develop/ways.md --
It begins in ` + "`wire/gone.go`" + `.
`,
		want: []string{"docs/develop/ways.md:1"},
		good: `
-- docs/develop/ways.md --
It begins in ` + "`wire/a.go` and `b.go`" + `.
-- wire/a.go --
package wire
`,
	},
	{
		name: "a section", rule: "references",
		bad: `
-- wire/a.go --
package wire

// The size (net-protocol §2.1, net-protocol.md §3).
var a = 1
-- docs/spec/net-protocol.md --
## 1. One
### 1.1 More
## 2 Two
See net-protocol §4.
`,
		want: []string{"docs/spec/net-protocol.md:4", "wire/a.go:3"},
		good: `
-- wire/a.go --
package wire

// The size (net-protocol §1.1, net-protocol §2; other §9, RFC §1).
var a = 1
-- docs/spec/net-protocol.md --
## 1. One
### 1.1 More
## 2 Two
See net-protocol §2.
`,
	},
}
