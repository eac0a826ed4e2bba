package house

import (
	"fmt"
	"go/ast"
	"go/types"
	"path"
)

type checker struct {
	tree *Tree
	std  types.Importer
	done map[string]*checked // by directory
}

// checked is a package with its types. Test files, and files that a build on
// this system leaves out, are not part of it.
type checked struct {
	pkg   *types.Package
	info  *types.Info
	files []*GoFile
	errs  []error
}

// Import implements [types.Importer].
func (c *checker) Import(importPath string) (*types.Package, error) {
	dir, ok := c.tree.own(importPath)
	if !ok {
		return c.std.Import(importPath)
	}
	p := c.tree.Package(dir)
	if p == nil {
		return nil, fmt.Errorf("no package %s", dir)
	}
	return c.check(p).pkg, nil
}

func (c *checker) check(p *Package) *checked {
	if done := c.done[p.Dir]; done != nil {
		return done
	}
	k := &checked{
		pkg: types.NewPackage(c.tree.Module+"/"+p.Dir, path.Base(p.Dir)), // for an import cycle
		info: &types.Info{
			Types:      make(map[ast.Expr]types.TypeAndValue),
			Defs:       make(map[*ast.Ident]types.Object),
			Uses:       make(map[*ast.Ident]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection),
		},
	}
	c.done[p.Dir] = k
	var asts []*ast.File
	for _, f := range p.Files {
		if !f.Test && c.tree.builds(f) {
			k.files = append(k.files, f)
			asts = append(asts, f.AST)
		}
	}
	conf := types.Config{
		Importer: c,
		Error:    func(err error) { k.errs = append(k.errs, err) },
	}
	pkg, err := conf.Check(c.tree.Module+"/"+p.Dir, c.tree.fset, asts, k.info)
	if err != nil && len(k.errs) == 0 {
		k.errs = append(k.errs, err)
	}
	k.pkg = pkg
	return k
}

// typesRule reports machines whose types cannot be found, because the rules that
// need types could miss something there.
func typesRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		if !isMachine(p.Dir) {
			continue
		}
		if k := t.checker.check(p); len(k.errs) > 0 {
			r.addf(p.Dir, 0, "cannot find the types of this machine: %v", k.errs[0])
		}
	}
}

// typed calls yield for the files of each machine, with their types.
func typed(t *Tree, yield func(*types.Info, *GoFile)) {
	for _, p := range t.Packages {
		if isMachine(p.Dir) {
			k := t.checker.check(p)
			for _, f := range k.files {
				yield(k.info, f)
			}
		}
	}
}
