package promtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// Docs says which tables of a page are a program's.
type Docs struct {
	File    string   // the page
	Package string   // whose tests write the tables
	Program string   // whose metrics they are
	Free    []string // labels whose values come from configurations, and are not listed
}

// CheckDocs fails unless the page's tables list what is served, all of it and nothing else: names,
// types, meanings, labels and their values come from a scrape. Only units and the order come from
// the families: Prometheus' format has no place for them.
func CheckDocs[S any](t testing.TB, p *Page, families []prom.Family[S], d Docs) {
	t.Helper()
	checkUnits(t, families)
	golden.Section(t, d.File, "<!-- tables: go test ./"+d.Package+" -rewrite -->\n", "<!-- end of tables -->\n", tables(t, p, families, &d))
}

// tables writes the tables of what a page serves.
func tables[S any](t testing.TB, p *Page, families []prom.Family[S], d *Docs) string {
	t.Helper()
	for _, name := range p.Names(d.Program) {
		if !slices.ContainsFunc(families, func(f prom.Family[S]) bool { return f.Name == name }) {
			t.Errorf("%s is served, and by nobody of ours", name)
		}
	}
	labels := p.Labels()
	var b, values strings.Builder
	b.WriteString("| name | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n")
	values.WriteString("\n| metric | label | values |\n| --- | --- | --- |\n")
	for _, f := range families {
		if p.Help[f.Name] == "" {
			t.Errorf("%s is not served", f.Name)
			continue
		}
		var names []string
		for _, label := range slices.Sorted(maps.Keys(labels[f.Name])) {
			names = append(names, "`"+label+"`")
			if f.Unit != "" && !slices.Contains(d.Free, label) {
				fmt.Fprintf(&values, "| `%s` | `%s` | %s |\n", f.Name, label, strings.Join(labels[f.Name][label], ", "))
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, p.Types[f.Name], f.Unit, strings.Join(names, ", "), p.Help[f.Name])
	}
	return b.String() + values.String() + "\n"
}

// checkUnits: a name ends with its unit where Prometheus has a word for it.
func checkUnits[S any](t testing.TB, families []prom.Family[S]) {
	t.Helper()
	for _, f := range families {
		name := strings.TrimSuffix(f.Name, "_total")
		for _, unit := range []string{"bytes", "seconds"} {
			if (f.Unit == unit) != strings.HasSuffix(name, "_"+unit) {
				t.Errorf("%s is in %s", f.Name, f.Unit)
			}
		}
		if f.Unit == "" && !strings.HasSuffix(name, "_info") || f.Help == "" || strings.ContainsAny(f.Unit+f.Help, "|\n") {
			t.Errorf("%s: unit %q, meaning %q", f.Name, f.Unit, f.Help)
		}
	}
}
