package house

import (
	_ "embed"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed retired.txt
var retiredText string

type retired struct {
	phrase  *regexp.Regexp
	except  *regexp.Regexp // nil, or what is right although it begins like the phrase
	instead string
}

func retiredPhrases() []retired {
	compile := func(s string) *regexp.Regexp {
		return regexp.MustCompile("(?i)" + strings.ReplaceAll(s, " ", `\s+`))
	}
	var list []retired
	for line := range strings.Lines(retiredText) {
		rule, instead, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if !ok || line[0] == '#' {
			continue
		}
		phrase, except, ok := strings.Cut(rule, " except ")
		r := retired{phrase: compile(phrase), instead: instead}
		if ok {
			r.except = compile("^(?:" + except + ")")
		}
		list = append(list, r)
	}
	return list
}

// languageRule finds retired phrases in string literals, in comments and in pages. Test data,
// quotations in specifications, and strings of tests are exempt.
func languageRule(t *Tree, r *report) {
	phrases := retiredPhrases()
	check := func(f *File, line int, text string) {
		for _, p := range phrases {
			for _, at := range p.phrase.FindAllStringIndex(text, -1) {
				if p.except != nil && p.except.MatchString(text[at[0]:]) {
					continue
				}
				found := strings.Join(strings.Fields(text[at[0]:at[1]]), " ")
				r.addf(f.Path, line+strings.Count(text[:at[0]], "\n"), "says %q: write %s", found, p.instead)
			}
		}
	}
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, g := range f.AST.Comments {
				check(f.File, t.line(g), strings.ReplaceAll(commentText(g), "\n//", "\n"))
			}
			if f.Test {
				continue
			}
			ast.Inspect(f.AST, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						check(f.File, t.line(lit), s)
					}
				}
				return true
			})
		}
	}
	for _, f := range t.Files {
		if path.Ext(f.Path) == ".md" && !inTestdata(f.Path) && !strings.HasPrefix(f.Path, specDir) {
			check(f, 1, string(f.Data))
		}
	}
}

func commentText(g *ast.CommentGroup) string {
	var lines []string
	for _, c := range g.List {
		lines = append(lines, c.Text)
	}
	return strings.Join(lines, "\n")
}
