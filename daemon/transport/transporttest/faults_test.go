package transporttest

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/transport"
)

func fates(f *Faults, from string, token bool, n int) []transport.Fate {
	var all []transport.Fate
	for range n {
		all = append(all, f.Arrived(netip.MustParseAddr(from), token, nil))
	}
	return all
}

func TestSeed(t *testing.T) {
	o := Network{Seed: 3, Loss: 0.1, Duplicate: 0.1, Delay: 0.1}
	a, b := New(o), New(o)
	fates(b, "10.0.0.2", false, 17) // which must not matter
	one, two := fates(a, "10.0.0.1", false, 200), fates(b, "10.0.0.1", false, 200)
	if !slices.Equal(one, two) {
		t.Error("one seed gives two fates")
	}
	if slices.Equal(one, fates(a, "10.0.0.1", true, 200)) || slices.Equal(one, fates(a, "10.0.0.3", false, 200)) {
		t.Error("two links meet the same fates")
	}
	o.Seed++
	if slices.Equal(one, fates(New(o), "10.0.0.1", false, 200)) {
		t.Error("two seeds give the same fates")
	}
}

func TestShares(t *testing.T) {
	const n = 20000
	f := New(Network{Seed: 1, Loss: 0.2, Duplicate: 0.3, Delay: 0.4, MaxDelay: time.Second})
	var longest time.Duration
	for _, fate := range fates(f, "::1", true, n) {
		longest = max(longest, fate.Delay)
	}
	c := f.Fates()
	for _, tt := range []struct {
		what string
		got  int64
		want float64
	}{
		{"arrived", c.Arrived, 1},
		{"lost", c.Lost, 0.2},
		{"duplicated", c.Duplicated, 0.8 * 0.3},
		{"delayed", c.Delayed, 0.8 * 0.4},
		{"cut", c.Cut, 0},
	} {
		if got := float64(tt.got) / n; math.Abs(got-tt.want) > 0.02 {
			t.Errorf("share %s is %v, want %v", tt.what, got, tt.want)
		}
	}
	if longest > time.Second || longest < 900*time.Millisecond {
		t.Errorf("longest delay is %v, want about a second", longest)
	}
}

func TestBurst(t *testing.T) {
	f := New(Network{Seed: 2, Loss: 0.01, Burst: 5})
	run, runs := 0, 0
	for _, fate := range fates(f, "10.0.0.1", false, 20000) {
		switch {
		case fate.Drop:
			run++
		case run > 0:
			if run < 5 {
				t.Fatalf("a burst of %d, want at least 5", run)
			}
			run = 0
			runs++
		}
	}
	if runs < 100 {
		t.Errorf("%d bursts, want about 200", runs)
	}
}

func TestCut(t *testing.T) {
	f := New(Network{})
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	f.Cut(a)
	if !f.Arrived(a, false, nil).Drop || !f.Arrived(a, true, nil).Drop || f.Arrived(b, false, nil) != (transport.Fate{}) {
		t.Error("a cut link is not cut, or another is")
	}
	f.Heal(a)
	if f.Arrived(a, false, nil).Drop {
		t.Error("a healed link is cut")
	}
	if c := f.Fates(); c.Cut != 2 || c.Arrived != 4 {
		t.Errorf("counts %+v", c)
	}
}

func TestShareChecked(t *testing.T) {
	for _, o := range []Network{{Loss: 1.5}, {Delay: -1}, {Duplicate: math.NaN()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%+v) did not panic", o)
				}
			}()
			New(o)
		}()
	}
}
