package transporttest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon/transport"
)

// DefaultMaxDelay is the default of [Network.MaxDelay].
const DefaultMaxDelay = 5 * time.Millisecond

// Network describes the network. The zero value is a good one.
type Network struct {
	// Seed is the seed of all random decisions.
	Seed uint64
	// Loss, Duplicate and Delay are the probabilities, from 0 to 1, that a datagram is lost,
	// duplicated or delayed.
	Loss, Duplicate, Delay float64
	// Burst is the number of consecutive datagrams that each loss affects. Zero means one. The
	// share of lost datagrams grows with it.
	Burst int
	// MaxDelay bounds a delay. Zero means [DefaultMaxDelay].
	MaxDelay time.Duration
}

// Fates counts datagrams by their fate.
type Fates struct {
	Arrived, Lost, Cut, Duplicated, Delayed int64
}

// Faults is a [transport.Filter]. It is safe for concurrent use.
type Faults struct {
	network Network

	mu    sync.Mutex
	links map[link]*state
	cut   map[netip.Addr]bool
	count Fates
}

// link is the source and the port of datagrams.
type link struct {
	from  netip.Addr
	token bool
}

type state struct {
	rnd  *rand.Rand
	lose int // datagrams of the current burst that are still to be lost
}

// New returns a filter. It panics if a probability is not between 0 and 1.
func New(o Network) *Faults {
	for _, p := range []float64{o.Loss, o.Duplicate, o.Delay} {
		if !(p >= 0 && p <= 1) {
			panic(fmt.Sprintf("transporttest: probability %v, want 0 to 1", p))
		}
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = DefaultMaxDelay
	}
	o.Burst = max(o.Burst, 1)
	return &Faults{network: o, links: make(map[link]*state), cut: make(map[netip.Addr]bool)}
}

// Cut loses all datagrams from these addresses from now on.
func (f *Faults) Cut(from ...netip.Addr) { f.set(true, from) }

// Heal undoes [Faults.Cut] for these addresses.
func (f *Faults) Heal(from ...netip.Addr) { f.set(false, from) }

func (f *Faults) set(cut bool, from []netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range from {
		f.cut[a.WithZone("")] = cut
	}
}

// Fates returns the counts so far.
func (f *Faults) Fates() Fates {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Arrived returns the fate of one datagram.
func (f *Faults) Arrived(from netip.Addr, token bool, _ []byte) transport.Fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count.Arrived++
	s := f.state(link{from, token})
	// All random numbers are drawn for each datagram, so that the fate of one does not change that
	// of the next.
	lost, twice, late, share := s.rnd.Float64(), s.rnd.Float64(), s.rnd.Float64(), s.rnd.Float64()
	if lost < f.network.Loss {
		s.lose = f.network.Burst
	}
	switch {
	case f.cut[from]:
		f.count.Cut++
		return transport.Fate{Drop: true}
	case s.lose > 0:
		s.lose--
		f.count.Lost++
		return transport.Fate{Drop: true}
	}
	var fate transport.Fate
	if twice < f.network.Duplicate {
		f.count.Duplicated++
		fate.Copies = 1
	}
	if late < f.network.Delay {
		f.count.Delayed++
		fate.Delay = time.Duration(share*float64(f.network.MaxDelay)) + 1
	}
	return fate
}

func (f *Faults) state(l link) *state {
	s := f.links[l]
	if s == nil {
		// The address is part of the seed, so that links differ.
		b := l.from.As16()
		seed := f.network.Seed
		for _, c := range b {
			seed = seed*0x9e3779b97f4a7c15 + uint64(c)
		}
		port := uint64(0)
		if l.token {
			port = 1
		}
		s = &state{rnd: rand.New(rand.NewPCG(seed, port))}
		f.links[l] = s
	}
	return s
}
