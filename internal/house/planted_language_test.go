package house

// plantedLanguage are retired phrases, and names that mean two things.
var plantedLanguage = []planted{
	{
		name: "in a string, a comment and a page", rule: "language",
		bad: `
-- wire/a.go --
package wire

// A is what the peer
// tells.
var A = "a " + "waiting IN VAIN"

var b = 1 // before it rests
-- README.md --
# m

It stays
behind, since the network is slow.
-- wire/a_test.go --
package wire

// This comment told too much.
var _ = "in vain"
`,
		want: []string{"README.md:3", "README.md:4", "wire/a.go:4", "wire/a.go:5", "wire/a.go:7", "wire/a_test.go:3"},
		good: `
-- wire/a.go --
package wire

// A is what the peer reports: the intellect of a vain storyteller.
var A = "a " + "waiting without success"

var b = 1 // before the rest of it, if told to

// The message tells a member that it has left.
-- README.md --
# m

It has been slow since the start.
-- docs/spec/net.md --
It is in vain.
`,
	},
	{
		name: "one for two types", rule: "names",
		bad: `
-- wire/a.go --
package wire

type Packet struct{}
-- ring/a.go --
package ring

type (
	Packet int
	token  int
)
`,
		want: []string{"wire"},
		good: `
-- wire/a.go --
package wire

type Packet struct{}

type token int
-- ring/a.go --
package ring

type Parcel int

type token int

type Config struct{}
-- wire/b.go --
package wire

type Config struct{}
-- ring/a_test.go --
package ring

type Packet int
`,
	},
}
