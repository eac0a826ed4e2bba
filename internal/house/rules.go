package house

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Rule is one habit of the house.
type Rule struct {
	Name  string // one word, shown behind each finding
	Why   string
	check func(*Tree, *report)
}

// Rules returns the rules in the order in which they run. Waivers come last,
// because they depend on what the others have used.
func Rules() []Rule {
	return []Rule{
		{"pure", "the machines run alike in the daemon and in the simulator, replayable to the byte", pureRule},
		{"types", "the rules that follow see maps and variables by their types", typesRule},
		{"ordered", "a machine that ranges over a map differs from run to run", orderedRule},
		{"state", "a machine's state is in its struct, or two machines in one process are not two", stateRule},
		{"sleep", "a test that sleeps is slow on a fast machine and wrong on a slow one", sleepRule},
		{"references", "a reference that leads nowhere sends its reader looking", referencesRule},
		{"language", "a reader who has to read a sentence twice loses its meaning", languageRule},
		{"names", "one word for one thing", namesRule},
		{"waiver", "a waiver gives a reason, or it goes", waiverRule},
	}
}

// Check applies all rules to a freshly loaded tree.
func Check(t *Tree) []Finding {
	var r report
	for _, rule := range Rules() {
		r.rule = rule.Name
		rule.check(t, &r)
	}
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), a.Line-b.Line)
	})
	return r.findings
}

// Finding is one place where a rule is broken.
type Finding struct {
	Rule string
	Path string
	Line int // from 1, or 0 for the file as a whole
	Text string
}

// String returns the finding as compilers print theirs.
func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s (%s)", f.Path, f.Text, f.Rule)
	}
	return fmt.Sprintf("%s:%d: %s (%s)", f.Path, f.Line, f.Text, f.Rule)
}

type report struct {
	rule     string
	findings []Finding
}

func (r *report) addf(path string, line int, format string, args ...any) {
	r.findings = append(r.findings, Finding{r.rule, path, line, fmt.Sprintf(format, args...)})
}

// waiverRule finds waivers that are malformed or idle. It runs after the rules
// that can be waived.
func waiverRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, w := range f.waivers {
				var applies bool
				switch w.rule {
				case "ordered":
					applies = isMachine(p.Dir) && !f.Test
				case "sleep":
					applies = f.Test
				default:
					r.addf(f.Path, w.line, "%s%s: no rule of that name can be waived", waiverPrefix, w.rule)
					continue
				}
				switch {
				case w.reason == "":
					r.addf(f.Path, w.line, "%s%s: give the reason behind it", waiverPrefix, w.rule)
				case applies && !w.used:
					r.addf(f.Path, w.line, "%s%s waives nothing: remove it", waiverPrefix, w.rule)
				}
			}
		}
	}
}
