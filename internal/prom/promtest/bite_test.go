package promtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/prom"
)

// recorder is a test whose failures are recorded.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()      {}
func (r *recorder) Failed() bool { return len(r.failures) > 0 }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

type stats struct{ cups map[string]float64 }

func families() []prom.Family[stats] {
	return []prom.Family[stats]{
		prom.Gauges("tea_cups", "cups", "of", "Cups.", func(s *stats, put prom.Put) {
			put(s.cups["clay"], "clay")
			put(s.cups["glass"], "glass")
		}),
		prom.Distribution("tea_sip_bytes", "bytes", "Sips.", func(*stats) prom.Histogram {
			return prom.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 2}}
		}),
	}
}

func page(t *testing.T) *Page {
	t.Helper()
	return Scrape(t, Serve(t, prom.NewCollector(func() stats { return stats{} }, families())))
}

// TestExpressionsBite: what no scrape has is found.
func TestExpressionsBite(t *testing.T) {
	p := page(t)
	for _, tt := range []struct{ text, want string }{
		{`rate(tea_cups{of="clay"}[5m]) > 0 and tea_sip_bytes_bucket and tea_sip_bytes_count > 1`, ""},
		{`tea_cups{of=~"clay\|glass"}`, ""},
		{`tea_pots > 0`, "tea_pots is not served"},
		{`tea_cups_bucket`, "tea_cups_bucket is not served"},
		{`tea_cups{on="table"}`, "has no label on"},
		{`tea_cups{of="paper"}`, `is never "paper"`},
		{`tea_cups{of=~"clay|paper"}`, `is never "paper"`},
	} {
		file := filepath.Join(t.TempDir(), "page.md")
		if err := os.WriteFile(file, []byte("one\n"+tt.text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := &recorder{TB: t}
		if n := CheckExpressions(r, p, "tea", file); n == 0 {
			t.Errorf("%s: nothing found", tt.text)
		}
		got := strings.Join(r.failures, "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || tt.want != "" && !strings.Contains(got, file+":2") {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func setRewrite(t *testing.T, value string) {
	t.Helper()
	if err := flag.Set("rewrite", value); err != nil {
		t.Fatal(err)
	}
}

// TestDocsBite: a page that differs is found, and mended on demand.
func TestDocsBite(t *testing.T) {
	p := page(t)
	file := filepath.Join(t.TempDir(), "page.md")
	const before, begin, end = "text before\n", "<!-- tables: go test ./tea -rewrite -->\n", "<!-- end of tables -->\n"
	if err := os.WriteFile(file, []byte(before+begin+"| `tea_pots` |\n"+end+"text behind\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := Docs{File: file, Package: "tea", Program: "tea"}
	r := &recorder{TB: t}
	CheckDocs(r, p, families(), d)
	if got := strings.Join(r.failures, "\n"); !strings.Contains(got, "| `tea_cups` | gauge | cups | `of` | Cups. |") ||
		!strings.Contains(got, "| `tea_pots` |") {
		t.Errorf("an old page: %s", got)
	}
	setRewrite(t, "true")
	CheckDocs(t, p, families(), d)
	setRewrite(t, "false")
	CheckDocs(t, p, families(), d)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), before+begin) || !strings.HasSuffix(string(text), end+"text behind\n") ||
		!strings.Contains(string(text), "| `tea_cups` | `of` | clay, glass |\n") {
		t.Errorf("the page is\n%s", text)
	}
	r = &recorder{TB: t}
	CheckDocs(r, p, families()[:1], d)
	if got := strings.Join(r.failures, "\n"); !strings.Contains(got, "tea_sip_bytes is served, and by nobody of ours") {
		t.Errorf("a metric of nobody: %s", got)
	}
	wrong := families()
	wrong[1].Unit = "sips"
	r = &recorder{TB: t}
	CheckDocs(r, p, wrong, d)
	if got := strings.Join(r.failures, "\n"); !strings.Contains(got, "tea_sip_bytes is in sips") {
		t.Errorf("a wrong unit: %s", got)
	}
}
