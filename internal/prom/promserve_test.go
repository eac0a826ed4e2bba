package prom_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
)

// patience is for how long tests wait for what has to happen.
const patience = testkit.Patience

// stats are those of a program that counts cups.
type stats struct {
	drunk   int64
	broken  []int64
	owner   string
	hot     bool
	sips    prom.Histogram
	spilled time.Duration
}

type liquid int

func (l liquid) String() string { return []string{"Green Tea", "coffee"}[l] }

func families() []prom.Family[stats] {
	return []prom.Family[stats]{
		prom.BuildInfo[stats]("cups", "material", "clay"),
		prom.Counter("cups_drunk_total", "cups", "Cups that were emptied.", func(s *stats) int64 { return s.drunk }),
		prom.Reasons("cups_broken_total", "cups", "with", "Cups that were broken.", 0, 2,
			func(i int) string { return liquid(i).String() }, func(s *stats) []int64 { return s.broken }),
		prom.States("cups_content", "content", "What is in the cup.", []liquid{0, 1}, func(*stats) liquid { return 1 }),
		prom.Flag("cups_hot", "1 if it is hot, else 0.", func(s *stats) bool { return s.hot }),
		prom.Gauges("cups_owned", "cups", "owner handle", "Cups by owner.", func(s *stats, put prom.Put) {
			put(1, s.owner, "left")
			put(2, s.owner, "left")
			put(1, s.owner, "right")
		}),
		prom.Gauge("cups_spill_duration_seconds", "seconds", "For how long it was spilt.", func(s *stats) float64 { return s.spilled.Seconds() }),
		prom.Distribution("cups_sip_bytes", "bytes", "Sips by size.", func(s *stats) prom.Histogram { return s.sips }),
	}
}

func collector(s stats) prometheus.Collector {
	return prom.NewCollector(func() stats { return s }, families())
}

// TestServed: each kind of family comes out as Prometheus writes it.
func TestServed(t *testing.T) {
	p := promtest.Scrape(t, promtest.Serve(t, collector(stats{
		drunk: 3, broken: []int64{1, 2}, owner: "caf\xe9", hot: true, spilled: 1500 * time.Millisecond,
		sips: prom.Histogram{Bounds: []float64{1, 10}, Counts: []uint64{4, 5, 6}, Sum: 99},
	})))
	p.Want(t, map[string]float64{
		`cups_drunk_total`:                                3,
		`cups_broken_total{with="green_tea"}`:             1,
		`cups_broken_total{with="coffee"}`:                2,
		`cups_content{content="coffee"}`:                  1,
		`cups_content{content="green_tea"}`:               0,
		`cups_hot`:                                        1,
		`cups_owned{handle="left",owner="\"caf\\xe9\""}`:  3, // two series of one name
		`cups_owned{handle="right",owner="\"caf\\xe9\""}`: 1,
		`cups_spill_duration_seconds`:                     1.5,
		`cups_sip_bytes_bucket{le="1"}`:                   4,
		`cups_sip_bytes_bucket{le="10"}`:                  9,
		`cups_sip_bytes_bucket{le="+Inf"}`:                15,
		`cups_sip_bytes_count`:                            15,
		`cups_sip_bytes_sum`:                              99,
	})
	if !strings.Contains(p.Text, `cups_build_info{goversion="go1.`) || !strings.Contains(p.Text, `material="clay"`) || p.Values["go_goroutines"] < 1 {
		t.Errorf("no build info, or nothing of the runtime:\n%s", p.Text)
	}
	promtest.Lint(t, p)
	bad := "# HELP cups_lines Lines.\n# TYPE cups_lines counter\ncups_lines 1\n"
	if problems, err := promlint.New(strings.NewReader(bad)).Lint(); err != nil || len(problems) == 0 {
		t.Errorf("a counter without _total passes: %v, %v", problems, err)
	}
}

// listen binds an address of its own for what a test does with the server itself.
func listen(t *testing.T, cfg prom.Config, addr string) (*prom.Server, error) {
	t.Helper()
	cfg.Program, cfg.Log = "cups", slog.New(slog.DiscardHandler)
	if cfg.Collector == nil {
		cfg.Collector = collector(stats{broken: make([]int64, 2)})
	}
	return prom.Listen(t.Context(), addr, cfg)
}

// TestPageLink: the index links the page of the program, at the host that was asked if that page
// listens on all addresses.
func TestPageLink(t *testing.T) {
	for page, want := range map[string]string{"127.0.0.2:9807": "127.0.0.2:9807", "[::]:9807": "localhost:9807", "0.0.0.0:9807": "localhost:9807"} {
		s, err := listen(t, prom.Config{Page: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(page))}, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Start())
		_, port, _ := net.SplitHostPort(s.Addr().String())
		_, _, body := promtest.Request(t, http.MethodGet, "http://localhost:"+port+"/")
		if !strings.Contains(body, `<a href="http://`+want+`/">`) {
			t.Errorf("page %s: the index is %s", page, body)
		}
	}
}

// TestNothingElse: two pages, for reading, unless the program adds others.
func TestNothingElse(t *testing.T) {
	for _, mount := range []func(*http.ServeMux){nil, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "alive") })
	}} {
		s, err := listen(t, prom.Config{Mount: mount}, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Start())
		root, rootText, live := http.StatusOK, `href="/metrics"`, http.StatusNotFound
		if mount != nil {
			root, rootText, live = http.StatusNotFound, "not found", http.StatusOK
		}
		for _, tt := range []struct {
			method, path string
			status       int
			body         string
		}{
			{http.MethodGet, "/", root, rootText},
			{http.MethodGet, "/live", live, ""},
			{http.MethodHead, "/metrics", http.StatusOK, ""},
			{http.MethodPost, "/metrics", http.StatusMethodNotAllowed, "Method Not Allowed"},
			{http.MethodGet, "/metrics/", http.StatusNotFound, "not found"},
			{http.MethodGet, "/debug/pprof/", http.StatusNotFound, "not found"},
			{http.MethodGet, "/index.html", http.StatusNotFound, "not found"},
		} {
			status, _, body := promtest.Request(t, tt.method, "http://"+s.Addr().String()+tt.path)
			if status != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("%s %s: status %d, %q; want %d, %q", tt.method, tt.path, status, body, tt.status, tt.body)
			}
		}
	}
}

// TestAddressTaken: an address in use is an error before anything runs, and one that is closed is
// free.
func TestAddressTaken(t *testing.T) {
	s, err := listen(t, prom.Config{}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	if _, err := listen(t, prom.Config{}, addr); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr) {
		t.Errorf("a second server on %s: %v", addr, err)
	}
	if err := s.Close(); err != nil { // it never served
		t.Errorf("Close: %v", err)
	}
	if s, err = listen(t, prom.Config{}, addr); err != nil {
		t.Fatalf("the address is not free again: %v", err)
	}
	end := s.Start()
	if status, _, _ := promtest.Request(t, http.MethodGet, "http://"+addr+"/metrics"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	end()
	var d net.Dialer
	if c, err := d.DialContext(t.Context(), "tcp", addr); err == nil {
		_ = c.Close()
		t.Error("it is served after the end")
	}
}

// TestKeep: an address that is taken is had once it is free, and given back at the end.
func TestKeep(t *testing.T) {
	other, err := listen(t, prom.Config{}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := other.Addr().String()
	keep := func() (end func()) {
		return prom.Keep(t.Context(), addr, prom.Config{
			Program: "cups", Collector: collector(stats{broken: make([]int64, 2)}), Log: slog.New(slog.DiscardHandler),
		})
	}
	keep()() // ends while it tries
	end := keep()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	var c net.Conn
	var d net.Dialer
	for limit := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { //house:sleep polls until the address is served
		if c, err = d.DialContext(t.Context(), "tcp", addr); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("the address is free, and nobody serves there: %v", err)
		}
	}
	_ = c.Close()
	if status, _, _ := promtest.Request(t, http.MethodGet, "http://"+addr+"/metrics"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	end()
	keep()()
	if c, err := d.DialContext(t.Context(), "tcp", addr); err == nil {
		_ = c.Close()
		t.Error("it is served after the end")
	}
}

// TestCheckAddress: only an address with a port is one.
func TestCheckAddress(t *testing.T) {
	for addr, ok := range map[string]bool{"127.0.0.1:9803": true, ":9803": true, "[::1]:0": true, "9803": true, "98030": false, "localhost": false, "": false} {
		if err := prom.CheckAddress(addr); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// TestManyScrapes: scrapes of a program that does not answer do not pile up.
func TestManyScrapes(t *testing.T) {
	const maxScrapes = 4
	asked, release := make(chan struct{}, maxScrapes+1), make(chan struct{})
	url := promtest.Serve(t, prom.NewCollector(func() stats {
		asked <- struct{}{}
		<-release
		return stats{broken: make([]int64, 2)}
	}, families()))
	var wait sync.WaitGroup
	for range maxScrapes {
		wait.Go(func() {
			if status, _, _ := promtest.Request(t, http.MethodGet, url+"/metrics"); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
		<-asked
	}
	if status, _, body := promtest.Request(t, http.MethodGet, url+"/metrics"); status != http.StatusServiceUnavailable {
		t.Errorf("one scrape too many: status %d: %s", status, body)
	}
	close(release)
	wait.Wait()
}

// TestIdleConnections: a scrape is served while 1,000 connections sit there, some of which have been
// answered and some of which never ask.
func TestIdleConnections(t *testing.T) {
	url := promtest.Serve(t, collector(stats{broken: make([]int64, 2)}))
	addr := strings.TrimPrefix(url, "http://")
	for i := range 1000 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if i%2 == 0 {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // it may be closed already
		}
		if i%100 == 99 {
			if status, _, _ := promtest.Request(t, http.MethodGet, url+"/metrics"); status != http.StatusOK {
				t.Fatalf("with %d connections: status %d", i+1, status)
			}
		}
	}
}

// TestBusyConnection: a request that is being answered keeps its connection, however many others come.
func TestBusyConnection(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	s, err := listen(t, prom.Config{Mount: func(mux *http.ServeMux) {
		mux.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			close(asked)
			<-release
		})
	}}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Start())
	url := "http://" + s.Addr().String()
	var wait sync.WaitGroup
	wait.Go(func() {
		if status, _, _ := promtest.Request(t, http.MethodGet, url+"/slow"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	})
	<-asked
	for range 300 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	// It is answered only after all of them were accepted.
	if status, _, _ := promtest.Request(t, http.MethodGet, url+"/healthz"); status != http.StatusOK {
		t.Errorf("a check among them: status %d", status)
	}
	close(release)
	wait.Wait()
}

// TestPlacesOfScrapes: when as many other requests run as may, one more is refused, and scrapes and
// checks are answered.
func TestPlacesOfScrapes(t *testing.T) {
	const maxOthers = 96
	asked, release := make(chan struct{}, maxOthers+1), make(chan struct{})
	s, err := listen(t, prom.Config{Mount: func(mux *http.ServeMux) {
		mux.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			asked <- struct{}{}
			<-release
		})
	}}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Start())
	url := "http://" + s.Addr().String()
	var wait sync.WaitGroup
	for range maxOthers {
		wait.Go(func() {
			if status, _, _ := promtest.Request(t, http.MethodGet, url+"/slow"); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
	for range maxOthers {
		<-asked
	}
	for path, want := range map[string]int{"/slow": http.StatusServiceUnavailable, "/metrics": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusOK} {
		if status, _, body := promtest.Request(t, http.MethodGet, url+path); status != want {
			t.Errorf("%s: status %d, want %d: %s", path, status, want, body)
		}
	}
	close(release)
	wait.Wait()
}

// TestHost: a page whose name was made to resolve to this host learns nothing.
func TestHost(t *testing.T) {
	url := promtest.Serve(t, collector(stats{broken: make([]int64, 2)}))
	for host, want := range map[string]int{
		"127.0.0.1:9803": http.StatusOK, "[::1]:9803": http.StatusOK, "[fe80::1%25eth0]:1": http.StatusOK, "localhost": http.StatusOK, "web1:9803": http.StatusOK,
		"web1.internal": http.StatusOK, "LOCALHOST.": http.StatusOK, "spreadd.logs.svc.cluster.local:9803": http.StatusOK,
		"evil.example.com": http.StatusMisdirectedRequest, "evil.example.com:9803": http.StatusMisdirectedRequest, "127.0.0.1.evil.com": http.StatusMisdirectedRequest,
		"localhost.evil.com": http.StatusMisdirectedRequest, "evil.internal.com": http.StatusMisdirectedRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("host %s: status %d, want %d", host, r.StatusCode, want)
		}
	}
}

// TestChecks: /healthz and /readyz say what is wrong, and do not wait for a program that hangs.
func TestChecks(t *testing.T) {
	hanging := make(chan struct{})
	defer close(hanging)
	s, err := listen(t, prom.Config{
		Alive: func(context.Context) error { return nil },
		Ready: func(context.Context) error { return errors.New("the kettle is cold") },
		Status: func(context.Context) (any, error) {
			<-hanging
			return nil, nil
		},
		Profiles: true,
	}, "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Start())
	if host, _, _ := net.SplitHostPort(s.Addr().String()); host != "127.0.0.1" {
		t.Errorf("a port alone listens on %s", host)
	}
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", http.StatusOK, "ok\n"},
		{"/readyz", http.StatusServiceUnavailable, "the kettle is cold\n"},
		{"/status", http.StatusServiceUnavailable, "does not answer within"},
		{"/metrics", http.StatusOK, "cups_drunk_total"},
		{"/debug/pprof/", http.StatusOK, "goroutine"},
		{"/", http.StatusOK, "href=\"/status\""},
	} {
		if status, _, body := promtest.Request(t, http.MethodGet, "http://"+s.Addr().String()+tt.path); status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s: status %d, %q; want %d, %q", tt.path, status, body, tt.status, tt.body)
		}
	}
}

// TestEndContext: binding ends with its context.
func TestEndContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := prom.Listen(ctx, "localhost:0", prom.Config{Program: "cups", Collector: collector(stats{}), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Listen with a context that has ended: %v", err)
	}
}
