package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/ipv4"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Once the transport runs, neither sending nor receiving allocates.
func TestAllocs(t *testing.T) {
	if testkit.Race { // pools drop objects at random
		t.Skip("the race detector allocates")
	}
	paths(t, func(t *testing.T, p path) {
		h := loopback(t, 2, false, p.set)
		const n = 100
		var list []topology.Datagram
		for i := range n {
			list = append(list, dgram(topology.ToDaemon(2), i, 1000))
		}
		list = append(list, dgram(topology.ToTokenPort(2), n, 2000))
		run := func() {
			if err := h[0].Send(list); err != nil {
				t.Fatal(err)
			}
			for left := n + 1; left > 0; {
				b := h[1].next()
				left -= len(b.Items)
				b.Done()
				if b = h[1].PollData(); b != nil {
					left -= len(b.Items)
					b.Done()
				}
			}
		}
		run()
		if allocs := testing.AllocsPerRun(200, run); allocs >= 1 {
			t.Errorf("%v allocations for %d datagrams", allocs, n+1)
		}
	})
}

// benchSend sends to a socket whose buffer is full, so that the receiver costs little.
func benchSend(b *testing.B, p path, batch int) {
	h := loopback(b, 2, false, p.set)
	addr := net.UDPAddrFromAddrPort(h[1].sockets[0].addr)
	if err := h[1].Close(); err != nil {
		b.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadBuffer(1); err != nil {
		b.Fatal(err)
	}
	var list []topology.Datagram
	for i := range batch {
		list = append(list, dgram(topology.ToDaemon(2), i, 1432))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := h[0].Send(list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/datagram")
}

func BenchmarkSend(b *testing.B) {
	for _, p := range []path{batches, gso, portable} {
		for _, list := range []int{1, 20, 64} {
			b.Run(fmt.Sprintf("path=%s/list=%d", p, list), func(b *testing.B) { benchSend(b, p, list) })
		}
	}
}

// BenchmarkReceive reads a round of full packets. They are sent with the timer stopped and read by
// the only goroutine, so that the benchmark compares nothing but the ways to read.
func BenchmarkReceive(b *testing.B) {
	const round = 160
	const xnet path = "xnet"
	for _, path := range []path{batches, portable, xnet} {
		b.Run("path="+string(path), func(b *testing.B) {
			s, conn := unread(b, path)
			take := func() int {
				if path == portable {
					if err := s.in.(*plainInput).wait(); err != nil {
						b.Fatal(err)
					}
				}
				bt := s.in.poll()
				n := len(bt.Items)
				bt.Done()
				return n
			}
			if path == xnet {
				take = xnetReader(b, conn)
			}
			from, err := listen(bind{addr: s.addr.Addr()}, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = from.Close() })
			packet := make([]byte, MaxPacket)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for range round {
					if _, err := from.WriteToUDPAddrPort(packet, s.addr); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				for left := round; left > 0; {
					left -= take()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*round), "ns/datagram")
		})
	}
}

// unread is a data socket without a reader. Ways other than batches read its connection.
func unread(b *testing.B, p path) (*socket, *net.UDPConn) {
	b.Helper()
	conn, err := listen(bind{addr: netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := setReceiveBuffer(conn, DefaultReceiveBuffer, 0); err != nil {
		b.Fatal(err)
	}
	t := &Transport{cfg: Config{Pool: new(buf.Pool), Poller: newPoller(b)}, done: make(chan struct{})}
	s := &socket{t: t, addr: addrPort(conn), queue: newQueue(dataBatches, false)}
	if p != batches {
		s.in = newPlainInput(s, conn)
	} else if s.in, err = newInput(s, conn); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = s.in.stop()
		s.in.close()
	})
	return s, conn
}

// xnetReader reads a socket with ReadBatch.
func xnetReader(b *testing.B, c *net.UDPConn) func() int {
	b.Helper()
	p := ipv4.NewPacketConn(c)
	ms := make([]ipv4.Message, BatchItems)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, packetSlot)}
	}
	return func() int {
		n, err := p.ReadBatch(ms, 0)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
}

// BenchmarkThrough measures datagrams from Send to an owner that reads them as they arrive.
func BenchmarkThrough(b *testing.B) {
	const per = 20
	for _, p := range []path{batches, gso, portable} {
		b.Run("path="+string(p), func(b *testing.B) {
			h := loopback(b, 2, false, p.set)
			var list []topology.Datagram
			for i := range per {
				list = append(list, dgram(topology.ToDaemon(2), i, 1432))
			}
			window := make(chan struct{}, 5) // fewer than fill the kernel's buffer
			var stop atomic.Bool
			var owner sync.WaitGroup
			owner.Go(func() {
				n := 0
				for !stop.Load() {
					h[1].poller.Wait(poller.Forever, func() bool { return stop.Load() || h[1].HaveWork() })
					for bt := h[1].PollData(); bt != nil; bt = h[1].PollData() {
						n += len(bt.Items)
						bt.Done()
						for ; n >= per; n -= per {
							<-window
						}
					}
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				window <- struct{}{}
				if err := h[0].Send(list); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*per), "ns/datagram")
			stop.Store(true)
			h[1].poller.Wake()
			owner.Wait()
			if st := h[1].Stats(); st.Packets > 0 {
				b.ReportMetric(float64(st.Packets)/float64(st.ReceiveCalls), "datagrams/call")
			}
		})
	}
}

// turns is the number of rotations in one operation of BenchmarkRotation, so that the test's own
// wake-up does not count.
const turns = 200

// BenchmarkRotation measures a token that rotates between two daemons. Each rotation wakes each of
// them once. The ways differ in who is woken:
//
//	path=batches    the owner, by the kernel
//	path=portable   the reader by the kernel, and the owner by it
//	path=raw        a goroutine that reads and writes a plain socket
func BenchmarkRotation(b *testing.B) {
	run := func(b *testing.B, start func(), done <-chan struct{}) {
		for b.Loop() {
			start()
			<-done
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*turns), "ns/rotation")
	}
	for _, p := range []path{batches, portable} {
		b.Run("path="+string(p), func(b *testing.B) {
			h := loopback(b, 2, false, p.set)
			var stop, begin atomic.Bool
			done := make(chan struct{}, 1)
			var owners sync.WaitGroup
			for i := range h {
				owners.Go(func() {
					next := []topology.Datagram{dgram(topology.ToTokenPort(wire.DaemonID(2-i)), 1, 0)}
					left := 0
					for !stop.Load() {
						h[i].poller.Wait(poller.Forever, func() bool { return stop.Load() || begin.Load() && i == 0 || h[i].HaveWork() })
						if i == 0 && begin.CompareAndSwap(true, false) { // The token is made here.
							left = turns
							_ = h[i].Send(next)
						}
						bt := h[i].PollTokens()
						if bt == nil {
							continue
						}
						for d := h[i].PollData(); d != nil; d = h[i].PollData() {
							d.Done()
						}
						bt.Done()
						if left--; i == 0 && left == 0 {
							done <- struct{}{}
							continue
						}
						_ = h[i].Send(next)
					}
				})
			}
			run(b, func() { begin.Store(true); h[0].poller.Wake() }, done)
			stop.Store(true)
			for _, h := range h {
				h.poller.Wake()
			}
			owners.Wait()
		})
	}
	b.Run("path=raw", func(b *testing.B) {
		var c [2]*net.UDPConn
		for i := range c {
			var err error
			if c[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
				b.Fatal(err)
			}
		}
		done := make(chan struct{}, 1)
		var ends sync.WaitGroup
		for i := range c {
			to := addrPort(c[1-i])
			ends.Go(func() {
				p := make([]byte, packetSlot)
				for left := turns; ; {
					n, _, err := c[i].ReadFromUDPAddrPort(p)
					if err != nil {
						return
					}
					if left--; i == 0 && left == 0 {
						left = turns
						done <- struct{}{}
						continue
					}
					_, _ = c[i].WriteToUDPAddrPort(p[:n], to)
				}
			})
		}
		run(b, func() { _, _ = c[0].WriteToUDPAddrPort(make([]byte, 40), addrPort(c[1])) }, done)
		_, _ = c[0].Close(), c[1].Close()
		ends.Wait()
	})
}

// BenchmarkBlocks measures the cost of slots, by the number that share a block.
func BenchmarkBlocks(b *testing.B) {
	for _, tt := range []struct {
		name      string
		slot, per int
	}{
		{"own", buf.Small, 1}, // each its own 4 KiB
		{"two", 2048, 2},
		{"42", packetSlot, packetsPerBlock},
	} {
		for _, read := range []int{1, 32} {
			b.Run(fmt.Sprintf("block=%s/read=%d", tt.name, read), func(b *testing.B) {
				var pool buf.Pool
				q := newQueue(1, false)
				s := newSlab(&pool, tt.slot, tt.per)
				n := 0
				b.ReportAllocs()
				for b.Loop() {
					for left := read; left > 0; {
						bt := <-q.free
						k := min(left, tt.per)
						_ = s.at(k - 1)
						s.give(k, bt)
						bt.Done()
						left -= k
						n += k
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/datagram")
				s.release()
			})
		}
	}
}
