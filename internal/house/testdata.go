package house

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// testdataRule finds files in testdata that nothing reads. A file is used when a
// test of any package, or a go:embed line,
//
//   - names it, or matches it with a pattern of which the last element is not
//     open altogether: "testdata/a.json", "testdata/*.txt", name+".golden";
//   - names a directory that it is in, as for os.ReadDir;
//   - reads names from its directory and has this one, with or without its
//     extension, among its strings or in an index.json of the directory;
//   - uses a file beside it of the same name but for the extension, and has this
//     one's extension among its strings, as for a.conf and its a.golden.
//
// Findings of fuzzing are used as long as their target exists, and a README.md
// is for people.
func testdataRule(t *Tree, r *report) {
	var used []mention
	for _, p := range t.Packages {
		used = append(used, mentions(p)...)
	}
	idle := make(map[string][]string) // unused files by their testdata directory
	total := make(map[string]int)
	for _, f := range t.Files {
		if !inTestdata(f.Path) || path.Base(f.Path) == "README.md" {
			continue
		}
		before, _, _ := strings.Cut("/"+f.Path, "/testdata/")
		dir := path.Join(before, "testdata")[1:]
		total[dir]++
		if !slices.ContainsFunc(used, func(m mention) bool { return m.covers(t, f.Path) || m.besides(t, f.Path) }) {
			idle[dir] = append(idle[dir], f.Path)
		}
	}
	for dir, files := range idle {
		if n := len(files); n > 1 && n == total[dir] {
			r.addf(dir, 0, "no test and no go:embed line names any of these %d files: use them or remove them", n)
			continue
		}
		for _, f := range files {
			r.addf(f, 0, "no test and no go:embed line names this file: use it or remove it")
		}
	}
}

// mention is a path below a testdata directory as a package's tests write it.
type mention struct {
	pattern string          // from the root of the tree; a star is any text
	strings map[string]bool // all strings of the package's tests
	whole   bool            // if it is a directory, all of it is meant
}

// covers tells whether the mention means the file.
func (m mention) covers(t *Tree, file string) bool {
	if m.whole && strings.HasPrefix(file, m.pattern+"/") {
		return true
	}
	if !matches(m.pattern, file) {
		return false
	}
	base := path.Base(m.pattern)
	return base != "*" || m.names(t, file)
}

// names tells whether the file's name is among the strings of the tests, or in
// an index of one of its directories.
func (m mention) names(t *Tree, file string) bool {
	base := path.Base(file)
	stem, _, _ := strings.Cut(base, ".")
	if m.strings[base] || m.strings[stem] || m.strings[strings.TrimSuffix(base, path.Ext(base))] {
		return true
	}
	for dir := path.Dir(file); inTestdata(dir); dir = path.Dir(dir) {
		index := t.byPath[path.Join(dir, "index.json")]
		if index != nil && (base == "index.json" || strings.Contains(string(index.Data), base+`"`)) {
			return true
		}
	}
	return false
}

// besides tells whether the mention means another file of the same name but for
// the extension, and the tests know of this one's.
func (m mention) besides(t *Tree, file string) bool {
	ext := path.Ext(file)
	return ext != "" && m.strings[ext] && slices.ContainsFunc(t.Files, func(f *File) bool {
		return f.Path != file && strings.TrimSuffix(f.Path, path.Ext(f.Path)) == strings.TrimSuffix(file, ext) && m.covers(t, f.Path)
	})
}

// matches tells whether a pattern in which a star is any text matches name.
func matches(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for star {
		head, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, head)
		}
		// The earliest place will do: it leaves the most for what follows.
		if _, name, ok = strings.Cut(name, head); !ok {
			return false
		}
	}
	return true
}

// mentions returns the paths below testdata that a package's tests and go:embed
// lines name.
func mentions(p *Package) []mention {
	e := evaluator{values: make(map[string][]string), strings: make(map[string]bool)}
	var found []mention
	add := func(s string, whole bool) {
		if s = path.Join(p.Dir, s); inTestdata(s) {
			found = append(found, mention{s, e.strings, whole})
		}
	}
	for _, f := range p.Files {
		if f.Test {
			e.declare(f.AST)
		}
		for _, g := range f.AST.Comments {
			for _, c := range g.List {
				if list, ok := strings.CutPrefix(c.Text, "//go:embed "); ok {
					for s := range strings.FieldsSeq(list) {
						add(strings.TrimPrefix(s, "all:"), true)
					}
				}
			}
		}
	}
	for _, f := range p.Files {
		if !f.Test {
			continue
		}
		e.visit(f.AST, func(s string) { add(s, !strings.Contains(s, "*")) })
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				add("testdata/fuzz/"+fn.Name.Name, true)
			}
		}
	}
	return found
}

// evaluator finds the strings that expressions can have, as far as the source
// of one package says; what is not known is a star.
type evaluator struct {
	values  map[string][]string // of constants and variables, by name
	strings map[string]bool     // all literals
}

// maxValues bounds the values of one expression.
const maxValues = 64

// declare notes what constants and variables are declared with.
func (e *evaluator) declare(f *ast.File) {
	note := func(name ast.Expr, value ast.Expr) {
		if id, ok := name.(*ast.Ident); ok {
			if v, ok := e.eval(value); ok && len(e.values[id.Name]) < maxValues {
				e.values[id.Name] = append(e.values[id.Name], v...)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, v := range n.Values {
				note(n.Names[min(i, len(n.Names)-1)], v)
			}
		case *ast.AssignStmt:
			for i, v := range n.Rhs {
				if n.Tok == token.DEFINE {
					note(n.Lhs[i], v)
				}
			}
		case *ast.BasicLit:
			if v, ok := e.eval(n); ok {
				e.strings[v[0]] = true
			}
		}
		return true
	})
}

// visit calls yield for the values of the largest expressions that have any. A
// declaration is no use of what it declares.
func (e *evaluator) visit(f *ast.File, yield func(string)) {
	declared := make(map[ast.Node]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				declared[name] = true
				if i < len(n.Values) {
					declared[n.Values[i]] = name.Name != "_"
				}
			}
		case *ast.AssignStmt:
			for _, v := range slices.Concat(n.Lhs, n.Rhs) {
				declared[v] = n.Tok == token.DEFINE
			}
		}
		x, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		values, ok := e.eval(x)
		if !ok {
			return true
		}
		if !declared[n] {
			for _, v := range values {
				yield(v)
			}
		}
		return false
	})
}

// verb is a formatting verb.
var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-z]`)

// eval returns the strings that x can be. It reports false when x has no string
// in it that is known.
func (e *evaluator) eval(x ast.Expr) ([]string, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		if x.Kind != token.STRING {
			return nil, false
		}
		s, err := strconv.Unquote(x.Value)
		return []string{s}, err == nil
	case *ast.Ident:
		v := e.values[x.Name]
		return v, len(v) > 0
	case *ast.ParenExpr:
		return e.eval(x.X)
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return nil, false
		}
		return e.concat("", x.X, x.Y)
	case *ast.CallExpr:
		sel, ok := x.Fun.(*ast.SelectorExpr)
		switch {
		case !ok || len(x.Args) == 0:
			return nil, false
		case sel.Sel.Name == "Join":
			return e.concat("/", x.Args...)
		case sel.Sel.Name == "Sprintf", sel.Sel.Name == "FromSlash":
			v, ok := e.eval(x.Args[0])
			for i := range v {
				v = slices.Clone(v)
				v[i] = verb.ReplaceAllString(v[i], "*")
			}
			return v, ok
		}
	}
	return nil, false
}

// concat joins the values of several expressions in every combination.
func (e *evaluator) concat(separator string, parts ...ast.Expr) ([]string, bool) {
	var known bool
	joined := []string{""}
	for i, p := range parts {
		values, ok := e.eval(p)
		known = known || ok
		if !ok {
			values = []string{"*"}
		}
		var next []string
		for _, a := range joined {
			for _, b := range values {
				if i > 0 {
					b = separator + b
				}
				if len(next) < maxValues {
					next = append(next, a+b)
				}
			}
		}
		joined = next
	}
	return joined, known
}
