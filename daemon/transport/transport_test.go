package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// path is a way to send and receive.
type path string

const (
	batches  path = "batches"
	gso      path = "gso"
	portable path = "portable"
)

func (p path) set(c *Config) { c.portable, c.GSO = p == portable, p == gso }

// paths runs a conformance test on each path.
func paths(t *testing.T, f func(t *testing.T, p path)) {
	for _, p := range []path{batches, gso, portable} {
		t.Run(string(p), func(t *testing.T) { f(t, p) })
	}
}

// freePort returns a port that is free for data, as the next one is for tokens, on all loopback
// addresses until the test ends.
func freePort(t testing.TB) uint16 {
	t.Helper()
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}

// host is one daemon of a test.
type host struct {
	*Transport
	pool   *buf.Pool
	poller *poller.Poller
	id     wire.DaemonID
	addr   netip.Addr
}

// loopback makes daemons 1, 2 ... on 127.0.0.1, 127.0.0.2 ..., all in one segment, or each in its
// own.
func loopback(t testing.TB, n int, together bool, change func(*Config)) []*host {
	t.Helper()
	port := freePort(t)
	var segs []topology.Segment
	for i := range n {
		d := topology.Daemon{ID: wire.DaemonID(i + 1), Name: fmt.Sprintf("d%d", i+1), Addr: netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})}
		if together && i > 0 {
			segs[0].Daemons = append(segs[0].Daemons, d)
			continue
		}
		segs = append(segs, topology.Segment{Port: port, Daemons: []topology.Daemon{d}})
	}
	return open(t, segs, func(c *Config) {
		c.Interfaces = []Interface{{c.Topology.Daemon(c.Self).Addr, UseDaemon}}
		if change != nil {
			change(c)
		}
	})
}

// open opens all daemons of a configuration, and checks at the end that all blocks are released.
func open(t testing.TB, segs []topology.Segment, change func(*Config)) []*host {
	t.Helper()
	top, err := topology.New(segs)
	if err != nil {
		t.Fatal(err)
	}
	var hosts []*host
	for _, d := range top.Daemons() {
		pool := new(buf.Pool)
		// The default limit of Linux for everyone.
		cfg := Config{Topology: top, Self: d.ID, Pool: pool, Poller: newPoller(t), ReceiveBuffer: 208 << 10}
		change(&cfg)
		tr, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, &host{tr, pool, cfg.Poller, d.ID, d.Addr})
		t.Cleanup(func() {
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
			if n := pool.Out(); n != 0 {
				t.Errorf("daemon %d: %d blocks are lost", d.ID, n)
			}
		})
	}
	return hosts
}

// dgram is a datagram with a number in its head.
func dgram(to topology.Target, n int, body int) topology.Datagram {
	d := topology.Datagram{To: to, Body: bytes.Repeat([]byte{byte(n)}, body)}
	binary.LittleEndian.PutUint64(d.Head[:], uint64(n))
	d.Head[39] = 'h'
	return d
}

func number(b []byte) int { return int(binary.LittleEndian.Uint64(b)) }

// got is a datagram received, copied.
type got struct {
	n, size int
	from    netip.Addr
	token   bool
}

func newPoller(t testing.TB) *poller.Poller {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// next waits for a batch from any port. It returns nil after a while.
func (h *host) next() *Datagrams {
	for deadline := time.Now().Add(testkit.Patience); time.Now().Before(deadline); {
		h.poller.Wait(time.Until(deadline), h.HaveWork)
		data, tokens := h.Readable()
		if tokens {
			if b := h.PollTokens(); b != nil {
				return b
			}
		}
		if data {
			if b := h.PollData(); b != nil {
				return b
			}
		}
	}
	return nil
}

// collect takes batches until it has want datagrams.
func (h *host) collect(t testing.TB, want int) []got {
	t.Helper()
	var all []got
	for len(all) < want {
		b := h.next()
		if b == nil {
			t.Fatalf("daemon %d: %d of %d datagrams after %v; %+v", h.id, len(all), want, testkit.Patience, h.Stats())
		}
		all = h.note(t, all, b)
	}
	return all
}

func (h *host) note(t testing.TB, all []got, b *Datagrams) []got {
	t.Helper()
	if len(b.Items) == 0 {
		t.Error("a batch without items")
	}
	for _, it := range b.Items {
		d := it.Data.Bytes()
		all = append(all, got{number(d), len(d), it.From, b.Token})
		if len(d) < 40 || d[39] != 'h' {
			t.Errorf("datagram of %d bytes has the head %x", len(d), d[:min(40, len(d))])
			continue
		}
		if body := d[40:]; !bytes.Equal(body, bytes.Repeat([]byte{byte(number(d))}, len(body))) {
			t.Errorf("datagram %d has a body that is not its own", number(d))
		}
	}
	b.Done()
	return all
}

func TestUnicast(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 3, false, p.set)
		err := h[0].Send([]topology.Datagram{
			dgram(topology.ToDaemon(2), 1, 100),
			dgram(topology.ToTokenPort(2), 2, 0),
			dgram(topology.ToDaemon(3), 3, 0),
			dgram(topology.ToTokenPort(1), 4, 60), // a ring of one may send to itself
		})
		if err != nil {
			t.Fatal(err)
		}
		second := h[1].collect(t, 2)
		slices.SortFunc(second, func(a, b got) int { return a.n - b.n })
		from := netip.MustParseAddr("127.0.0.1")
		if want := []got{{1, 140, from, false}, {2, 40, from, true}}; !slices.Equal(second, want) {
			t.Errorf("daemon 2 received %v, want %v", second, want)
		}
		if third, want := h[2].collect(t, 1), []got{{3, 40, from, false}}; !slices.Equal(third, want) {
			t.Errorf("daemon 3 received %v, want %v", third, want)
		}
		if first, want := h[0].collect(t, 1), []got{{4, 100, from, true}}; !slices.Equal(first, want) {
			t.Errorf("daemon 1 received %v, want %v", first, want)
		}
		if st := h[0].Stats(); st.Sent != 4 || st.SentBytes != 140+40+40+100 || st.Tokens != 1 || st.ReceivedBytes != 100 {
			t.Errorf("daemon 1 counts %+v", st)
		}
		if st := h[1].Stats(); st.Packets != 1 || st.Tokens != 1 {
			t.Errorf("daemon 2 counts %+v", st)
		}
	})
}

func TestOrder(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 2, false, p.set)
		const rounds, per = 40, 150 // several system calls each
		go func() {
			for r := range rounds {
				for h[1].Stats().Packets < int64((r-1)*per) && t.Context().Err() == nil {
					time.Sleep(50 * time.Microsecond) //house:sleep polls the condition of the loop, or the kernel's buffer overflows
				}
				var list []topology.Datagram
				for i := range per {
					list = append(list, dgram(topology.ToDaemon(2), r*per+i, i%7*50))
				}
				if err := h[0].Send(list); err != nil {
					t.Error(err)
				}
			}
		}()
		// Polls and waits take turns.
		next := 0
		for next < rounds*per {
			b := h[1].PollData()
			if b == nil {
				if b = h[1].next(); b == nil {
					t.Fatalf("%d datagrams of %d; %+v", next, rounds*per, h[1].Stats())
				}
			}
			for _, g := range h[1].note(t, nil, b) {
				if g.n != next {
					t.Fatalf("datagram %d came where %d should", g.n, next)
				}
				next++
			}
		}
		if st := h[1].Stats(); st.Packets != rounds*per || st.Dropped != [NumDrops]int64{} {
			t.Errorf("counts %+v", st)
		}
	})
}

// One owner reads several sockets. The order of each is kept, whichever is polled first.
func TestOrderOfEachSocket(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have 127.0.0.1 only")
	}
	paths(t, func(t *testing.T, p path) {
		listed := addrs("127.0.0.1 127.0.0.5 127.0.0.6")
		h := loopback(t, 1, true, func(c *Config) {
			p.set(c)
			c.Interfaces = nil
			for _, a := range listed {
				c.Interfaces = append(c.Interfaces, Interface{Addr: a})
			}
		})[0]
		const total = 3000
		window := make(chan struct{}, 200)
		for i, a := range listed {
			c, err := listen(bind{addr: netip.AddrFrom4([4]byte{127, 0, 1, byte(i)})}, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			to := netip.AddrPortFrom(a, h.cfg.segment().Port)
			go func() {
				for n := range total {
					window <- struct{}{}
					d := dgram(topology.Target{}, n, n%100)
					if _, err := c.WriteToUDPAddrPort(d.Append(nil), to); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		next := map[netip.Addr]int{}
		for got := 0; got < total*len(listed); {
			b := h.PollData()
			if b == nil {
				if b = h.next(); b == nil {
					t.Fatalf("%d datagrams; %+v", got, h.Stats())
				}
			}
			for _, g := range h.note(t, nil, b) {
				if g.n != next[g.from] {
					t.Fatalf("datagram %d from %v came where %d should", g.n, g.from, next[g.from])
				}
				next[g.from]++
				got++
				<-window
			}
		}
	})
}

func TestLengths(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 2, false, p.set)
		err := h[0].Send([]topology.Datagram{
			dgram(topology.ToDaemon(2), 1, MaxPacket-40),
			dgram(topology.ToDaemon(2), 2, MaxPacket-40+1),
			dgram(topology.ToDaemon(2), 3, packetSlot-40),
			dgram(topology.ToDaemon(2), 4, packetSlot),
			dgram(topology.ToDaemon(2), 5, 9000),
			dgram(topology.ToDaemon(2), 6, 0),
		})
		if err != nil {
			t.Fatal(err)
		}
		from := netip.MustParseAddr("127.0.0.1")
		if g, want := h[1].collect(t, 2), []got{{1, MaxPacket, from, false}, {6, 40, from, false}}; !slices.Equal(g, want) {
			t.Errorf("received %v, want %v", g, want)
		}
		if n := h[1].Stats().Dropped[DropTooLong]; n != 4 {
			t.Errorf("%d packets counted as too long, want 4", n)
		}
		// Tokens up to the longest, and one that is too long for UDP.
		if err := h[0].Send([]topology.Datagram{
			dgram(topology.ToTokenPort(2), 7, MaxToken-40),
			dgram(topology.ToTokenPort(2), 8, MaxToken-40+1),
			dgram(topology.ToTokenPort(2), 9, 0),
		}); err != nil {
			t.Fatal(err)
		}
		if g, want := h[1].collect(t, 2), []got{{7, MaxToken, from, true}, {9, 40, from, true}}; !slices.Equal(g, want) {
			t.Errorf("received %v, want %v", g, want)
		}
		if n := h[0].Stats().SendFailed[SendTooLong]; n != 1 {
			t.Errorf("%d sends counted as too long, want 1", n)
		}
	})
}

// A retained datagram does not change while others arrive.
func TestRetain(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 2, false, p.set)
		const total = 500
		kept := map[int]buf.Slice{}
		for n := range total {
			if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), n, 1000)}); err != nil {
				t.Fatal(err)
			}
			b := h[1].next()
			for _, it := range b.Items {
				if d := it.Data.Bytes(); number(d)%5 == 0 {
					it.Data.Block.Retain()
					kept[number(d)] = it.Data
				}
			}
			b.Done()
		}
		if len(kept) != total/5 {
			t.Errorf("kept %d, want %d", len(kept), total/5)
		}
		for n, s := range kept {
			if d := s.Bytes(); number(d) != n || !bytes.Equal(d[40:], bytes.Repeat([]byte{byte(n)}, 1000)) {
				t.Errorf("datagram %d has changed", n)
			}
			s.Block.Release()
		}
		if out := h[1].pool.Out(); out > 6 {
			t.Errorf("%d blocks are out with nothing kept", out)
		}
	})
}

// When PollData returns nil, it has returned everything that had arrived.
func TestPollSeesTheSocket(t *testing.T) {
	h := loopback(t, 2, false, nil)
	if _, plain := h[1].sockets[0].in.(*plainInput); plain {
		t.Skip("this system has no way to ask a socket without waiting")
	}
	for n := range 2000 {
		// On the loopback a datagram is in the receiver's socket when the send returns.
		if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), n, 0), dgram(topology.ToTokenPort(2), n, 0)}); err != nil {
			t.Fatal(err)
		}
		for _, poll := range []func() *Datagrams{h[1].PollData, h[1].PollTokens} {
			b := poll()
			if b == nil {
				t.Fatalf("datagram %d is there and not seen", n)
			}
			if g := h[1].note(t, nil, b); len(g) != 1 || g[0].n != n {
				t.Fatalf("polled %v, want datagram %d", g, n)
			}
			if b := poll(); b != nil {
				t.Fatalf("datagram %d came twice: %v", n, h[1].note(t, nil, b))
			}
		}
	}
}

// A slow owner stops the readers, if any. What they have not read waits in the kernel.
func TestBackPressure(t *testing.T) {
	h := loopback(t, 2, false, portable.set)
	// The datagrams in flight fit into the smallest kernel buffer.
	const some = 100
	total := 0
	for stalled := false; !stalled; {
		stalled = h[1].Stats().Stalls > 0
		for range some {
			if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), total, 0)}); err != nil {
				t.Fatal(err)
			}
			total++
		}
		testkit.Wait(t, "the reader to read or to run out of batches", func() bool {
			st := h[1].Stats()
			return st.Packets == int64(total) || st.Stalls > 0
		})
	}
	if total > dataBatches*BatchItems+2*some {
		t.Errorf("the reader took %d datagrams", total)
	}
	for i, g := range h[1].collect(t, total) {
		if g.n != i {
			t.Fatalf("datagram %d came where %d should", g.n, i)
		}
	}
	if d := h[1].Stats().Dropped; d != [NumDrops]int64{} {
		t.Errorf("dropped %v", d)
	}
}

func TestKernelDrops(t *testing.T) {
	h := loopback(t, 2, false, func(c *Config) { c.ReceiveBuffer = 4096 })
	if h[1].Stats().ReceiveBuffer == 0 {
		t.Skip("this system does not tell")
	}
	var list []topology.Datagram
	for n := range 1000 {
		list = append(list, dgram(topology.ToDaemon(2), n, 1400))
	}
	for h[1].Stats().Dropped[DropKernel] == 0 {
		if err := h[0].Send(list); err != nil {
			t.Fatal(err)
		}
		for b := h[1].PollData(); b != nil; b = h[1].PollData() {
			b.Done()
		}
	}
	before := h[1].Stats().Dropped[DropKernel]
	if err := h[1].Close(); err != nil {
		t.Fatal(err)
	}
	if n := h[1].Stats().Dropped[DropKernel]; n < before {
		t.Errorf("%d drops after Close, %d before", n, before)
	}
}

func TestSendFailures(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		top, err := topology.New([]topology.Segment{
			{Port: freePort(t), Daemons: []topology.Daemon{{ID: 1, Name: "a", Addr: netip.MustParseAddr("127.0.0.1")}}},
			{Port: 0, Daemons: []topology.Daemon{{ID: 2, Name: "b", Addr: netip.MustParseAddr("127.0.0.2")}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg := Config{Topology: top, Self: 1, Pool: new(buf.Pool), Poller: newPoller(t)}
		p.set(&cfg)
		tr, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tr.Close() })
		h := []*host{{tr, cfg.Pool, cfg.Poller, 1, netip.MustParseAddr("127.0.0.1")}}
		err = h[0].Send([]topology.Datagram{
			dgram(topology.ToDaemon(1), 1, 0),
			dgram(topology.ToDaemon(2), 2, 0), // port 0 cannot be sent to
			dgram(topology.ToDaemon(9), 3, 0),
			dgram(topology.ToSegment(7), 4, 0),
			dgram(topology.ToDaemon(1), 5, 0),
		})
		if err != nil {
			t.Fatal(err)
		}
		if g := h[0].collect(t, 2); g[0].n != 1 || g[1].n != 5 {
			t.Errorf("received %v, want 1 and 5", g)
		}
		st := h[0].Stats()
		if st.Sent != 2 || st.SendFailed[SendNoTarget] != 2 || st.SendFailed[SendOther] != 1 {
			t.Errorf("counts %+v", st)
		}
		n := 0
		for to, failed := range h[0].Failed() {
			if n++; to.String() != "127.0.0.2:0" || failed != 1 {
				t.Errorf("%d datagrams failed to %v", failed, to)
			}
		}
		if n != 1 {
			t.Errorf("%d destinations failed, want 1", n)
		}
	})
}

func TestSendTo(t *testing.T) {
	h := loopback(t, 1, true, nil)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := h[0].SendTo(addrPort(c), []byte("status")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if err := c.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != "status" || from != h[0].LocalAddr() || from.Addr() != h[0].addr {
		t.Errorf("read %q from %v: %v", b[:n], from, err)
	}
}

func TestClose(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 2, false, p.set)
		if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), 1, 0), dgram(topology.ToDaemon(2), 2, 0)}); err != nil {
			t.Fatal(err)
		}
		held := h[1].next()
		if err := errors.Join(h[0].Close(), h[1].Close(), h[1].Close()); err != nil {
			t.Fatal(err)
		}
		if number(held.Items[0].Data.Bytes()) != 1 {
			t.Error("a batch did not outlive its transport")
		}
		held.Done()
		if b := h[1].PollData(); b != nil {
			t.Error("a closed transport has data")
		}
		if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(2), 3, 0)}); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v, want %v", err, ErrClosed)
		}
		if err := h[0].SendTo(netip.MustParseAddrPort("127.0.0.1:9"), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("SendTo after Close: %v, want %v", err, ErrClosed)
		}
	})
}
