package metrics

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/daemontest"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/topology"
	"github.com/spreadd/spreadd/wire"
)

func configOf(d *daemontest.Daemon) Config {
	e := &d.Config.Engine
	return Config{Source: d, Topology: e.Topology, Self: e.Self, ConfHash: e.ConfHash}
}

// serve serves a daemon's metrics until the test ends.
func serve(t *testing.T, cfg Config) (url string) {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", cfg, slog.New(slog.DiscardHandler))
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

func request(t *testing.T, method, url string) (status int, header http.Header, body string) {
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

// page is a scrape, taken apart.
type page struct {
	text   string
	help   map[string]string
	types  map[string]string
	order  []string
	values map[string]float64 // by the series as it is written
}

func scrape(t *testing.T, url string) *page {
	t.Helper()
	status, header, body := request(t, http.MethodGet, url+"/metrics")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Fatalf("status %d, %s: %s", status, header.Get("Content-Type"), body)
	}
	p := &page{text: body, help: map[string]string{}, types: map[string]string{}, values: map[string]float64{}}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			p.help[name] = help
			p.order = append(p.order, name)
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			p.types[name] = kind
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		p.values[line[:i]] = v
	}
	return p
}

// ours are the names of the daemon's own metrics.
func (p *page) ours() []string {
	return slices.DeleteFunc(slices.Clone(p.order), func(name string) bool { return !strings.HasPrefix(name, "spreadd_") })
}

// TestServed takes two daemons through what their metrics tell of: a ring, a
// client with a group, messages, a client that is refused.
func TestServed(t *testing.T) {
	r := daemontest.New(t, "", "alpha", "beta")
	daemons := r.StartAll()
	url := []string{serve(t, configOf(daemons[0])), serve(t, configOf(daemons[1]))}
	c, err := spread.Dial(t.Context(), daemons[0].Address(), spread.WithName("bob"), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := spread.Dial(t.Context(), daemons[0].Address(), spread.WithName("bob")); spread.CodeOf(err) != spread.ErrRejectNotUnique {
		t.Fatalf("a second bob: %v", err)
	}
	if err := c.Join(t.Context(), "grp"); err != nil {
		t.Fatal(err)
	}
	const messages = 10
	for range messages {
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte("hello"), "grp"); err != nil {
			t.Fatal(err)
		}
	}
	for range messages + 1 { // the view is first
		if _, err := c.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a, b := scrape(t, url[0]), scrape(t, url[1])
	for series, want := range map[string]float64{
		`spreadd_sessions`:                                           1,
		`spreadd_handshakes`:                                         0,
		`spreadd_groups`:                                             1,
		`spreadd_connections_accepted_total`:                         2,
		`spreadd_sessions_opened_total`:                              1,
		`spreadd_handshakes_failed_total{reason="not_unique"}`:       1,
		`spreadd_handshakes_failed_total{reason="auth"}`:             0,
		`spreadd_sessions_ended_total{reason="slow"}`:                0,
		`spreadd_messages_received_total`:                            messages + 1,
		`spreadd_messages_submitted_total{outcome="accepted"}`:       messages + 1,
		`spreadd_messages_delivered_total`:                           messages + 1,
		`spreadd_client_messages_queued_total`:                       messages + 1,
		`spreadd_configured_daemons`:                                 2,
		`spreadd_ring_daemons`:                                       2,
		`spreadd_ring_segments`:                                      2,
		`spreadd_ring_member{daemon="alpha"}`:                        1,
		`spreadd_ring_member{daemon="beta"}`:                         1,
		`spreadd_ring_leads`:                                         1,
		`spreadd_membership_state{state="op"}`:                       1,
		`spreadd_membership_state{state="gather"}`:                   0,
		`spreadd_groups_state{state="gop"}`:                          1,
		`spreadd_ring_state{state="operational"}`:                    1,
		`spreadd_ring_window_packets{window="ring"}`:                 160,
		`spreadd_ring_queued_messages{of="users"}`:                   0,
		`spreadd_datagrams_refused_total{reason="malformed"}`:        0,
		`spreadd_transport_dropped_datagrams_total{reason="filter"}`: 0,
	} {
		if got, ok := a.values[series]; !ok || got != want {
			t.Errorf("%s is %v, %v, want %v", series, got, ok, want)
		}
	}
	for _, series := range []string{
		`spreadd_ring_token_rounds_total`,
		`spreadd_ring_packets_sent_total`,
		`spreadd_ring_packets_delivered_total`,
		`spreadd_memberships_installed_total`,
		`spreadd_membership_transitions_total{cause="start"}`,
		`spreadd_membership_transitions_total{cause="form_token_2"}`,
		`spreadd_datagrams_passed_total`,
		`spreadd_ring_highest_sequence`,
		`spreadd_transport_sent_bytes_total`,
		`spreadd_transport_received_datagrams_total{port="token"}`,
		`spreadd_transport_received_datagrams_total{port="data"}`,
		`spreadd_transport_receive_calls_total`,
		fmt.Sprintf(`spreadd_daemon_info{conf_hash="%d",daemon="alpha"}`, r.Conf.Hash()),
		`go_goroutines`,
	} {
		if a.values[series] < 1 {
			t.Errorf("%s is %v, want 1 or more", series, a.values[series])
		}
	}
	if !strings.Contains(a.text, `spreadd_build_info{goversion="go1.`) || !strings.Contains(a.text, `protocol="5.0.1"`) {
		t.Error("no build info")
	}
	for series, want := range map[string]float64{
		`spreadd_sessions`: 0, `spreadd_groups`: 1, `spreadd_ring_leads`: 0, `spreadd_messages_delivered_total`: 0,
	} {
		if got := b.values[series]; got != want {
			t.Errorf("beta: %s is %v, want %v", series, got, want)
		}
	}

	daemons[1].Stop()
	daemontest.Wait(t, "alpha is alone", func() bool { return len(daemons[0].Members()) == 1 })
	a = scrape(t, url[0])
	if a.values[`spreadd_ring_member{daemon="beta"}`] != 0 || a.values[`spreadd_ring_daemons`] != 1 {
		t.Error("beta has gone, and is still in the ring")
	}
	// One that has ended tells what was last.
	if b = scrape(t, url[1]); b.values[`spreadd_ring_token_rounds_total`] < 1 {
		t.Error("what beta has counted is gone with it")
	}
}

// TestNotRunning: a daemon that does not run yet answers too.
func TestNotRunning(t *testing.T) {
	top := topology.Alone(1, "solo")
	p := scrape(t, serve(t, Config{Source: fake{}, Topology: top, Self: 1}))
	if p.values[`spreadd_ring_daemons`] != 0 || p.values[`spreadd_ring_leads`] != 0 || p.values[`spreadd_ring_member{daemon="solo"}`] != 0 {
		t.Errorf("served:\n%s", p.text)
	}
}

// fake is a daemon with given counters.
type fake struct{ stats daemon.Stats }

func (f fake) Stats() daemon.Stats { return f.stats }
func (f fake) Members() []string   { return nil }

// TestNames: names need not be UTF-8, labels have to be.
func TestNames(t *testing.T) {
	top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: []topology.Daemon{
		{ID: 1, Name: "caf\xe9", Addr: netip.MustParseAddr("127.0.0.1")},
		{ID: 2, Name: "café", Addr: netip.MustParseAddr("127.0.0.2")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p := scrape(t, serve(t, Config{Source: fake{}, Topology: top, Self: 1}))
	for _, series := range []string{`spreadd_ring_member{daemon="\"caf\\xe9\""}`, `spreadd_ring_member{daemon="café"}`} {
		if _, ok := p.values[series]; !ok {
			t.Errorf("%s is missing in\n%s", series, p.text)
		}
	}
}

// TestSlots: the counters of enumerations go under the names of their values.
func TestSlots(t *testing.T) {
	var st daemon.Stats
	st.Sessions.Ended[session.SessionSlow] = 3
	st.Sessions.Ended[session.HandshakeEvicted] = 4
	st.Sessions.Refused[wire.RefusedTotal] = 5
	st.Ring.Counts.Refusals[engine.UnknownKind] = 6
	st.Ring.Counts.Ring[ring.TokenTaken] = 7
	st.Ring.Counts.Membership.Causes[membership.CauseStart] = 8
	st.Ring.Transport.Dropped[transport.DropKernel] = 9
	st.Ring.Status.Ring.RetransSegment = 10
	p := scrape(t, serve(t, Config{Source: fake{st}, Topology: topology.Alone(1, "solo"), Self: 1}))
	for series, want := range map[string]float64{
		`spreadd_sessions_ended_total{reason="slow"}`:                3,
		`spreadd_handshakes_failed_total{reason="evicted"}`:          4,
		`spreadd_client_headers_refused_total{reason="total"}`:       5,
		`spreadd_datagrams_refused_total{reason="unknown_kind"}`:     6,
		`spreadd_ring_inputs_total{verdict="token_taken"}`:           7,
		`spreadd_ring_token_rounds_total`:                            7,
		`spreadd_membership_transitions_total{cause="start"}`:        8,
		`spreadd_transport_dropped_datagrams_total{reason="kernel"}`: 9,
		`spreadd_ring_retransmissions_total{to="segment"}`:           10,
	} {
		if p.values[series] != want {
			t.Errorf("%s is %v, want %v", series, p.values[series], want)
		}
		delete(p.values, series)
	}
	for series, v := range p.values {
		if strings.HasPrefix(series, "spreadd_") && strings.Contains(series, "_total") && v != 0 {
			t.Errorf("%s is %v, and nothing was counted there", series, v)
		}
	}
}

// TestLint: names, types and help are as Prometheus wants them.
func TestLint(t *testing.T) {
	p := scrape(t, serve(t, Config{Source: fake{}, Topology: topology.Alone(1, "solo"), Self: 1}))
	problems, err := promlint.New(strings.NewReader(p.text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range problems {
		t.Errorf("%s: %s", x.Metric, x.Text)
	}
	bad := "# HELP spreadd_lines Lines.\n# TYPE spreadd_lines counter\nspreadd_lines 1\n"
	if problems, err := promlint.New(strings.NewReader(bad)).Lint(); err != nil || len(problems) == 0 {
		t.Errorf("a counter without _total passes: %v, %v", problems, err)
	}
}

// TestNothingElse: two pages, for reading.
func TestNothingElse(t *testing.T) {
	url := serve(t, Config{Source: fake{}, Topology: topology.Alone(1, "solo"), Self: 1})
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, "/", http.StatusOK, `href="/metrics"`},
		{http.MethodHead, "/metrics", http.StatusOK, ""},
		{http.MethodPost, "/metrics", http.StatusMethodNotAllowed, "Method Not Allowed"},
		{http.MethodGet, "/metrics/", http.StatusNotFound, "not found"},
		{http.MethodGet, "/debug/pprof/", http.StatusNotFound, "not found"},
		{http.MethodGet, "/index.html", http.StatusNotFound, "not found"},
	} {
		status, _, body := request(t, tt.method, url+tt.path)
		if status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s %s: status %d, %q; want %d, %q", tt.method, tt.path, status, body, tt.status, tt.body)
		}
	}
}

// TestAddressTaken: an address in use is told before anything runs.
func TestAddressTaken(t *testing.T) {
	cfg := Config{Source: fake{}, Topology: topology.Alone(1, "solo"), Self: 1}
	log := slog.New(slog.DiscardHandler)
	s, err := Listen(t.Context(), "127.0.0.1:0", cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	if _, err := Listen(t.Context(), addr, cfg, log); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr) {
		t.Errorf("a second server on %s: %v", addr, err)
	}
	if err := s.Close(); err != nil { // it never served
		t.Errorf("Close: %v", err)
	}
	if s, err = Listen(t.Context(), addr, cfg, log); err != nil {
		t.Errorf("the address is not free again: %v", err)
	} else if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// stuck is a daemon that does not answer.
type stuck struct {
	fake
	asked   chan struct{}
	release chan struct{}
}

func (s stuck) Stats() daemon.Stats {
	s.asked <- struct{}{}
	<-s.release
	return s.stats
}

// TestManyScrapes: scrapes of a daemon that does not answer do not pile up.
func TestManyScrapes(t *testing.T) {
	src := stuck{asked: make(chan struct{}, maxScrapes+1), release: make(chan struct{})}
	url := serve(t, Config{Source: src, Topology: topology.Alone(1, "solo"), Self: 1})
	var wait sync.WaitGroup
	for range maxScrapes {
		wait.Go(func() {
			if status, _, _ := request(t, http.MethodGet, url+"/metrics"); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
		<-src.asked
	}
	if status, _, body := request(t, http.MethodGet, url+"/metrics"); status != http.StatusServiceUnavailable {
		t.Errorf("one scrape too many: status %d: %s", status, body)
	}
	close(src.release)
	wait.Wait()
}
