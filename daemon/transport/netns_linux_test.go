package transport

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// twoHosts makes two network namespaces, which are removed at the end:
//
//	hosts[0]                        hosts[1]
//	ring0 10.77.0.1/24  ──────────  ring0 10.77.0.2/24
//	      fd77::1/64                      fd77::2/64
//	      fe80::77:1/64                   fe80::77:2/64
func twoHosts(t *testing.T) (hosts [2]string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testskip.Skip(t, "network namespaces need root: run this test with sudo")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		testskip.Skip(t, "ip is not installed: apt-get install iproute2")
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			testskip.Skip(t, fmt.Sprintf("ip %s: %v: %s: network namespaces with veth are needed", strings.Join(args, " "), err, out))
		}
	}
	for i := range hosts {
		hosts[i] = fmt.Sprintf("spreadd-test-%d-%d", os.Getpid(), i)
		ip("netns", "add", hosts[i])
		t.Cleanup(func() {
			// t.Context has ended by now.
			if out, err := exec.Command("ip", "netns", "del", hosts[i]).CombinedOutput(); err != nil {
				t.Errorf("removing namespace %s: %v: %s", hosts[i], err, out)
			}
		})
	}
	ip("link", "add", "ring0", "netns", hosts[0], "type", "veth", "peer", "name", "ring0", "netns", hosts[1])
	for i, h := range hosts {
		ip("-n", h, "addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "brd", "+", "dev", "ring0")
		ip("-n", h, "addr", "add", fmt.Sprintf("fd77::%d/64", i+1), "dev", "ring0", "nodad")
		ip("-n", h, "addr", "add", fmt.Sprintf("fe80::77:%d/64", i+1), "dev", "ring0", "nodad")
		ip("-n", h, "link", "set", "lo", "up")
		// Nobody else is on the link, so duplicate address detection need not wait. Where the file
		// cannot be written, the test is only slower.
		on(t, h, func() { _ = os.WriteFile("/proc/sys/net/ipv6/conf/ring0/accept_dad", []byte("0"), 0o644) })
		ip("-n", h, "link", "set", "ring0", "up")
	}
	for _, h := range hosts {
		// IPv6 sends no multicast before the link is ready and duplicate address detection is done.
		testkit.Wait(t, "a usable link-local address", func() bool {
			out, err := exec.CommandContext(t.Context(), "ip", "-n", h, "-6", "addr", "show", "dev", "ring0", "scope", "link").Output()
			return err == nil && bytes.Contains(out, []byte("fe80")) && !bytes.Contains(out, []byte("tentative"))
		})
	}
	return hosts
}

// on runs f on a host, in a thread that ends with it.
func on(t *testing.T, host string, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		var err error
		defer func() { done <- err }()
		ns, err := os.Open("/run/netns/" + host)
		if err != nil {
			return
		}
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			f()
		}
		_ = ns.Close()
	}()
	if err := <-done; err != nil {
		t.Fatalf("entering namespace %s: %v", host, err)
	}
}

// Real interfaces: for each form of a segment's address, datagrams reach the other host and come
// back to this one, from the configured address, with and without an interface list.
func TestTwoHosts(t *testing.T) {
	hosts := twoHosts(t)
	const port = 4803
	for _, tt := range []struct {
		name, segment, first string
		list                 bool
	}{
		{"broadcast", "10.77.0.255", "10.77.0.1", false},
		{"broadcast, listed", "10.77.0.255", "10.77.0.1", true},
		{"multicast", "239.77.0.1", "10.77.0.1", false},
		{"multicast, listed", "239.77.0.1", "10.77.0.1", true},
		{"both", "239.77.0.1 10.77.0.255", "10.77.0.1", true},
		{"IPv6", "ff02::5ead:d", "fd77::1", false},
		{"IPv6, listed", "ff02::5ead:d", "fd77::1", true},
		{"IPv6 with a zone", "ff02::5ead:d%ring0", "fd77::1", true},
		{"IPv6 with a zone of another host", "ff02::5ead:d%nothere", "fd77::1", true},
		{"IPv6, link-local daemons", "ff02::5ead:d", "fe80::77:1", false},
		{"IPv6, link-local daemons, listed", "ff02::5ead:d", "fe80::77:1", true},
		{"IPv6, wider scope", "ff05::5ead:d", "fd77::1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			paths(t, func(t *testing.T, p path) {
				a := netip.MustParseAddr(tt.first)
				seg := topology.Segment{Port: port, Addrs: addrs(tt.segment), Daemons: []topology.Daemon{
					{ID: 1, Name: "a", Addr: a}, {ID: 2, Name: "b", Addr: a.Next()},
				}}
				top, err := topology.New([]topology.Segment{seg})
				if err != nil {
					t.Fatal(err)
				}
				var h [2]*host
				for i := range h {
					cfg := Config{Topology: top, Self: wire.DaemonID(i + 1), Pool: new(buf.Pool), Poller: newPoller(t)}
					p.set(&cfg)
					if tt.list {
						cfg.Interfaces = []Interface{{seg.Daemons[i].Addr, UseDaemon}}
					}
					on(t, hosts[i], func() {
						var tr *Transport
						if tr, err = Open(cfg); err == nil {
							h[i] = &host{tr, cfg.Pool, cfg.Poller, cfg.Self, seg.Daemons[i].Addr}
						}
					})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = h[i].Close() })
				}
				n := len(seg.Addrs)
				on(t, hosts[0], func() {
					err = h[0].Send([]topology.Datagram{
						dgram(topology.ToSegment(0), 1, MaxPacket-40),
						dgram(topology.ToDaemon(2), 2, 0),
						dgram(topology.ToTokenPort(2), 3, 20000), // in fragments
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range [][]got{
					slices.Repeat([]got{{1, MaxPacket, a, false}}, n),
					append(slices.Repeat([]got{{1, MaxPacket, a, false}}, n), got{2, 40, a, false}, got{3, 20040, a, true}),
				} {
					all := h[i].collect(t, len(want))
					slices.SortFunc(all, func(x, y got) int { return x.n - y.n })
					if !slices.Equal(all, want) {
						t.Errorf("host %d received %v, want %v", i, all, want)
					}
				}
				if st := h[0].Stats(); st.SendFailed != [NumSendFailures]int64{} {
					t.Errorf("failures %v", st.SendFailed)
				}
			})
		})
	}
}

// A peer whose program does not run answers with ICMP, and one that does not exist does not answer.
// Neither is an error.
func TestPeerNotThere(t *testing.T) {
	hosts := twoHosts(t)
	paths(t, func(t *testing.T, p path) {
		top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: []topology.Daemon{
			{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.77.0.1")},
			{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.77.0.2")},
			{ID: 3, Name: "c", Addr: netip.MustParseAddr("10.77.0.3")},
			{ID: 4, Name: "d", Addr: netip.MustParseAddr("192.0.2.1")}, // no route
		}}})
		if err != nil {
			t.Fatal(err)
		}
		cfg := Config{Topology: top, Self: 1, Pool: new(buf.Pool), Poller: newPoller(t)}
		p.set(&cfg)
		var tr *Transport
		on(t, hosts[0], func() { tr, err = Open(cfg) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tr.Close() })
		h := &host{Transport: tr, poller: cfg.Poller, id: 1}
		for range 20 {
			if err := tr.Send([]topology.Datagram{
				dgram(topology.ToDaemon(2), 1, 0), dgram(topology.ToDaemon(3), 2, 0), dgram(topology.ToDaemon(4), 3, 0), dgram(topology.ToDaemon(1), 4, 0),
			}); err != nil {
				t.Fatal(err)
			}
			if g := h.collect(t, 1); g[0].n != 4 {
				t.Errorf("received %v", g)
			}
		}
		st := tr.Stats()
		if st.Sent != 60 || st.SendFailed[SendUnreachable] != 20 || st.ReadErrors != 0 {
			t.Errorf("counts %+v", st)
		}
	})
}

// ring-protocol §1: the options of each socket, as the kernel has them.
func TestSocketOptions(t *testing.T) {
	seg := topology.Segment{Port: freePort(t), Addrs: addrs("127.255.255.255"), Daemons: []topology.Daemon{
		{ID: 1, Name: "a", Addr: netip.MustParseAddr("127.0.0.1")}, {ID: 2, Name: "b", Addr: netip.MustParseAddr("127.0.0.2")},
	}}
	h := open(t, []topology.Segment{seg}, func(c *Config) {
		c.Interfaces = []Interface{{c.Topology.Daemon(c.Self).Addr, UseDaemon}}
	})[0]
	type option struct{ level, name, want int }
	broadcast := option{unix.SOL_SOCKET, unix.SO_BROADCAST, 1}
	reuse := func(want int) option { return option{unix.SOL_SOCKET, unix.SO_REUSEADDR, want} }
	p := seg.Port
	want := map[string][]option{
		h.LocalAddr().String(): {
			broadcast, reuse(0),
			{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 1},
			{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1},
		},
		fmt.Sprintf("127.0.0.1:%d", p):       {broadcast, reuse(0)},
		fmt.Sprintf("127.0.0.1:%d", p+1):     {broadcast, reuse(0)},
		fmt.Sprintf("127.255.255.255:%d", p): {broadcast, reuse(1)},
	}
	sockets := map[string]*descriptor{h.LocalAddr().String(): h.out.(*mmsgWriter).socket}
	for _, s := range h.sockets {
		sockets[s.addr.String()] = s.in.(*mmsgInput).socket
	}
	if len(sockets) != len(want) {
		t.Errorf("%d sockets, want %d", len(sockets), len(want))
	}
	for addr, s := range sockets {
		opts, ok := want[addr]
		if !ok {
			t.Errorf("a socket on %s", addr)
		}
		for _, o := range opts {
			var got int
			var err error
			if cerr := s.control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), o.level, o.name) }); cerr != nil || err != nil {
				t.Fatal(cerr, err)
			}
			if got != o.want {
				t.Errorf("%s: option %d of level %d is %d, want %d", addr, o.name, o.level, got, o.want)
			}
		}
	}
	if h.LocalAddr().Addr() != seg.Daemons[0].Addr || slices.Contains([]uint16{0, p, p + 1}, h.LocalAddr().Port()) {
		t.Errorf("datagrams leave from %v", h.LocalAddr())
	}
}
