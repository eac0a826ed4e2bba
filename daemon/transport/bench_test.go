package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/ipv4"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/topology"
	"github.com/spreadd/spreadd/wire"
)

// Neither sending nor receiving allocates once it runs.
func TestAllocs(t *testing.T) {
	if underRace {
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
				var b *Batch
				select {
				case b = <-h[1].Data():
				case b = <-h[1].Tokens():
				}
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

// benchSend sends to a socket that is full, so that the receiver costs little.
func benchSend(b *testing.B, p path, batch int) {
	h := loopback(b, 2, false, p.set)
	addr := net.UDPAddrFromAddrPort(addrPort(h[1].sockets[0].conn))
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
	for _, p := range []path{batches, segments, portable} {
		for _, list := range []int{1, 20, 64} {
			b.Run(fmt.Sprintf("path=%s/list=%d", p, list), func(b *testing.B) { benchSend(b, p, list) })
		}
	}
}

// BenchmarkReceive is a round of full packets: sent with the timer stopped, then read by
// the one goroutine that there is, so that the ways to read are compared and nothing else.
func BenchmarkReceive(b *testing.B) {
	const round = 160
	const xnet path = "xnet"
	for _, path := range []path{batches, portable, xnet} {
		b.Run("path="+string(path), func(b *testing.B) {
			s := unread(b, path)
			take := func() int {
				if path == portable {
					if err := s.in.wait(); err != nil {
						b.Fatal(err)
					}
				}
				bt := s.in.poll()
				n := len(bt.Items)
				bt.Done()
				return n
			}
			if path == xnet {
				take = xnetReader(b, s.conn)
			}
			from, err := listen(bind{addr: addrPort(s.conn).Addr()}, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = from.Close() })
			packet := make([]byte, MaxPacket)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for range round {
					if _, err := from.WriteToUDPAddrPort(packet, addrPort(s.conn)); err != nil {
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

// unread is a data socket without its reader.
func unread(b *testing.B, p path) *socket {
	b.Helper()
	conn, err := listen(bind{addr: netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := setReceiveBuffer(conn, DefaultReceiveBuffer, 0); err != nil {
		b.Fatal(err)
	}
	t := &Transport{cfg: Config{Pool: new(buf.Pool)}, done: make(chan struct{})}
	s := &socket{t: t, conn: conn, queue: newQueue(dataBatches, false)}
	if p == portable {
		s.in = newPlainInput(s)
	} else if s.in, err = newInput(s); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		s.in.close()
	})
	return s
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

// BenchmarkThrough is datagrams from Send to an owner that reads as they come.
func BenchmarkThrough(b *testing.B) {
	const per = 20
	for _, p := range []path{batches, segments, portable} {
		b.Run("path="+string(p), func(b *testing.B) {
			h := loopback(b, 2, false, p.set)
			var list []topology.Datagram
			for i := range per {
				list = append(list, dgram(topology.ToDaemon(2), i, 1432))
			}
			window := make(chan struct{}, 5) // keeps below what the kernel holds
			stop := make(chan struct{})
			var owner sync.WaitGroup
			owner.Go(func() {
				n := 0
				for {
					select {
					case bt := <-h[1].Data():
						n += len(bt.Items)
						bt.Done()
						for ; n >= per; n -= per {
							<-window
						}
					case <-stop:
						return
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
			close(stop)
			owner.Wait()
			if st := h[1].Stats(); st.Packets > 0 {
				b.ReportMetric(float64(st.Packets)/float64(st.ReceiveCalls), "datagrams/call")
			}
		})
	}
}

// turns are how many rotations one operation of BenchmarkRotation has, so that the test's own
// wake-up does not count.
const turns = 200

// BenchmarkRotation is a token that goes round between two daemons. Each rotation wakes
// each of them once; what the ways differ in is who is woken:
//
//	owner    the reader by the kernel, and the owner by it, as in the daemon
//	noPoll   the same, with owners that do not ask for data before they take a token
//	notify   the reader, which does the owner's work under a lock ([Config.Notify])
//	raw      a goroutine that reads and writes a plain socket: the floor
func BenchmarkRotation(b *testing.B) {
	list := func(to wire.DaemonID) []topology.Datagram {
		return []topology.Datagram{dgram(topology.ToTokenPort(to), 1, 0)}
	}
	run := func(b *testing.B, start func(), done <-chan struct{}) {
		for b.Loop() {
			start()
			<-done
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*turns), "ns/rotation")
	}
	for _, poll := range []bool{true, false} {
		b.Run(map[bool]string{true: "owner", false: "noPoll"}[poll], func(b *testing.B) {
			h := loopback(b, 2, false, nil)
			begin, done, stop := make(chan struct{}), make(chan struct{}), make(chan struct{})
			var owners sync.WaitGroup
			for i := range h {
				owners.Go(func() {
					next := list(wire.DaemonID(2 - i))
					var first chan struct{} // where the token is made
					if i == 0 {
						first = begin
					}
					for left := turns; ; {
						select {
						case bt := <-h[i].Data():
							bt.Done()
							continue
						case <-first:
							left = turns + 1
						case bt := <-h[i].Tokens():
							for poll {
								d := h[i].PollData()
								if d == nil {
									break
								}
								d.Done()
							}
							bt.Done()
						case <-stop:
							return
						}
						if left--; i == 0 && left == 0 {
							done <- struct{}{}
							continue
						}
						_ = h[i].Send(next)
					}
				})
			}
			run(b, func() { begin <- struct{}{} }, done)
			close(stop)
			owners.Wait()
		})
	}
	b.Run("notify", func(b *testing.B) {
		done, ready := make(chan struct{}, 1), make(chan struct{})
		var mu [2]sync.Mutex
		var h []*host
		left := 0
		h = loopback(b, 2, false, func(c *Config) {
			i, next := int(c.Self-1), list(3-c.Self)
			c.Notify = func() {
				<-ready
				mu[i].Lock()
				defer mu[i].Unlock()
				for d := h[i].PollData(); d != nil; d = h[i].PollData() {
					d.Done()
				}
				bt := h[i].PollTokens()
				if bt == nil {
					return
				}
				bt.Done()
				if i == 0 {
					left--
				}
				if i == 0 && left == 0 {
					done <- struct{}{}
					return
				}
				_ = h[i].Send(next)
			}
		})
		close(ready)
		run(b, func() {
			mu[0].Lock()
			defer mu[0].Unlock()
			left = turns
			_ = h[0].Send(list(2))
		}, done)
	})
	b.Run("raw", func(b *testing.B) {
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

// BenchmarkBlocks is what it costs to have slots, by how many share a block.
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
