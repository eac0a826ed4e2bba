package transport

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/topology"
)

// script gives datagrams a fate by their number.
type script struct {
	fates map[int]Fate

	mu   sync.Mutex
	seen []got
}

func (s *script) Arrived(from netip.Addr, token bool, d []byte) Fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, got{number(d), len(d), from, token})
	return s.fates[number(d)]
}

func TestFilter(t *testing.T) {
	paths(t, func(t *testing.T, p path) {
		s := &script{fates: map[int]Fate{
			2: {Drop: true},
			3: {Copies: 2},
			4: {Delay: time.Millisecond},
			5: {Delay: time.Millisecond, Copies: 1},
			6: {Copies: BatchItems + 5}, // more than a batch has room for
		}}
		h := loopback(t, 2, false, func(c *Config) {
			p.set(c)
			if c.Self == 2 {
				c.Filter = s
			}
		})
		var list []topology.Datagram
		for n := 1; n <= 7; n++ {
			list = append(list, dgram(topology.ToDaemon(2), n, n))
		}
		list = append(list, dgram(topology.ToTokenPort(2), 2, 0), dgram(topology.ToTokenPort(2), 8, 0))
		if err := h[0].Send(list); err != nil {
			t.Fatal(err)
		}
		count := map[int]int{}
		for _, g := range h[1].collect(t, 1+3+1+2+BatchItems+6+1+1) {
			count[g.n]++
		}
		for n, want := range map[int]int{1: 1, 2: 0, 3: 3, 4: 1, 5: 2, 6: BatchItems + 6, 7: 1, 8: 1} {
			if count[n] != want {
				t.Errorf("datagram %d came %d times, want %d", n, count[n], want)
			}
		}
		if n := h[1].Stats().Dropped[DropFilter]; n != 2 {
			t.Errorf("%d drops counted, want 2", n)
		}
		if !slices.ContainsFunc(s.seen, func(g got) bool { return g.n == 8 && g.token && g.from == h[0].addr }) {
			t.Errorf("the filter has seen %v", s.seen)
		}
	})
}

// Datagrams that are delayed beyond Close do not delay Close, and their blocks are released.
func TestCloseWithDelayed(t *testing.T) {
	s := &script{fates: map[int]Fate{1: {Delay: time.Hour}}}
	h := loopback(t, 1, false, func(c *Config) { c.Filter = s })
	if err := h[0].Send([]topology.Datagram{dgram(topology.ToDaemon(1), 1, 0), dgram(topology.ToDaemon(1), 2, 0)}); err != nil {
		t.Fatal(err)
	}
	if g := h[0].collect(t, 1); g[0].n != 2 {
		t.Errorf("received %v, want datagram 2", g)
	}
	if err := h[0].Close(); err != nil {
		t.Fatal(err)
	}
}
