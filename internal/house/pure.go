package house

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// machines are the packages that take time and input as arguments and give
// effects back, and do nothing else.
var machines = []string{"ring", "membership", "groups", "engine"}

func isMachine(dir string) bool { return slices.Contains(machines, dir) }

// pureNames are what a machine may use of a package that can do more. Of the
// others that depguard lets it import, it may use everything.
var pureNames = map[string][]string{
	"time": {"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"},
	"fmt": {
		"Append", "Appendf", "Appendln", "Errorf", "FormatString", "Formatter", "Fprint", "Fprintf", "Fprintln",
		"GoStringer", "Sprint", "Sprintf", "Sprintln", "State", "Stringer",
	},
}

func pureRule(t *Tree, r *report) {
	check := func(f *GoFile) {
		if !t.builds(f) {
			r.addf(f.Path, 0, "a build constraint leaves this file out of some builds: a machine is the same everywhere")
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if what := impurity(f, n); what != "" {
				r.addf(f.Path, t.line(n), "a machine %s", what)
			}
			return true
		})
	}
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if isMachine(p.Dir) && !f.Test {
				check(f)
			}
		}
	}
}

// impurity says what a node does that a machine may not, or "".
func impurity(f *GoFile, n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine: its driver does that"
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "uses a channel: inputs are arguments, outputs are effects"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "uses a channel: inputs are arguments, outputs are effects"
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
			return "prints: it returns values"
		}
	case *ast.SelectorExpr:
		for pkg, names := range pureNames {
			if name := f.selected(n, pkg); name != "" && !slices.Contains(names, name) {
				return "uses " + pkg + "." + name + ": of " + pkg + " it may use " + strings.Join(names, ", ")
			}
		}
	}
	return ""
}
