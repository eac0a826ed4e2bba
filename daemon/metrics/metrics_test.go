package metrics

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/wire"
)

// serve serves a daemon's metrics over HTTP until the test ends.
func serve(t *testing.T, d *localring.Daemon) (url string) {
	t.Helper()
	return promtest.Serve(t, New(d, d.Config.Engine.Self))
}

// TestServed checks the metrics of two daemons with a ring, a client in a group, messages and a
// client that is refused.
func TestServed(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta")
	daemons := r.StartAll()
	url := []string{serve(t, daemons[0]), serve(t, daemons[1])}
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
	// That alpha's client has its last message does not mean that beta has it.
	testkit.Wait(t, "beta knows of the group", func() bool { return daemons[1].Stats().Ring.Status.NumGroups == 1 })
	a, b := promtest.Scrape(t, url[0]), promtest.Scrape(t, url[1])
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
		`spreadd_client_queue_messages`:                              0,
		`spreadd_client_queue_limit_messages`:                        0,
		`spreadd_client_queue_limit_bytes`:                           64 << 20,
		`spreadd_clients_behind`:                                     0,
		`spreadd_inbox_batches`:                                      0,
		`spreadd_datagrams_refused_total{reason="malformed"}`:        0,
		`spreadd_transport_dropped_datagrams_total{reason="filter"}`: 0,
	} {
		if got, ok := a.Values[series]; !ok || got != want {
			t.Errorf("%s is %v, %v, want %v", series, got, ok, want)
		}
	}
	for _, series := range []string{
		`spreadd_ring_token_rounds_total`,
		`spreadd_ring_token_round_duration_seconds_count`,
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
		if a.Values[series] < 1 {
			t.Errorf("%s is %v, want 1 or more", series, a.Values[series])
		}
	}
	if !strings.Contains(a.Text, `spreadd_build_info{goversion="go1.`) || !strings.Contains(a.Text, `protocol="5.0.1"`) {
		t.Error("no build info")
	}
	for series, want := range map[string]float64{
		`spreadd_sessions`: 0, `spreadd_groups`: 1, `spreadd_ring_leads`: 0, `spreadd_messages_delivered_total`: 0,
	} {
		if got := b.Values[series]; got != want {
			t.Errorf("beta: %s is %v, want %v", series, got, want)
		}
	}

	if err := daemons[1].Stop(); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "alpha is alone", func() bool { return len(daemons[0].Members()) == 1 })
	a = promtest.Scrape(t, url[0])
	if a.Values[`spreadd_ring_member{daemon="beta"}`] != 0 || a.Values[`spreadd_ring_daemons`] != 1 {
		t.Error("beta has gone, and is still in the ring")
	}
	// A daemon that has stopped returns its last values.
	if b = promtest.Scrape(t, url[1]); b.Values[`spreadd_ring_token_rounds_total`] < 1 {
		t.Error("what beta has counted is gone with it")
	}
}

// TestNotRunning: a daemon that does not run yet can be scraped.
func TestNotRunning(t *testing.T) {
	top := topology.Alone(1, "solo")
	p := promtest.Scrape(t, promtest.Serve(t, New(fake{daemon.Stats{}, top}, 1)))
	if p.Values[`spreadd_ring_daemons`] != 0 || p.Values[`spreadd_ring_leads`] != 0 || p.Values[`spreadd_ring_member{daemon="solo"}`] != 0 {
		t.Errorf("served:\n%s", p.Text)
	}
}

// fake is a source with fixed counters.
type fake struct {
	stats daemon.Stats
	top   *topology.Topology
}

func (f fake) Stats() daemon.Stats                         { return f.stats }
func (f fake) Members() []string                           { return nil }
func (f fake) Configuration() (*topology.Topology, uint32) { return f.top, 0 }

// TestNames: names may be invalid UTF-8, labels may not.
func TestNames(t *testing.T) {
	top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: []topology.Daemon{
		{ID: 1, Name: "caf\xe9", Addr: netip.MustParseAddr("127.0.0.1")},
		{ID: 2, Name: "café", Addr: netip.MustParseAddr("127.0.0.2")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p := promtest.Scrape(t, promtest.Serve(t, New(fake{daemon.Stats{}, top}, 1)))
	for _, series := range []string{`spreadd_ring_member{daemon="\"caf\\xe9\""}`, `spreadd_ring_member{daemon="café"}`} {
		if _, ok := p.Values[series]; !ok {
			t.Errorf("%s is missing in\n%s", series, p.Text)
		}
	}
}

// TestSlots: the counters of an enumeration are labeled with the names of its values.
func TestSlots(t *testing.T) {
	var st daemon.Stats
	st.Sessions.Ended[session.SessionSlow] = 3
	st.Sessions.Waiting = session.Waiting{Messages: 11, Bytes: 12}
	st.Sessions.MaxWaiting = session.Waiting{Messages: 13, Bytes: 14}
	st.Sessions.Behind, st.Sessions.Inbox, st.Sessions.Limit = 15, 16, 17
	st.Ring.Status.Ring.Rounds = ring.RoundTimes{Sum: 18 * time.Millisecond}
	st.Ring.Status.Ring.Rounds.Counts[0], st.Ring.Status.Ring.Rounds.Counts[ring.NumRoundBounds] = 19, 20
	st.Sessions.Ended[session.HandshakeEvicted] = 4
	st.Sessions.Refused[wire.RefusedTotal] = 5
	st.Ring.Counts.Datagrams[engine.UnknownKind] = 6
	st.Ring.Counts.Ring[ring.TokenTaken] = 7
	st.Ring.Counts.Membership.Causes[membership.CauseStart] = 8
	st.Ring.Transport.Dropped[transport.DropKernel] = 9
	st.Ring.Status.Ring.RetransSegment = 10
	p := promtest.Scrape(t, promtest.Serve(t, New(fake{st, topology.Alone(1, "solo")}, 1)))
	for series, want := range map[string]float64{
		`spreadd_client_queue_messages`:                                 11,
		`spreadd_client_queue_bytes`:                                    12,
		`spreadd_client_queue_largest_messages`:                         13,
		`spreadd_client_queue_largest_bytes`:                            14,
		`spreadd_clients_behind`:                                        15,
		`spreadd_inbox_batches`:                                         16,
		`spreadd_client_queue_limit_messages`:                           17,
		`spreadd_ring_token_round_duration_seconds_sum`:                 0.018,
		`spreadd_ring_token_round_duration_seconds_bucket{le="0.0001"}`: 19,
		`spreadd_ring_token_round_duration_seconds_bucket{le="5"}`:      19,
		`spreadd_ring_token_round_duration_seconds_bucket{le="+Inf"}`:   39,
		`spreadd_sessions_ended_total{reason="slow"}`:                   3,
		`spreadd_handshakes_failed_total{reason="evicted"}`:             4,
		`spreadd_client_headers_refused_total{reason="total"}`:          5,
		`spreadd_datagrams_refused_total{reason="unknown_kind"}`:        6,
		`spreadd_ring_inputs_total{verdict="token_taken"}`:              7,
		`spreadd_ring_token_rounds_total`:                               7,
		`spreadd_membership_transitions_total{cause="start"}`:           8,
		`spreadd_transport_dropped_datagrams_total{reason="kernel"}`:    9,
		`spreadd_ring_retransmissions_total{to="segment"}`:              10,
	} {
		if p.Values[series] != want {
			t.Errorf("%s is %v, want %v", series, p.Values[series], want)
		}
		delete(p.Values, series)
	}
	for series, v := range p.Values {
		if strings.HasPrefix(series, "spreadd_") && strings.Contains(series, "_total") && v != 0 {
			t.Errorf("%s is %v, and nothing was counted there", series, v)
		}
	}
}

// TestLint: names, types and help pass the linter of Prometheus.
func TestLint(t *testing.T) {
	promtest.Lint(t, promtest.Scrape(t, promtest.Serve(t, New(fake{daemon.Stats{}, topology.Alone(1, "solo")}, 1))))
}
