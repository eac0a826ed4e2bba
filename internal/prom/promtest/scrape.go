package promtest

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/testkit"
)

// Serve serves metrics until the test ends.
func Serve(t testing.TB, c prometheus.Collector) (url string) {
	t.Helper()
	return ServeConfig(t, &prom.Config{Program: "test", Collector: c, Log: slog.New(slog.DiscardHandler)})
}

// ServeConfig serves what a configuration says until the test ends.
func ServeConfig(t testing.TB, cfg *prom.Config) (url string) {
	t.Helper()
	s, err := prom.Listen(t.Context(), "127.0.0.1:0", *cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + s.Addr().String()
}

// JSON asks a server for JSON.
func JSON[T any](t testing.TB, url string) (v T) {
	t.Helper()
	var body string
	testkit.Wait(t, "an answer to "+url, func() bool {
		status, _, text := Request(t, http.MethodGet, url)
		// A machine that does much else may need longer than a request is waited for.
		if status != http.StatusOK && (status != http.StatusServiceUnavailable || !strings.Contains(text, "does not answer within")) {
			t.Fatalf("%s: status %d: %s", url, status, text)
		}
		body = text
		return status == http.StatusOK
	})
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v in %s", url, err, body)
	}
	return v
}

// Request makes a request and reads the answer.
func Request(t testing.TB, method, url string) (status int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(b)
}

// Page is a scrape, taken apart.
type Page struct {
	Text   string
	Help   map[string]string // by metric
	Types  map[string]string
	Order  []string           // metrics, as they come
	Values map[string]float64 // by the series as it is written: metric{label="value"}
}

// Scrape asks a server for its metrics.
func Scrape(t testing.TB, url string) *Page {
	t.Helper()
	status, header, body := Request(t, http.MethodGet, url+"/metrics")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Fatalf("status %d, %s: %s", status, header.Get("Content-Type"), body)
	}
	p := &Page{Text: body, Help: map[string]string{}, Types: map[string]string{}, Values: map[string]float64{}}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			p.Help[name] = help
			p.Order = append(p.Order, name)
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			p.Types[name] = kind
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		p.Values[line[:i]] = v
	}
	return p
}

// Names are those of the metrics of a program.
func (p *Page) Names(program string) []string {
	return slices.DeleteFunc(slices.Clone(p.Order), func(name string) bool { return !strings.HasPrefix(name, program+"_") })
}

// Want checks the values of series.
func (p *Page) Want(t testing.TB, want map[string]float64) {
	t.Helper()
	for _, series := range slices.Sorted(maps.Keys(want)) {
		if got, ok := p.Values[series]; !ok || got != want[series] {
			t.Errorf("%s is %v, %v, want %v", series, got, ok, want[series])
		}
	}
}

// Has reports whether series have values.
func (p *Page) Has(want map[string]float64) bool {
	for series, v := range want {
		if got, ok := p.Values[series]; !ok || got != v {
			return false
		}
	}
	return true
}

var pair = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// Labels are the values of each label of each metric, sorted and each once.
func (p *Page) Labels() map[string]map[string][]string {
	all := make(map[string]map[string][]string)
	for _, series := range slices.Sorted(maps.Keys(p.Values)) {
		name, rest, _ := strings.Cut(series, "{")
		for _, m := range pair.FindAllStringSubmatch(rest, -1) {
			if all[name] == nil {
				all[name] = make(map[string][]string)
			}
			if values := all[name][m[1]]; !slices.Contains(values, m[2]) {
				all[name][m[1]] = append(values, m[2])
			}
		}
	}
	return all
}

// Lint holds a page against the rules of Prometheus.
func Lint(t testing.TB, p *Page) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(p.Text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range problems {
		t.Errorf("%s: %s", x.Metric, x.Text)
	}
}
