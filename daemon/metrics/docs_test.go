package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/daemon/daemontest"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of docs/metrics.md anew")

const (
	docsFile   = "../../docs/metrics.md"
	tableBegin = "<!-- tables: go test ./daemon/metrics -rewrite -->\n"
	tableEnd   = "<!-- end of tables -->\n"
)

// TestDocs: docs/metrics.md lists what a daemon serves, all of it and nothing
// else: names, types, meanings, labels and their values come from a scrape.
func TestDocs(t *testing.T) {
	d := daemontest.New(t, "", "alpha").StartAll()[0]
	p := scrape(t, serve(t, configOf(d)))
	want := tables(t, p)
	doc, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(doc, []byte(tableBegin))
	got, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines around the tables: %q and %q", docsFile, tableBegin, tableEnd)
	}
	if string(got) == want {
		return
	}
	if *rewrite {
		if err := os.WriteFile(docsFile, slices.Concat(before, []byte(tableBegin+want+tableEnd), after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, should := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for _, line := range should {
		if !slices.Contains(have, line) {
			t.Errorf("%s lacks\n%s", docsFile, line)
		}
	}
	for _, line := range have {
		if !slices.Contains(should, line) {
			t.Errorf("%s has, and nobody serves it\n%s", docsFile, line)
		}
	}
	if !t.Failed() {
		t.Errorf("%s has the right lines in another order", docsFile)
	}
}

// tables writes the tables of what a page serves. Only units and the order come
// from elsewhere: Prometheus' format has no place for them.
func tables(t *testing.T, p *page) string {
	t.Helper()
	units := map[string]string{buildInfoName: "", daemonInfoName: ""}
	order := []string{buildInfoName, daemonInfoName}
	for _, f := range families() {
		units[f.name] = f.unit
		order = append(order, f.name)
	}
	for _, name := range p.ours() {
		if !slices.Contains(order, name) {
			t.Errorf("%s is served, and by nobody of ours", name)
		}
	}
	labels := p.labels()
	var b, values strings.Builder
	b.WriteString("| name | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n")
	values.WriteString("\n| metric | label | values |\n| --- | --- | --- |\n")
	for _, name := range order {
		if p.help[name] == "" {
			t.Errorf("%s is not served", name)
			continue
		}
		var names []string
		for _, label := range slices.Sorted(maps.Keys(labels[name])) {
			names = append(names, "`"+label+"`")
			if units[name] != "" && label != "daemon" {
				fmt.Fprintf(&values, "| `%s` | `%s` | %s |\n", name, label, strings.Join(labels[name][label], ", "))
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, p.types[name], units[name], strings.Join(names, ", "), p.help[name])
	}
	return b.String() + values.String() + "\n"
}

var pair = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// labels are the values of each label of each metric, sorted.
func (p *page) labels() map[string]map[string][]string {
	all := make(map[string]map[string][]string)
	for _, series := range slices.Sorted(maps.Keys(p.values)) {
		name, rest, _ := strings.Cut(series, "{")
		for _, m := range pair.FindAllStringSubmatch(rest, -1) {
			if all[name] == nil {
				all[name] = make(map[string][]string)
			}
			all[name][m[1]] = append(all[name][m[1]], m[2])
		}
	}
	return all
}

// TestUnits: a name ends with its unit where Prometheus has a word for it.
func TestUnits(t *testing.T) {
	for _, f := range families() {
		name := strings.TrimSuffix(f.name, "_total")
		for _, unit := range []string{"bytes", "seconds"} {
			if (f.unit == unit) != strings.HasSuffix(name, "_"+unit) {
				t.Errorf("%s is in %s", f.name, f.unit)
			}
		}
		if f.unit == "" || f.help == "" || strings.ContainsAny(f.unit+f.help, "|\n") {
			t.Errorf("%s: unit %q, meaning %q", f.name, f.unit, f.help)
		}
	}
}
