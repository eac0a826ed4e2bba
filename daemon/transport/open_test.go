package transport

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/internal/topology"
)

func TestOpenErrors(t *testing.T) {
	port := freePort(t)
	one := func(addr string) Config {
		top, err := topology.New([]topology.Segment{{Port: port, Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr(addr)}}}})
		if err != nil {
			t.Fatal(err)
		}
		return Config{Topology: top, Self: 1, Pool: new(buf.Pool), Poller: newPoller(t)}
	}
	_, err := Open(one("192.0.2.1")) // not in use anywhere (RFC 5737)
	var open *OpenError
	if !errors.As(err, &open) || !strings.Contains(err.Error(), "cannot bind the send socket to 192.0.2.1") || !strings.Contains(open.Hint, "does not belong to this host") {
		t.Errorf("a foreign address: %v", err)
	}

	first, err := Open(one("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := one("127.0.0.1")
	_, err = Open(cfg)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "cannot bind a data socket to 0.0.0.0:") || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("a port that is taken: %v", err)
	}
	if n := cfg.Pool.Out(); n != 0 {
		t.Errorf("%d blocks are lost", n)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	again, err := Open(one("127.0.0.1"))
	if err != nil {
		t.Fatalf("a restart: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}

	// Only the token port is in use.
	c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port) + 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(one("127.0.0.1"))
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "cannot bind a token socket") {
		t.Errorf("a token port that is taken: %v", err)
	}
	_ = c.Close()
}

func TestReceiveBufferReported(t *testing.T) {
	var log bytes.Buffer
	h := loopback(t, 1, true, func(c *Config) {
		c.ReceiveBuffer = 1 << 30 // the doubled value must fit in 31 bits
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	st := h[0].Stats()
	switch lines := strings.Count(log.String(), "rmem_max"); {
	case runtime.GOOS != "linux":
	case st.ReceiveBuffer <= 0:
		t.Errorf("receive buffer is %d", st.ReceiveBuffer)
	case st.ReceiveBuffer < 1<<30-1 && lines != 1, st.ReceiveBuffer >= 1<<30-1 && lines > 1:
		t.Errorf("%d lines for a buffer of %d:\n%s", lines, st.ReceiveBuffer, log.String())
	}
}

// sharedSegment opens two daemons on one host that share a port. It checks that a datagram of one
// to the segment reaches both, once for each address.
func sharedSegment(t *testing.T, first netip.Addr, segment []netip.Addr, change func(*Config)) {
	t.Helper()
	seg := topology.Segment{Port: freePort(t), Addrs: segment, Daemons: []topology.Daemon{
		{ID: 1, Name: "a", Addr: first}, {ID: 2, Name: "b", Addr: first.Next()},
	}}
	h := open(t, []topology.Segment{seg}, func(c *Config) {
		c.Interfaces = []Interface{{c.Topology.Daemon(c.Self).Addr, UseDaemon | UseClient}}
		if change != nil {
			change(c)
		}
	})
	for n := 1; n <= 3; n++ {
		if err := h[0].Send([]topology.Datagram{dgram(topology.ToSegment(0), n, 500), dgram(topology.ToDaemon(2), 10+n, 0), dgram(topology.ToTokenPort(2), 20+n, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if st := h[0].Stats(); st.SendFailed != [NumSendFailures]int64{} {
		t.Fatalf("cannot send to %v: %v", segment, st.SendFailed)
	}
	for i, want := range []int{3 * len(segment), 3*len(segment) + 6} {
		count := map[int]int{}
		for _, g := range h[i].collect(t, want) {
			count[g.n]++
			if g.from != first {
				t.Errorf("datagram %d comes from %v, want %v", g.n, g.from, first)
			}
			if g.token != (g.n > 20) {
				t.Errorf("datagram %d: token is %v", g.n, g.token)
			}
		}
		for n := 1; n <= 3; n++ {
			if count[n] != len(segment) {
				t.Errorf("daemon %d: datagram %d came %d times over %d addresses", i+1, n, count[n], len(segment))
			}
		}
	}
}

func TestBroadcastOnLoopback(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have 127.0.0.1 only")
	}
	paths(t, func(t *testing.T, p path) {
		sharedSegment(t, netip.MustParseAddr("127.0.0.1"), addrs("127.255.255.255"), p.set)
	})
}

// needMulticast skips the test if the loopback does not support multicast.
func needMulticast(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("other systems have 127.0.0.1 only")
	}
	cfg := planConfig(t, "127.0.0.1", "239.255.77.1", 1, "D=127.0.0.1")
	cfg.Topology, _ = topology.New([]topology.Segment{{
		Port: freePort(t), Addrs: addrs("239.255.77.1"),
		Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("127.0.0.1")}},
	}})
	tr, err := Open(cfg)
	if err != nil {
		testskip.Skip(t, "the loopback takes no multicast group ("+err.Error()+"): run this where 'ip link set lo up' has been done")
	}
	_ = tr.Send([]topology.Datagram{dgram(topology.ToSegment(0), 1, 0)})
	failed := tr.Stats().SendFailed[SendUnreachable]
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if failed > 0 {
		testskip.Skip(t, "multicast cannot be sent on the loopback: run 'ip link set lo up multicast on'")
	}
}

func TestMulticastOnLoopback(t *testing.T) {
	needMulticast(t)
	paths(t, func(t *testing.T, p path) {
		sharedSegment(t, netip.MustParseAddr("127.0.0.1"), addrs("239.255.77.1 127.255.255.255"), p.set)
	})
}

// Without an interface list, all datagrams arrive at two sockets.
func TestMulticastOnWildcard(t *testing.T) {
	needMulticast(t)
	h := open(t, []topology.Segment{{
		Port: freePort(t), Addrs: addrs("239.255.77.2"),
		Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("127.0.0.1")}},
	}}, func(*Config) {})
	if err := h[0].Send([]topology.Datagram{dgram(topology.ToSegment(0), 1, 0), dgram(topology.ToDaemon(1), 2, 0), dgram(topology.ToTokenPort(1), 3, 0)}); err != nil {
		t.Fatal(err)
	}
	if g := h[0].collect(t, 3); len(g) != 3 || len(h[0].sockets) != 2 {
		t.Errorf("received %v on %d sockets", g, len(h[0].sockets))
	}
}

func TestJoinErrors(t *testing.T) {
	j := joiner{cfg: new(planConfig(t, "10.0.0.1", "239.0.0.1 10.0.0.255", 2, "")), err: errors.New("no interface has it")}
	j.cfg.Log = slog.New(slog.DiscardHandler)
	c, err := listen(bind{addr: netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	group := netip.MustParseAddr("239.0.0.1")
	err = j.join(c, group)
	var open *OpenError
	if !errors.As(err, &open) || !strings.Contains(err.Error(), "cannot join multicast group 239.0.0.1 on 127.0.0.1:") || !strings.Contains(open.Hint, "IgnoreMulticastJoinErrors") {
		t.Errorf("a join that fails: %v", err)
	}
	j.cfg.IgnoreMulticastJoinErrors = true
	for range 2 {
		if err := j.join(c, group); err != nil {
			t.Errorf("a join that may fail: %v", err)
		}
	}
	to := newDestinations(j.cfg.Topology, "")
	if err := j.dropFrom(&to); err != nil {
		t.Fatal(err)
	}
	if all := to.of(j.cfg.Topology, topology.ToSegment(0)); len(all) != 1 || all[0].addr.String() != "10.0.0.255:4803" {
		t.Errorf("left are %v", all)
	}
	j.dropped = append(j.dropped, netip.MustParseAddr("10.0.0.255"))
	if err := j.dropFrom(&to); err == nil || !strings.Contains(err.Error(), "cannot join any multicast group") {
		t.Errorf("no address left: %v", err)
	}
	alone := planConfig(t, "10.0.0.1", "239.0.0.1", 1, "")
	j.cfg = &alone
	to = newDestinations(alone.Topology, "")
	if err := j.dropFrom(&to); err != nil {
		t.Errorf("no address left for a daemon that needs none: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	if c, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
		testskip.Skip(t, "there is no IPv6 loopback address: sysctl net.ipv6.conf.lo.disable_ipv6=0")
	} else {
		_ = c.Close()
	}
	paths(t, func(t *testing.T, p path) {
		a := netip.IPv6Loopback()
		first, second := freePort(t), freePort(t)
		h := open(t, []topology.Segment{
			{Port: first, Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: a}}},
			{Port: second, Daemons: []topology.Daemon{{ID: 2, Name: "b", Addr: a}}},
		}, p.set)
		if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), 1, 9), dgram(topology.ToTokenPort(2), 2, 30000), dgram(topology.ToDaemon(2), 1, 1433)}); err != nil {
			t.Fatal(err)
		}
		for _, g := range h[1].collect(t, 2) {
			want := map[int]got{1: {1, 49, a, false}, 2: {2, 30040, a, true}}[g.n]
			if g != want {
				t.Errorf("received %v, want %v", g, want)
			}
		}
		testkit.Wait(t, "the long datagram to be dropped", func() bool { return h[1].Stats().Dropped[DropTooLong] == 1 })
	})
}
