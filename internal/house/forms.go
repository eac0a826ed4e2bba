package house

import (
	"bytes"
	"go/ast"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// maxLines is how long a file may be.
const maxLines = 600

// docRule wants a doc.go with the package comment in every package.
func docRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		name := path.Join(p.Dir, "doc.go")
		f := fileNamed(p, name)
		if f == nil {
			r.addf(p.Dir, 0, "a package without doc.go: say there what it is for, what it guarantees and what not, its limits and how to debug it")
			continue
		}
		want := "Package " + f.AST.Name.Name
		if f.AST.Name.Name == "main" {
			want = "Command " + path.Base(p.Dir)
		}
		if !startsWith(f.AST.Doc.Text(), want) {
			r.addf(name, 0, "the package comment has to begin with %q", want)
		}
	}
}

func fileNamed(p *Package, name string) *GoFile {
	for _, f := range p.Files {
		if f.Path == name {
			return f
		}
	}
	return nil
}

// startsWith tells whether text begins with the given words.
func startsWith(text, words string) bool {
	rest, ok := strings.CutPrefix(text, words)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], " \n.,:;"))
}

// sizeRule bounds the length of files. Test data, generated files, lists that
// tools write, and the change log and the protocols, which are read by
// searching, may be longer.
func sizeRule(t *Tree, r *report) {
	for _, f := range t.Files {
		if !f.Text || inTestdata(f.Path) || f.generated() || path.Base(f.Path) == "go.sum" ||
			f.Path == "CHANGELOG.md" || strings.HasPrefix(f.Path, "docs/spec/") {
			continue
		}
		if n := bytes.Count(f.Data, []byte("\n")); n > maxLines {
			r.addf(f.Path, 0, "%d lines, at most %d: find the seam and cut", n, maxLines)
		}
	}
}

var (
	todo  = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	issue = regexp.MustCompile(`#[0-9]+\b`)
)

// issueRule wants an issue's number beside each note of what is missing: in the
// comments of Go files, and anywhere in other files that people write.
func issueRule(t *Tree, r *report) {
	check := func(f *File, line int, text string) {
		if m := todo.FindString(text); m != "" && !issue.MatchString(text) {
			r.addf(f.Path, line, "%s without an issue: write %s(#12), or do it", m, m)
		}
	}
	goFiles := make(map[string]bool)
	for _, p := range t.Packages {
		for _, f := range p.Files {
			goFiles[f.Path] = true
			for _, g := range f.AST.Comments {
				for _, c := range g.List {
					for i, text := range strings.Split(c.Text, "\n") {
						check(f.File, t.line(c)+i, text)
					}
				}
			}
		}
	}
	for _, f := range t.Files {
		if !f.Text || goFiles[f.Path] || inTestdata(f.Path) || path.Base(f.Path) == "go.sum" || strings.HasPrefix(f.Path, "docs/spec/") {
			continue
		}
		for i, text := range strings.Split(string(f.Data), "\n") {
			check(f, i+1, text)
		}
	}
}

func cgoRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, s := range f.AST.Imports {
				if imported(s) == "C" {
					r.addf(f.Path, t.line(s), "imports \"C\": find a way in Go")
				}
			}
		}
	}
}

func initRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					r.addf(f.Path, t.line(fn), "an init function: call it from where it is needed, or initialize the variable where it is declared")
				}
			}
		}
	}
}

// sleepRule finds time.Sleep in tests. Inside a bubble of testing/synctest time
// is not real, and sleeping is how it passes.
func sleepRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if !f.Test {
				continue
			}
			ast.Inspect(f.AST, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && f.selected(call.Fun, "testing/synctest") == "Test" {
					return false
				}
				if f.selected(n, "time") == "Sleep" && !f.waived("sleep", t.line(n)) {
					r.addf(f.Path, t.line(n), "a test sleeps: wait for the condition, use testing/synctest, or say behind the line why not (%ssleep REASON)", waiverPrefix)
				}
				return true
			})
		}
	}
}

// words are what no file may say, in parts, so that this file does not.
var words = []struct{ word, instead string }{
	{"proxy.golang" + ".org", "the go command knows where modules come from"},
	{"registry.npm" + "js", "say what to install, not from which host"},
	{"deb.debian" + ".org", "apt-get knows where packages come from"},
	{".." + "/shared", "copy what the project needs into it"},
	{"/work" + "/shared", "copy what the project needs into it"},
	{"/work" + "/main", "write paths from the root of the repository"},
}

func wordsRule(t *Tree, r *report) {
	for _, f := range t.Files {
		for _, w := range words {
			if !f.Text || !bytes.Contains(f.Data, []byte(w.word)) {
				continue
			}
			for i, text := range bytes.Split(f.Data, []byte("\n")) {
				if bytes.Contains(text, []byte(w.word)) {
					r.addf(f.Path, i+1, "says %s: %s", strconv.Quote(w.word), w.instead)
				}
			}
		}
	}
}
