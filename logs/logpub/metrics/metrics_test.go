package metrics

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

const docsFile = "../../../docs/operate/metrics.md"

// free are the labels whose values come from configurations and lines.
var free = []string{"daemon", "group", "input"}

// patience is for how long tests wait for what has to happen.
const patience = testkit.Patience

// running is a publisher with an input of each kind.
type running struct {
	daemon *spreadtest.Daemon
	url    string
	source Source
	pipe   *io.PipeWriter
	file   string
	syslog string
}

func start(t *testing.T, change func(*logpub.Config)) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{daemon: spreadtest.New("alpha"), file: filepath.Join(dir, "log")}
	t.Cleanup(r.daemon.Close)
	cfg := logpub.Config{
		Groups: []string{"g"}, Delivery: logpub.Ordered, Spool: filepath.Join(dir, "spool"), DrainTimeout: time.Second,
		Dial: func(ctx context.Context, address, name string) (spread.Connection, error) {
			c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithDialer(r.daemon.Dial))
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	p, err := logpub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file, err := logpub.NewFile(tail.Config{Path: r.file, State: dir, FromStart: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := logpub.NewSyslog(t.Context(), syslog.Config{Network: "udp", Address: "127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.syslog = udp.Addr()
	pr, pw := io.Pipe()
	r.pipe = pw
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.RunInputs(ctx, logpub.Input{Source: logpub.NewStream(pr), Name: "stdin"},
			logpub.Input{Source: file, Groups: []string{"files", "all"}}, logpub.Input{Source: udp, Route: &logpub.Route{Field: 1, VHost: true}})
	}()
	t.Cleanup(func() {
		_ = pw.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r.source.Use(p.Stats)
	r.url = promtest.Serve(t, New(&r.source))
	return r
}

// wait waits until series have values.
func (r *running) wait(t *testing.T, want map[string]float64) *promtest.Page {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { //house:sleep polls the page
		p := promtest.Scrape(t, r.url)
		if p.Has(want) {
			return p
		}
		if time.Now().After(limit) {
			p.Want(t, want)
			t.FailNow()
		}
	}
}

// input is the name of the file or socket.
func (r *running) input(name string) string {
	return fmt.Sprintf(`{input=%q}`, name)
}

// TestServed takes a publisher through what its metrics tell of: lines from each kind of input, a
// daemon that goes away, lines that wait in the spool, and a return.
func TestServed(t *testing.T) {
	r := start(t, func(c *logpub.Config) { c.SpoolAfter = -1 })
	r.wait(t, map[string]float64{`logpub_connected{daemon="4803"}`: 1, "logpub_spool_failing": 0})
	if _, err := io.WriteString(r.pipe, "from a pipe\n"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, []byte("from a file\nhalf a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", r.syslog)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const datagram = "<190>Nov 21 10:00:00 web nginx: www.a.com from a socket"
	if _, err := io.WriteString(conn, datagram); err != nil {
		t.Fatal(err)
	}
	file, socket := r.input("file "+r.file), r.input("udp 127.0.0.1:0")
	p := r.wait(t, map[string]float64{
		"logpub_received_lines_total":                     3,
		"logpub_received_bytes_total":                     48,
		"logpub_sent_lines_total":                         3,
		"logpub_sent_bytes_total":                         48,
		`logpub_input_lines_total{input="stdin"}`:         1,
		"logpub_input_lines_total" + file:                 1,
		"logpub_input_bytes_total" + file:                 12,
		"logpub_file_position_bytes" + file:               12,
		"logpub_file_behind_bytes" + file:                 9,
		"logpub_file_followed_files" + file:               1,
		"logpub_syslog_messages_total" + socket:           1,
		"logpub_syslog_bytes_total" + socket:              float64(len(datagram)),
		`logpub_group_lines_total{group="g"}`:             1,
		`logpub_group_lines_total{group="files all"}`:     1,
		`logpub_group_bytes_total{group="www.a.com"}`:     24,
		`logpub_connects_total{daemon="4803"}`:            1,
		`logpub_disconnects_total{reason="lost"}`:         0,
		`logpub_dropped_lines_total{reason="spool_full"}`: 0,
		`logpub_dropped_bytes_total{reason="drain"}`:      0,
		"logpub_waiting_lines":                            0,
		"logpub_lag_seconds":                              0,
		"logpub_config_loads_total":                       1,
	})
	if _, ok := p.Values[`logpub_file_position_bytes{input="stdin"}`]; ok {
		t.Error("a stream has a position")
	}
	if at := p.Values["logpub_config_load_timestamp_seconds"]; math.Abs(at-float64(time.Now().Unix())) > 60 {
		t.Errorf("the configuration was loaded at %v", at)
	}

	r.daemon.SetDown(true)
	r.wait(t, map[string]float64{`logpub_connected{daemon="4803"}`: 0, `logpub_disconnects_total{reason="lost"}`: 1})
	if _, err := io.WriteString(r.pipe, "wait\nfor it\n"); err != nil {
		t.Fatal(err)
	}
	p = r.wait(t, map[string]float64{"logpub_waiting_lines": 2, "logpub_spool_lines": 2, "logpub_spooled_bytes_total": p.Values["logpub_spooled_bytes_total"] + 12})
	for _, series := range []string{"logpub_lag_seconds", "logpub_spool_bytes", "logpub_spool_segments", "logpub_queue_bytes"} {
		if p.Values[series] <= 0 {
			t.Errorf("%s is %v while lines wait", series, p.Values[series])
		}
	}
	for p.Values[`logpub_connect_failures_total{daemon="4803"}`] < 1 {
		time.Sleep(5 * time.Millisecond) //house:sleep polls the page
		p = promtest.Scrape(t, r.url)
	}
	r.daemon.SetDown(false)
	r.wait(t, map[string]float64{"logpub_sent_lines_total": 5, "logpub_waiting_lines": 0, "logpub_lag_seconds": 0, `logpub_connects_total{daemon="4803"}`: 2})
}

// TestManyGroups: whatever names lines have, the page stays short.
func TestManyGroups(t *testing.T) {
	r := start(t, func(c *logpub.Config) { c.Route = &logpub.Route{Field: 1}; c.Spool = "" })
	var b strings.Builder
	const names = 1000
	for i := range names {
		fmt.Fprintf(&b, "host%d\n", i)
	}
	if _, err := io.WriteString(r.pipe, b.String()); err != nil {
		t.Fatal(err)
	}
	p := r.wait(t, map[string]float64{"logpub_sent_lines_total": names})
	groups := p.Labels()["logpub_group_lines_total"]["group"]
	var sum float64
	for _, g := range groups {
		sum += p.Values[fmt.Sprintf("logpub_group_lines_total{group=%q}", g)]
	}
	if len(groups) != logpub.MaxGroupStats+1 || sum != names || p.Values[`logpub_group_lines_total{group="other"}`] < names-logpub.MaxGroupStats {
		t.Errorf("%d groups have %v lines", len(groups), sum)
	}
}

// TestSource: the counters of publishers that follow each other are added up, and a new one begins
// where the last one ended.
func TestSource(t *testing.T) {
	var s Source
	if st := s.snapshot(); st.Took != 0 || !st.loaded.IsZero() {
		t.Errorf("without a publisher there is %+v", st)
	}
	publisher := func(took int64) func() logpub.Stats {
		return func() logpub.Stats {
			return logpub.Stats{
				Took: took, Dropped: map[string]int64{"drain": took}, DroppedBytes: map[string]int64{}, Ends: map[string]int64{},
				Gauges: logpub.Gauges{Waiting: took},
			}
		}
	}
	for i, want := range []int64{1, 11, 111} {
		s.Use(publisher([]int64{1, 10, 100}[i]))
		for range 2 { // asking changes nothing
			st := s.snapshot()
			if st.Took != want || st.Dropped["drain"] != want || st.Waiting != []int64{1, 10, 100}[i] || st.loads != int64(i+1) {
				t.Errorf("publisher %d: %+v", i, st)
			}
		}
	}
	s.Failed()
	if st := s.snapshot(); st.failed != 1 || st.loads != 3 {
		t.Errorf("%d failed of %d", st.failed, st.loads)
	}
}

// TestDocs: docs/operate/metrics.md lists what is served, all of it and nothing else, and what it
// says elsewhere is of metrics that there are.
func TestDocs(t *testing.T) {
	r := start(t, nil)
	p := r.wait(t, map[string]float64{`logpub_connected{daemon="4803"}`: 1})
	promtest.Lint(t, p)
	promtest.CheckDocs(t, p, families(), promtest.Docs{
		File: docsFile, Package: "logs/logpub/metrics", Program: "logpub", Free: free,
	})
	if n := promtest.CheckExpressions(t, p, "logpub", docsFile, free...); n < 5 {
		t.Errorf("%d metrics in expressions", n)
	}
}
