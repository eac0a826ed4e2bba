package metrics

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// TestFaults: a client that does not read is disconnected, a datagram from an unknown sender is
// refused, and both are counted by reason.
func TestFaults(t *testing.T) {
	d := localringtest.New(t, "MaxSessionMessages = 10\n", "alpha").StartAll()[0]
	url := serve(t, d)
	before := promtest.Scrape(t, url)

	slow, err := spread.Dial(t.Context(), d.Address(), spread.WithName("slow"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Close() }() // its daemon has closed it before
	if err := slow.Join(t.Context(), "grp"); err != nil {
		t.Fatal(err)
	}
	if err := slow.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "slow is in its group", func() bool { return d.Stats().Ring.Status.NumGroups == 1 })
	fast, err := spread.Dial(t.Context(), d.Address(), spread.WithName("fast"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fast.Close() }()
	const ended = `spreadd_sessions_ended_total{reason="slow"}`
	payload := make([]byte, 100_000) // more than sockets hold, soon
	for i := 0; promtest.Scrape(t, url).Values[ended] == before.Values[ended]; i++ {
		if i == 1000 {
			t.Fatalf("%d messages, and nobody is too slow", i)
		}
		if err := fast.Multicast(t.Context(), spread.Agreed, 0, payload, "grp"); err != nil {
			t.Fatal(err)
		}
	}

	nobody, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", d.Config.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	if _, err := nobody.Write([]byte("who is there?")); err != nil {
		t.Fatal(err)
	}
	const refused = `spreadd_datagrams_refused_total{reason="malformed"}`
	testkit.Wait(t, "the datagram is refused", func() bool {
		return promtest.Scrape(t, url).Values[refused] == before.Values[refused]+1
	})

	after := promtest.Scrape(t, url)
	for _, series := range []string{
		`spreadd_publisher_pauses_total`,
		`spreadd_client_messages_discarded_total`,
		`spreadd_transport_received_datagrams_total{port="data"}`,
	} {
		if after.Values[series] <= before.Values[series] {
			t.Errorf("%s does not grow: %v", series, after.Values[series])
		}
	}
	if got := after.Values[`spreadd_sessions`]; got != 1 {
		t.Errorf("%v sessions, want 1", got)
	}
	// Counters only grow.
	for series, v := range before.Values {
		if name, _, _ := strings.Cut(series, "{"); before.Types[name] == "counter" && after.Values[series] < v {
			t.Errorf("%s falls from %v to %v", series, v, after.Values[series])
		}
	}
}
