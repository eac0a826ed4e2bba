package metrics

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/daemontest"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/topology"
)

// TestFaults: a client that does not read is ended, a datagram of nobody is
// refused, and both are counted under their names.
func TestFaults(t *testing.T) {
	d := daemontest.New(t, "MaxSessionMessages = 10\n", "alpha").StartAll()[0]
	url := serve(t, configOf(d))
	before := scrape(t, url)

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
	daemontest.Wait(t, "slow is in its group", func() bool { return d.Stats().Ring.Status.NumGroups == 1 })
	fast, err := spread.Dial(t.Context(), d.Address(), spread.WithName("fast"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fast.Close() }()
	const ended = `spreadd_sessions_ended_total{reason="slow"}`
	payload := make([]byte, 100_000) // more than sockets hold, soon
	for i := 0; scrape(t, url).values[ended] == before.values[ended]; i++ {
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
	daemontest.Wait(t, "the datagram is refused", func() bool {
		return scrape(t, url).values[refused] == before.values[refused]+1
	})

	after := scrape(t, url)
	for _, series := range []string{
		`spreadd_publisher_pauses_total`,
		`spreadd_client_messages_discarded_total`,
		`spreadd_transport_received_datagrams_total{port="data"}`,
	} {
		if after.values[series] <= before.values[series] {
			t.Errorf("%s does not grow: %v", series, after.values[series])
		}
	}
	if got := after.values[`spreadd_sessions`]; got != 1 {
		t.Errorf("%v sessions, want 1", got)
	}
	// Counters only grow.
	for series, v := range before.values {
		if name, _, _ := strings.Cut(series, "{"); before.types[name] == "counter" && after.values[series] < v {
			t.Errorf("%s falls from %v to %v", series, v, after.values[series])
		}
	}
}

// TestManyConnections: more connections than there may be wait for their turn.
func TestManyConnections(t *testing.T) {
	url := serve(t, Config{Source: fake{}, Topology: topology.Alone(1, "solo"), Self: 1})
	addr := netip.MustParseAddrPort(strings.TrimPrefix(url, "http://")).String()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answered := func(c net.Conn, patience time.Duration) error {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200 OK")))
		return err
	}
	var open []net.Conn
	for range maxConnections {
		c := dial()
		if err := answered(c, daemontest.Patience); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	more := dial()
	if err := answered(more, 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one connection too many: %v", err)
	}
	_ = open[0].Close()
	if err := answered(more, daemontest.Patience); err != nil {
		t.Errorf("there is room, and it is not answered: %v", err)
	}
}
