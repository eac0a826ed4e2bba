package sim

import (
	"testing"
	"time"
)

// TestLockstep: A cannot reach B, so a ring that A forms fails, while one that B forms without A
// would do. If all daemons start at the same moment with equal timers, A is first again and again,
// and nobody is ever served. A spread of some per cent ends that.
func TestLockstep(t *testing.T) {
	const patience = 60 * time.Second
	served := func(seed uint64, lockstep bool) time.Duration {
		o := Options{
			Seed: seed, Lockstep: lockstep, Layout: []int{4}, Addresses: 1, TimeScale: 1, Groups: 1, MaxSize: 40,
			Latency: 100 * time.Microsecond, SocketPackets: 1000, Cost: 2 * time.Microsecond, Batch: 1, SlowBound: 100,
		}
		w := newWorld(o, nil, nil)
		w.calm = true
		w.links[0][1].cuts = 1
		for _, h := range w.hosts {
			h.start()
		}
		from := w.now
		w.until(from.Add(patience), func() bool {
			for _, h := range w.hosts {
				if !h.operational() {
					return false
				}
			}
			return true
		})
		if len(w.found) > 0 {
			t.Fatal(w.found)
		}
		return w.now.Sub(from)
	}
	if d := served(1, true); d < patience {
		t.Fatalf("in lockstep all are served after %v: this tests nothing any more", d)
	}
	var sum, worst time.Duration
	const seeds = 100
	for seed := uint64(1); seed <= seeds; seed++ {
		d := served(seed, false)
		sum, worst = sum+d, max(worst, d)
		if d >= patience {
			t.Errorf("seed %d: not all are served after %v", seed, d)
		}
	}
	t.Logf("all served after %v on average, %v at most", sum/seeds, worst)
}
