package house

import (
	"fmt"
	"go/doc"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

//go:generate go test . -run Packages -count 1 -rewrite

// TestPackages compares the table of packages in docs/develop/architecture.md with the first
// sentence of each doc.go.
func TestPackages(t *testing.T) {
	golden.Section(t, root(t)+"/docs/develop/architecture.md", "<!-- packages: go generate ./internal/house -->\n", "<!-- end of packages -->\n",
		packageTable(t, loadTree(t)))
}

// packageTable has a row for each package, with the first sentence of
// its doc.go. It ends the test where there is none.
func packageTable(t testing.TB, tree *Tree) string {
	t.Helper()
	var rows []string
	for _, p := range tree.Packages {
		i := slices.IndexFunc(p.Files, func(f *GoFile) bool { return path.Base(f.Path) == "doc.go" && f.AST.Doc != nil })
		if i < 0 {
			t.Fatalf("%s has no doc.go with a package comment: say there what the package is for, what it guarantees and what not", p.Dir)
		}
		sentence := new(doc.Package).Synopsis(p.Files[i].AST.Doc.Text())
		name := "Package " + p.Files[i].AST.Name.Name + " "
		if p.Files[i].AST.Name.Name == "main" {
			name = "Command " + path.Base(p.Dir) + " "
		}
		what, ok := strings.CutPrefix(sentence, name)
		if !ok {
			t.Fatalf("%s: the package comment begins with %q, not with %q", p.Files[i].Path, sentence, name)
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", p.Dir, strings.NewReplacer("[", "", "]", "", "|", `\|`).Replace(what)))
	}
	slices.SortFunc(rows, func(a, b string) int {
		a, _, _ = strings.Cut(a, "` ")
		b, _, _ = strings.Cut(b, "` ")
		return strings.Compare(a, b)
	})
	return "\n| package | what it is or does |\n| --- | --- |\n" + strings.Join(rows, "") + "\n"
}

// TestPackagesBite: a package without a comment in doc.go, or with one that begins otherwise, is
// found.
func TestPackagesBite(t *testing.T) {
	for tree, want := range map[string]string{
		"-- wire/a.go --\n// Package wire is here.\npackage wire\n":           "wire has no doc.go",
		"-- wire/doc.go --\npackage wire\n":                                   "wire has no doc.go",
		"-- wire/doc.go --\n// Here is package wire.\npackage wire\n":         "begins with",
		"-- cmd/a/doc.go --\n// Package main is here.\npackage main\n":        "begins with",
		"-- wire/doc.go --\n// Package wire [is] here.\n// So.\npackage wire": "",
	} {
		loaded, err := NewLoader(t.Context()).Load(plant("-- go.mod --\nmodule m\n"+tree, false))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		func() {
			defer func() {
				if s, ok := recover().(string); ok {
					got = s
				}
			}()
			if table := packageTable(fatal{t}, loaded); !strings.HasSuffix(table, "| `wire` | is here. |\n\n") {
				t.Errorf("%q gives\n%s", tree, table)
			}
		}()
		if want == "" != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: ends with %q, want %q", tree, got, want)
		}
	}
}

// fatal panics with the text of a failure.
type fatal struct{ testing.TB }

func (fatal) Helper() {}

func (fatal) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
