package house

import (
	"go/ast"
	"slices"
	"strings"
)

// sharedNames are the names of exported types that several packages have on purpose.
var sharedNames = map[string]string{
	"Config": "each package that is configured has one Config, whose zero value is the default",
}

// namesRule finds exported types of one name in several packages: one word for one thing.
func namesRule(t *Tree, r *report) {
	type place struct {
		file string
		line int
		dir  string
	}
	places := make(map[string][]place)
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
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						places[ts.Name.Name] = append(places[ts.Name.Name], place{f.Path, t.line(ts), p.Dir})
					}
				}
			}
		}
	}
	for name, list := range places {
		other := func(p place) bool { return p.dir != list[0].dir }
		if sharedNames[name] != "" || !slices.ContainsFunc(list, other) {
			continue
		}
		var dirs []string
		for _, p := range list {
			dirs = append(dirs, p.dir)
		}
		for _, p := range list {
			r.addf(p.file, p.line, "%s is a type in %s: name one after what it is, or give the reason in sharedNames", name, strings.Join(dirs, " and "))
		}
	}
}
