package house

import "go/ast"

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
