package house

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// docPath is a page named by its path from the root.
	docPath = regexp.MustCompile(`(?:^|[^\w./-])(docs/[\w./-]*\.md)\b`)
	// sourcePath is a file of the source that a page for developers names.
	sourcePath = regexp.MustCompile("`(\\w[\\w.-]*/[\\w./-]*\\.go)`")
	// link is a link of Markdown, without what stands behind a #.
	link = regexp.MustCompile(`\]\(([^)\s#]+)`)
	// section is a reference to a specification, as in client-protocol §7.2.
	section = regexp.MustCompile("\\b([a-z][a-z_-]+)(?:\\.md)?`? §(\\d+(?:\\.\\d+)*)")
	// testName is a test, fuzz target or benchmark that a page names; testFunc is one.
	testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	heading  = regexp.MustCompile(`(?m)^#+ (\d+(?:\.\d+)*)`)
)

const specDir = "docs/spec/"

// referencesRule wants every page, link and section that a comment or a document names to be there,
// and every test that a page names.
func referencesRule(t *Tree, r *report) {
	sections := t.sections()
	check := func(f *File, line int, text string) {
		for _, m := range docPath.FindAllStringSubmatch(text, -1) {
			if t.byPath[m[1]] == nil {
				r.addf(f.Path, line, "names %s, which does not exist", m[1])
			}
		}
		for _, m := range section.FindAllStringSubmatch(text, -1) {
			if have, ok := sections[m[1]]; ok && !slices.Contains(have, m[2]) {
				r.addf(f.Path, line, "names §%s of %s, which has no such section", m[2], specDir+m[1]+".md")
			}
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
	tests := t.tests()
	for _, f := range t.Files {
		if !f.Text || goFiles[f.Path] || inTestdata(f.Path) || path.Ext(f.Path) == ".go" {
			continue
		}
		markdown := path.Ext(f.Path) == ".md"
		for i, text := range strings.Split(string(f.Data), "\n") {
			if markdown {
				for _, m := range link.FindAllStringSubmatch(text, -1) {
					if to := path.Join(path.Dir(f.Path), m[1]); !strings.Contains(m[1], ":") && !t.has(to) {
						r.addf(f.Path, i+1, "links to %s, which does not exist", to)
					}
				}
				for _, m := range sourcePath.FindAllStringSubmatch(text, -1) {
					if strings.HasPrefix(f.Path, "docs/develop/") && t.byPath[m[1]] == nil {
						r.addf(f.Path, i+1, "names %s, which does not exist", m[1])
					}
				}
				for _, name := range testName.FindAllString(text, -1) {
					if !tests[name] {
						r.addf(f.Path, i+1, "names %s, which does not exist", name)
					}
				}
				text = link.ReplaceAllString(text, "]") // said once is enough
			}
			check(f, i+1, text)
		}
	}
}

func (t *Tree) tests() map[string]bool {
	all := make(map[string]bool)
	for _, f := range t.Files {
		if strings.HasSuffix(f.Path, "_test.go") {
			for _, m := range testFunc.FindAllSubmatch(f.Data, -1) {
				all[string(m[1])] = true
			}
		}
	}
	return all
}

func (t *Tree) sections() map[string][]string {
	all := make(map[string][]string)
	for _, f := range t.Files {
		name, ok := strings.CutPrefix(f.Path, specDir)
		if !ok || path.Ext(name) != ".md" {
			continue
		}
		name = strings.TrimSuffix(name, ".md")
		all[name] = []string{}
		for _, m := range heading.FindAllSubmatch(f.Data, -1) {
			all[name] = append(all[name], string(m[1]))
		}
	}
	return all
}

func (t *Tree) has(name string) bool {
	return t.byPath[name] != nil ||
		slices.ContainsFunc(t.Files, func(f *File) bool { return strings.HasPrefix(f.Path, name+"/") })
}
