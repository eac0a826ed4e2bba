package house

// plantedTestdata are files in testdata that nothing reads.
var plantedTestdata = []planted{
	{
		name: "named by nobody", rule: "testdata",
		bad: `
-- wire/testdata/a.json --
{}
-- wire/testdata/b.json --
{}
-- wire/a_test.go --
package wire

var _ = "testdata/a.json"
`,
		want: []string{"wire/testdata/b.json"},
		good: `
-- wire/testdata/a.json --
{}
-- wire/testdata/README.md --
What is here.
-- wire/a_test.go --
package wire

var _ = "testdata/a.json"
`,
	},
	{
		name: "a whole directory named by nobody", rule: "testdata",
		bad: `
-- wire/testdata/a.json --
{}
-- wire/testdata/deep/b.json --
{}
-- wire/testdata/README.md --
What is here.
`,
		want: []string{"wire/testdata"},
		good: `
-- wire/testdata/README.md --
What is here.
`,
	},
	{
		name: "not matched by a pattern", rule: "testdata",
		bad: `
-- wire/testdata/a.json --
{}
-- wire/testdata/a.txt --
-- wire/a_test.go --
package wire

import (
	"path/filepath"
)

var _, _ = filepath.Glob("testdata/*.txt")
`,
		want: []string{"wire/testdata/a.json"},
		good: `
-- wire/testdata/b.txt --
-- wire/testdata/a.txt --
-- wire/a_test.go --
package wire

import (
	"path/filepath"
)

var _, _ = filepath.Glob("testdata/*.txt")
`,
	},
	{
		name: "another ending than the one that is read", rule: "testdata",
		bad: `
-- wire/testdata/a.golden --
-- wire/testdata/b.gold --
-- wire/a_test.go --
package wire

import (
	"os"
	"path/filepath"
)

const dir = "testdata"

func read(name string) {
	_, _ = os.ReadFile(filepath.Join(dir, name+".golden"))
}
`,
		want: []string{"wire/testdata/b.gold"},
		good: `
-- wire/testdata/a.golden --
-- wire/testdata/b.golden --
-- wire/a_test.go --
package wire

import (
	"os"
	"path/filepath"
)

const dir = "testdata"

func read(name string) {
	_, _ = os.ReadFile(filepath.Join(dir, name+".golden"))
}
`,
	},
	{
		name: "not among the names that are read", rule: "testdata",
		bad: `
-- wire/testdata/one --
-- wire/testdata/two.log --
-- wire/testdata/three --
-- wire/a_test.go --
package wire

import (
	"os"
)

var names = []string{"one", "two"}

func read(name string) {
	_, _ = os.ReadFile("testdata/" + name)
}
`,
		want: []string{"wire/testdata/three"},
		good: `
-- wire/testdata/one --
-- wire/testdata/two.log --
-- wire/a_test.go --
package wire

import (
	"os"
)

var names = []string{"one", "two"}

func read(name string) {
	_, _ = os.ReadFile("testdata/" + name)
}
`,
	},
	{
		name: "not in the index", rule: "testdata",
		bad: `
-- wire/testdata/index.json --
["good/a.conf"]
-- wire/testdata/good/a.conf --
-- wire/testdata/good/b.conf --
-- wire/a_test.go --
package wire

import (
	"os"
	"path/filepath"
)

func read(name string) {
	_, _ = os.ReadFile(filepath.Join("testdata", name))
}
`,
		want: []string{"wire/testdata/good/b.conf"},
		good: `
-- wire/testdata/index.json --
["good/a.conf", "good/b.conf"]
-- wire/testdata/good/a.conf --
-- wire/testdata/good/b.conf --
-- wire/a_test.go --
package wire

import (
	"os"
	"path/filepath"
)

func read(name string) {
	_, _ = os.ReadFile(filepath.Join("testdata", name))
}
`,
	},
	{
		name: "a golden file without its input", rule: "testdata",
		bad: `
-- wire/testdata/a.conf --
-- wire/testdata/a.golden --
-- wire/testdata/a.log --
-- wire/testdata/b.golden --
-- wire/a_test.go --
package wire

import (
	"path/filepath"
	"strings"
)

var names, _ = filepath.Glob("testdata/*.conf")

func golden(name string) string { return strings.TrimSuffix(name, ".conf") + ".golden" }
`,
		want: []string{"wire/testdata/a.log", "wire/testdata/b.golden"},
		good: `
-- wire/testdata/a.conf --
-- wire/testdata/a.golden --
-- wire/a_test.go --
package wire

import (
	"path/filepath"
	"strings"
)

var names, _ = filepath.Glob("testdata/*.conf")

func golden(name string) string { return strings.TrimSuffix(name, ".conf") + ".golden" }
`,
	},
	{
		name: "another directory is read", rule: "testdata",
		bad: `
-- wire/testdata/a/x --
-- wire/testdata/b/y --
-- wire/a_test.go --
package wire

import (
	"os"
)

var _, _ = os.ReadDir("testdata/a")
`,
		want: []string{"wire/testdata/b/y"},
		good: `
-- wire/testdata/a/x --
-- wire/testdata/a/deep/y --
-- wire/a_test.go --
package wire

import (
	"os"
)

var _, _ = os.ReadDir("testdata/a")
`,
	},
	{
		name: "a declaration alone", rule: "testdata",
		bad: `
-- wire/testdata/a --
-- wire/a_test.go --
package wire

const dir = "testdata"
`,
		want: []string{"wire/testdata/a"},
		good: `
-- wire/testdata/a --
-- wire/a_test.go --
package wire

import (
	"os"
)

const dir = "testdata"

var _ = os.DirFS(dir)
`,
	},
	{
		name: "named by the package's source only", rule: "testdata",
		bad: `
-- wire/testdata/a --
-- wire/a.go --
package wire

var _ = "testdata/a"
`,
		want: []string{"wire/testdata/a"},
		good: `
-- wire/testdata/a --
-- wire/testdata/deep/b --
-- wire/a.go --
package wire

import "embed"

//go:embed testdata/a testdata/deep
var files embed.FS
`,
	},
	{
		name: "another package's test", rule: "testdata",
		bad: `
-- wire/testdata/a --
-- wire/testdata/b --
-- spread/a_test.go --
package spread

var _ = "../wire/testdata/a"
`,
		want: []string{"wire/testdata/b"},
		good: `
-- wire/testdata/a --
-- wire/testdata/b --
-- spread/a_test.go --
package spread

const vectors = "../wire/testdata/"

var _ = []string{vectors + "a", vectors + "b"}
`,
	},
	{
		name: "a fuzz target that is gone", rule: "testdata",
		bad: `
-- wire/testdata/fuzz/FuzzA/0123 --
go test fuzz v1
-- wire/testdata/fuzz/FuzzB/0123 --
go test fuzz v1
-- wire/a_test.go --
package wire

import (
	"testing"
)

func FuzzA(f *testing.F) {}
`,
		want: []string{"wire/testdata/fuzz/FuzzB/0123"},
		good: `
-- wire/testdata/fuzz/FuzzA/0123 --
go test fuzz v1
-- wire/a_test.go --
package wire

import (
	"testing"
)

func FuzzA(f *testing.F) {}
`,
	},
	{
		name: "a format", rule: "testdata",
		bad: `
-- wire/testdata/v01.bin --
-- wire/testdata/x.bin --
-- wire/a_test.go --
package wire

import (
	"fmt"
)

func read(n int) string { return fmt.Sprintf("testdata/v%02d.bin", n) }
`,
		want: []string{"wire/testdata/x.bin"},
		good: `
-- wire/testdata/v01.bin --
-- wire/a_test.go --
package wire

import (
	"fmt"
)

func read(n int) string { return fmt.Sprintf("testdata/v%02d.bin", n) }
`,
	},
}
