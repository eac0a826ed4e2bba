package house

import (
	_ "embed"
	"go/ast"
	"slices"
	"strings"
)

//go:embed sharednames.txt
var sharedText string

// sharedNames are the names of exported types that several packages have on purpose, with the reason.
func sharedNames() map[string]string {
	names := make(map[string]string)
	for line := range strings.Lines(sharedText) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && line[0] != '#' {
			names[name] = reason
		}
	}
	return names
}

// typeNames returns the folders of the packages that export a type, by its name.
func typeNames(t *Tree) map[string][]string {
	dirs := make(map[string][]string)
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if f.Test || f.AST.Name.Name == "main" {
				continue
			}
			for _, d := range f.AST.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, s := range g.Specs {
					ts, ok := s.(*ast.TypeSpec)
					if ok && ts.Name.IsExported() && !slices.Contains(dirs[ts.Name.Name], p.Dir) {
						dirs[ts.Name.Name] = append(dirs[ts.Name.Name], p.Dir)
					}
				}
			}
		}
	}
	return dirs
}

// namesRule finds exported types of one name in several packages: one word for one thing.
func namesRule(t *Tree, r *report) {
	shared := sharedNames()
	for name, dirs := range typeNames(t) {
		if len(dirs) > 1 && shared[name] == "" {
			r.addf(dirs[len(dirs)-1], 0, "%s is a type in %s: name one after what it is, or give the reason in internal/house/sharednames.txt",
				name, strings.Join(dirs, " and "))
		}
	}
}
