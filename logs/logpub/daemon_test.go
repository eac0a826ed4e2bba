package logpub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/spread"
)

// patience is for how long a test waits for what should come at once.
const patience = testkit.Patience

// startDaemon runs a daemon on a port of 127.0.0.1, 0 being any, until the
// returned function is called.
func startDaemon(t testing.TB, port uint16) (address string, stop func()) {
	t.Helper()
	d, err := daemon.New(daemon.Config{
		Engine: engine.Config{Topology: topology.Alone(1, "alpha"), Self: 1},
		Listen: []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)},
		Sessions: session.Config{
			Auth:               session.Auth{Allowed: []session.Method{session.NullMethod{}}},
			MaxSessionMessages: 1 << 20, // no subscriber here is too slow
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-d.Ready()
	return d.Addrs()[0].(*net.TCPAddr).String(), func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("daemon: %v", err)
		}
	}
}

// subscribe joins the group "g".
func subscribe(t testing.TB, address string) *spread.Conn {
	t.Helper()
	c, err := spread.Dial(t.Context(), address, spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	if err := c.Join(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Receive(t.Context()); err != nil { // our own view
		t.Fatal(err)
	}
	return c
}

// receive returns n lines, and checks the messages they are in.
func receive(t testing.TB, c *spread.Conn, service spread.Service, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	for len(got) < n {
		ev, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("after %d of %d lines: %v", len(got), n, err)
		}
		if m, ok := ev.(*spread.Message); ok {
			if m.Service != service || m.Type != DefaultMessType || !strings.HasPrefix(m.Sender, "#lp") {
				t.Errorf("service %v, type %d, sender %s", m.Service, m.Type, m.Sender)
			}
			var h envelope.Header
			lines, err := h.Decode(m.Payload)
			if errors.Is(err, envelope.ErrNone) != (service == spread.Reliable) {
				t.Errorf("a message of service %v, in an envelope: %v", service, err)
			}
			got = slices.AppendSeq(got, strings.Lines(string(lines)))
		}
	}
	return got
}

// TestRealDaemon: each line arrives once and in order, the longest included.
func TestRealDaemon(t *testing.T) {
	address, stop := startDaemon(t, 0)
	defer stop()
	for service, cfg := range map[spread.Service]Config{spread.Reliable: {Plain: true}, spread.Agreed: {}} {
		sub := subscribe(t, address)
		cfg.Address, cfg.Groups, cfg.MessType, cfg.BlockTime = address, []string{"g"}, DefaultMessType, time.Minute
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		lines := append(numbered(1, 20_000), strings.Repeat("x", p.cfg.MaxLine-1)+"\n")
		ended := make(chan error, 1)
		go func() { ended <- p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))) }()
		if got := receive(t, sub, service, len(lines)); !slices.Equal(got, lines) {
			t.Errorf("%v: what arrived is not what was sent", service)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		checkSums(t, p)
		sub.Kill()
	}
}

// TestDaemonRestart: lines that come while the daemon is away arrive at the next
// one.
func TestDaemonRestart(t *testing.T) {
	address, stop := startDaemon(t, 0)
	var log logBuffer
	p, err := New(Config{Address: address, Groups: []string{"g"}, MessType: DefaultMessType, DrainTimeout: patience, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context(), r) }()
	sub := subscribe(t, address)
	before := numbered(1, 100)
	if _, err := io.WriteString(w, strings.Join(before, "")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, sub, spread.Agreed, len(before)); !slices.Equal(got, before) {
		t.Error("what arrived is not what was sent")
	}

	stop()
	testkit.Wait(t, "the end of the session", func() bool { return log.count("lost the connection") == 1 })
	after := numbered(101, 200)
	if _, err := io.WriteString(w, strings.Join(after, "")); err != nil {
		t.Fatal(err)
	}
	// The new daemon tells lines to those who have joined by then.
	var port uint16
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	_, stop = startDaemon(t, port)
	defer stop()
	testkit.Wait(t, "all lines to be sent", func() bool { return p.Stats().Sent == 200 })
	sub = subscribe(t, address)
	if _, err := io.WriteString(w, "last\n"); err != nil {
		t.Fatal(err)
	}
	// Sent means that the kernel has them: the daemon may take the join before some of the lines.
	got := receive(t, sub, spread.Agreed, 1)[0]
	for got != "last\n" && slices.Contains(after, got) {
		got = receive(t, sub, spread.Agreed, 1)[0]
	}
	if got != "last\n" {
		t.Errorf("received %q", got)
	}
	_ = w.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	checkSums(t, p)
}
