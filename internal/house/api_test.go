package house

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// public are the packages that other modules import, by their list in .ci/api.
var public = map[string]string{
	"spread":     "github.com/spreadd/spreadd/spread",
	"spreadtest": "github.com/spreadd/spreadd/spread/spreadtest",
	"wire":       "github.com/spreadd/spreadd/wire",
}

// TestAPI compares the exported API of the public packages with the lists in .ci/api.
func TestAPI(t *testing.T) {
	imp := exportData(t)
	for list, path := range public {
		pkg, err := imp.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		golden.File(t, root(t)+"/.ci/api/"+list+".txt", api(pkg))
	}
}

// exportData returns an importer that reads what the compiler wrote of the public packages and
// of what they import.
func exportData(t *testing.T) types.Importer {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}
	for _, path := range public {
		args = append(args, path)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
}

// api lists what a package exports, a line each: constants with their values, variables, functions,
// types, and their exported fields and methods. Names of other packages are qualified.
func api(pkg *types.Package) string {
	var lines []string
	addf := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	text := func(t types.Type) string { return types.TypeString(t, types.RelativeTo(pkg)) }
	for _, name := range pkg.Scope().Names() {
		if !ast.IsExported(name) {
			continue
		}
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.Const:
			addf("const %s %s = %s", name, text(o.Type()), o.Val().ExactString())
		case *types.Var:
			addf("var %s %s", name, text(o.Type()))
		case *types.Func:
			addf("func %s%s", name, strings.TrimPrefix(text(o.Type()), "func"))
		case *types.TypeName:
			if o.IsAlias() {
				addf("type %s = %s", name, text(types.Unalias(o.Type())))
				continue
			}
			kind := text(o.Type().Underlying())
			if s, ok := o.Type().Underlying().(*types.Struct); ok {
				kind = "struct"
				for f := range s.Fields() {
					if f.Exported() {
						addf("type %s struct, %s %s", name, f.Name(), text(f.Type()))
					}
				}
			}
			addf("type %s %s", name, kind)
			for s := range types.NewMethodSet(types.NewPointer(o.Type())).Methods() {
				if m := s.Obj(); m.Exported() {
					star := "*"
					if types.NewMethodSet(o.Type()).Lookup(nil, m.Name()) != nil {
						star = ""
					}
					addf("method (%s%s) %s%s", star, name, m.Name(), strings.TrimPrefix(text(m.Type()), "func"))
				}
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// TestAPIBites: each kind of change of what is exported changes the list, and no other does.
func TestAPIBites(t *testing.T) {
	const source = `package a
const C = 1
var V int
func F(a int) error { return nil }
type T struct { A int; b int }
func (T) M() {}
func (*T) P() {}
func (T) m() {}
type I interface { M() }
type A = T
`
	list := func(source string) string {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "a.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		pkg, err := new(types.Config).Check("a", fset, []*ast.File{f}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return api(pkg)
	}
	const want = `const C untyped int = 1
func F(a int) error
method (*T) P()
method (T) M()
type A = T
type I interface{M()}
type T struct
type T struct, A int
var V int
`
	if got := list(source); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, c := range []struct {
		from, to string
		seen     bool
	}{
		{"C = 1", "C = 2", true},
		{"V int", "V int8", true},
		{"F(a int)", "F(a int, b int)", true},
		{"A int;", "A string;", true},
		{"A int; b", "A int; B", true},
		{"(T) M()", "(T) M(int)", true},
		{"(*T) P", "(T) P", true},
		{"(T) m()", "(T) N()", true},
		{"{ M() }", "{ M(); N() }", true},
		{"A = T", "A = *T", true},
		{"b int", "c string", false},
		{"(T) m()", "(*T) n(int)", false},
		{"return nil", "panic(a)", false},
	} {
		if changed := list(strings.Replace(source, c.from, c.to, 1)) != want; changed != c.seen {
			t.Errorf("%q to %q: the list changes: %v", c.from, c.to, changed)
		}
	}
}
