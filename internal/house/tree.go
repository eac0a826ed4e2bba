package house

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxFileBytes is the largest file that is read: far above any source, and
// below a binary that someone has built in the tree.
const maxFileBytes = 4 << 20

// Tree is the repository as the rules see it.
type Tree struct {
	Module   string  // import path of the module at the root
	Files    []*File // by path
	Packages []*Package
	fset     *token.FileSet
	byPath   map[string]*File
	checker  *checker
}

// Package is a directory of the module with Go files. External test packages
// are part of it.
type Package struct {
	Dir   string // "." for the root
	Files []*GoFile
}

// File is one file.
type File struct {
	Path string
	Data []byte
	Text bool // UTF-8 without NUL
}

// GoFile is a Go file of the module that is not test data.
type GoFile struct {
	*File
	AST     *ast.File
	Test    bool
	waivers []*waiver
}

type waiver struct {
	rule, reason string
	line         int
	used         bool
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+(\S+)`)

// Loader loads trees. It keeps what it has read of the standard library from
// one tree to the next. It is not safe for concurrent use.
type Loader struct {
	std types.Importer
}

// NewLoader returns a loader that reads what the compiler wrote of the standard
// library of the Go installation that runs the test. A test built with -trimpath
// does not know where its source is.
func NewLoader(ctx context.Context) *Loader {
	return &Loader{importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		out, err := exec.CommandContext(ctx, "go", "list", "-export", "-f", "{{.Export}}", path).Output()
		if err != nil {
			return nil, fmt.Errorf("go list -export %s: %w", path, err)
		}
		return os.Open(strings.TrimSpace(string(out)))
	})}
}

// Load reads the tree below the root of fsys. It fails on a Go file that does
// not parse and when there is no go.mod.
func (l *Loader) Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet(), byPath: make(map[string]*File)}
	t.checker = &checker{tree: t, std: l.std, done: make(map[string]*checked)}
	var modules []string // directories of further modules
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipDir(name):
			return fs.SkipDir
		case !d.Type().IsRegular() || name == ".git": // a work tree has a file of that name
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > maxFileBytes {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f := &File{Path: name, Data: data, Text: utf8.Valid(data) && bytes.IndexByte(data, 0) < 0}
		t.Files = append(t.Files, f)
		t.byPath[name] = f
		if path.Base(name) == "go.mod" && name != "go.mod" {
			modules = append(modules, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	mod := t.byPath["go.mod"]
	if mod == nil {
		return nil, fmt.Errorf("house: no go.mod at the root of the tree: %w", fs.ErrNotExist)
	}
	if m := moduleLine.FindSubmatch(mod.Data); m != nil {
		t.Module = string(m[1])
	}
	if err := t.parse(modules); err != nil {
		return nil, err
	}
	return t, nil
}

// skipDir reports whether a directory is not the project's: what version
// control and editors keep.
func skipDir(name string) bool {
	base := path.Base(name)
	return len(base) > 1 && base[0] == '.' && base != ".ci" && base != ".github"
}

// parse reads the Go files outside testdata and the given further modules.
func (t *Tree) parse(modules []string) error {
	for _, f := range t.Files {
		if path.Ext(f.Path) != ".go" || inTestdata(f.Path) ||
			slices.ContainsFunc(modules, func(dir string) bool { return strings.HasPrefix(f.Path, dir+"/") }) {
			continue
		}
		a, err := parser.ParseFile(t.fset, f.Path, f.Data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		g := &GoFile{File: f, AST: a, Test: strings.HasSuffix(f.Path, "_test.go")}
		g.readWaivers(t.fset)
		p := t.Package(path.Dir(f.Path))
		if p == nil {
			p = &Package{Dir: path.Dir(f.Path)}
			t.Packages = append(t.Packages, p)
		}
		p.Files = append(p.Files, g)
	}
	return nil
}

func inTestdata(name string) bool { return slices.Contains(strings.Split(name, "/"), "testdata") }

// Package returns the package in a directory, or nil.
func (t *Tree) Package(dir string) *Package {
	i := slices.IndexFunc(t.Packages, func(p *Package) bool { return p.Dir == dir })
	if i < 0 {
		return nil
	}
	return t.Packages[i]
}

// own returns an import path below the module, and whether it is ours.
func (t *Tree) own(importPath string) (dir string, ok bool) {
	if importPath == t.Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.Module+"/")
}

func (t *Tree) line(n ast.Node) int { return t.fset.Position(n.Pos()).Line }

// builds reports whether a file is part of a build without cgo for the system
// that runs the test.
func (t *Tree) builds(f *GoFile) bool {
	ctxt := build.Default
	ctxt.CgoEnabled = false
	ctxt.JoinPath = path.Join
	ctxt.OpenFile = func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(t.byPath[name].Data)), nil
	}
	ok, err := ctxt.MatchFile(path.Dir(f.Path), path.Base(f.Path))
	return ok && err == nil
}

// importName returns the name under which a file knows an import, or "".
func (f *GoFile) importName(importPath string) string {
	for _, s := range f.AST.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err != nil || p != importPath {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// selected returns the name that a file's selector picks from the package
// importPath, or "".
func (f *GoFile) selected(n ast.Node, importPath string) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); ok && x.Name != "" && x.Name == f.importName(importPath) {
		return sel.Sel.Name
	}
	return ""
}

const waiverPrefix = "//house:"

func (f *GoFile) readWaivers(fset *token.FileSet) {
	for _, g := range f.AST.Comments {
		for _, c := range g.List {
			if s, ok := strings.CutPrefix(c.Text, waiverPrefix); ok {
				rule, reason, _ := strings.Cut(s, " ")
				f.waivers = append(f.waivers, &waiver{
					rule: rule, reason: strings.TrimSpace(reason), line: fset.Position(c.Pos()).Line,
				})
			}
		}
	}
}

// waived reports whether a comment lifts the rule for a line.
func (f *GoFile) waived(rule string, line int) bool {
	for _, w := range f.waivers {
		if w.rule == rule && w.line == line {
			w.used = true
			return w.reason != ""
		}
	}
	return false
}
