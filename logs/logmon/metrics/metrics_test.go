package metrics

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

const docsFile = "../../../docs/operate/metrics.md"

// free are the labels whose values come from lines and the configuration.
var free = []string{"group", "server", "vhost", "code"}

// source is a monitor whose machine is fed by hand.
type source struct {
	t     *traffic.Traffic
	start time.Time
}

func (s source) View(q traffic.Query) logmon.View {
	return logmon.View{
		State:    logmon.State{Connected: true, Connects: 2, Dropped: map[string]int64{"queue_full": 3, "private": 0}},
		Snapshot: s.t.Snapshot(s.start.Add(5*time.Second), q),
	}
}

func newSource(t *testing.T) source {
	t.Helper()
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m, err := traffic.New(traffic.Config{MaxVHosts: 2, MaxSessions: 2}, start)
	if err != nil {
		t.Fatal(err)
	}
	send := func(group, text string) { m.Message(start, group, "#lp1#web1", []byte(text)) }
	send("a", `10.0.0.1 - - [t] "GET /a HTTP/1.1" 200 100 "-" "x"`)
	send("a", `10.0.0.1 - - [t] "GET /b HTTP/1.1" 404 10 "-" "x"`)
	send("a", `10.0.0.2 - - [t] "GET /b HTTP/1.1" 503 10 "-" "x"`)
	send("b", `b.example.com 10.0.0.2 - - [t] "GET /b HTTP/1.1" - 1 "-" "x"`)
	send("b", `c.example.com 10.0.0.2 - - [t] "GET /b HTTP/1.1" 200 1 "-" "x"`) // has no place
	send("b", "rubbish\n")
	e := envelope.Header{Publisher: "p"}
	text := string(e.Append(nil)) + "a b c [t] \"GET / HTTP/1.1\" 200 1\n"
	send("a", text)
	send("a", text)
	e.Seq = 5
	send("a", string(e.Append(nil))+"a b c [t] \"GET / HTTP/1.1\" 200 1\n")
	return source{m, start}
}

// TestServed holds values for what was fed.
func TestServed(t *testing.T) {
	p := promtest.Scrape(t, promtest.Serve(t, New(newSource(t))))
	p.Want(t, map[string]float64{
		"logmon_connected":      1,
		"logmon_connects_total": 2,
		`logmon_dropped_messages_total{reason="queue_full"}`:    3,
		"logmon_received_messages_total":                        9,
		"logmon_received_lines_total":                           8,
		`logmon_odd_lines_total{reason="ident"}`:                0,
		`logmon_odd_lines_total{reason="host"}`:                 1,
		"logmon_repeated_lines_total":                           1,
		"logmon_missing_lines_total":                            4,
		`logmon_group_lines_total{group="a"}`:                   5,
		`logmon_group_odd_lines_total{group="b"}`:               1,
		`logmon_requests_total{code="200"}`:                     4,
		`logmon_requests_total{code="-"}`:                       1,
		`logmon_requests_total{code="503"}`:                     1,
		"logmon_response_bytes_total":                           124,
		`logmon_server_requests_total{server="web1"}`:           7,
		`logmon_server_errors_total{class="5xx",server="web1"}`: 1,
		`logmon_server_response_bytes_total{server="web1"}`:     124,
		`logmon_vhost_requests_total{vhost="a"}`:                5,
		`logmon_vhost_errors_total{class="4xx",vhost="a"}`:      1,
		`logmon_vhost_requests_total{vhost="b.example.com"}`:    1,
		`logmon_vhost_sessions{vhost="b.example.com"}`:          0,
		"logmon_sessions":                                       2,
		"logmon_evicted_sessions_total":                         3,
		"logmon_vhosts":                                         2,
		"logmon_replaced_vhosts_total":                          0,
	})
	if p.Has(map[string]float64{`logmon_vhost_requests_total{vhost="(other)"}`: 1}) {
		t.Error("hosts without a place of their own have a series")
	}
}

// TestDocs: docs/operate/metrics.md lists what is served, all of it and nothing else.
func TestDocs(t *testing.T) {
	p := promtest.Scrape(t, promtest.Serve(t, New(newSource(t))))
	promtest.Lint(t, p)
	promtest.CheckDocs(t, p, families(), promtest.Docs{
		File: docsFile, Package: "logs/logmon/metrics", Program: "logmon", Free: free,
	})
	if n := promtest.CheckExpressions(t, p, "logmon", docsFile, free...); n < 5 {
		t.Errorf("%d metrics in expressions", n)
	}
}
