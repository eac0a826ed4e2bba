package house

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// orderedRule finds loops over maps, and iterators over maps that are not sorted
// at once.
func orderedRule(t *Tree, r *report) {
	typed(t, func(info *types.Info, f *GoFile) {
		sorted := make(map[ast.Expr]bool) // first arguments of slices.Sorted and its kin
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				if (n.Key != nil || n.Value != nil) && isMap(info.TypeOf(n.X)) && !f.waived("ordered", t.line(n)) {
					r.addf(f.Path, t.line(n), "a machine ranges over a map: keep a sorted slice, or say behind the line why the order cannot be seen (%sordered REASON)", waiverPrefix)
				}
			case *ast.CallExpr:
				switch f.selected(n.Fun, "slices") {
				case "Sorted", "SortedFunc", "SortedStableFunc":
					if len(n.Args) > 0 {
						sorted[n.Args[0]] = true
					}
				}
				switch name := f.selected(n.Fun, "maps"); name {
				case "All", "Keys", "Values":
					if !sorted[n] && !f.waived("ordered", t.line(n)) {
						r.addf(f.Path, t.line(n), "a machine uses maps.%s unsorted: hand it to slices.Sorted, or say behind the line why the order cannot be seen (%sordered REASON)", name, waiverPrefix)
					}
				}
			}
			return true
		})
	})
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := types.Unalias(t).(*types.TypeParam); ok {
		return permitsMap(p.Underlying())
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// permitsMap reports whether a constraint has a map among its types.
func permitsMap(constraint types.Type) bool {
	i, ok := constraint.Underlying().(*types.Interface)
	if !ok {
		return isMap(constraint)
	}
	for e := range i.EmbeddedTypes() {
		if u, ok := e.(*types.Union); ok {
			for term := range u.Terms() {
				if isMap(term.Type()) {
					return true
				}
			}
		} else if permitsMap(e) {
			return true
		}
	}
	return false
}

// stateRule finds writes to variables of the package.
func stateRule(t *Tree, r *report) {
	typed(t, func(info *types.Info, f *GoFile) {
		check := func(e ast.Expr) {
			if v := packageVariable(info, e); v != nil {
				r.addf(f.Path, t.line(e), "a machine changes the package's variable %s: state belongs into the machine's struct", v.Name())
			}
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						check(e)
					}
				}
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					check(n.Key)
					if n.Value != nil {
						check(n.Value)
					}
				}
			case *ast.IncDecStmt:
				check(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					check(n.X)
				}
			case *ast.CallExpr:
				switch fun := n.Fun.(type) {
				case *ast.Ident:
					if slices.Contains([]string{"clear", "copy", "delete"}, fun.Name) && len(n.Args) > 0 {
						check(n.Args[0])
					}
				case *ast.SelectorExpr:
					if takesAddress(info, fun) {
						check(fun.X)
					}
				}
			}
			return true
		})
	})
}

// takesAddress reports whether a method call passes the address of its operand.
func takesAddress(info *types.Info, sel *ast.SelectorExpr) bool {
	s := info.Selections[sel]
	if s == nil || s.Kind() != types.MethodVal {
		return false
	}
	m, ok := s.Obj().(*types.Func)
	if !ok {
		return false
	}
	_, wants := m.Signature().Recv().Type().Underlying().(*types.Pointer)
	_, has := s.Recv().Underlying().(*types.Pointer)
	return wants && !has
}

// packageVariable returns the variable of the package that e is, or is part of.
func packageVariable(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v, ok := info.Uses[x.Sel].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v // of another package
			}
			e = x.X
		case *ast.Ident:
			if v, ok := info.Uses[x].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}
