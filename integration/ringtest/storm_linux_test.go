package ringtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/netns"
)

var (
	stormSeed  = flag.Uint64("seed", 1, "seed of TestStorms")
	stormSteps = flag.Int("steps", 12, "steps of each storm of TestStorms")
)

// TestStorms injects faults without waiting for their effects, so the next fault happens while
// daemons still form a ring after the last one. Then all faults are removed, and all daemons must
// merge.
func TestStorms(t *testing.T) {
	netns.Require(t)
	t.Parallel()
	binary := buildDaemon(t)
	for i, s := range []setting{
		{networks: []int{3}, accelerated: true, faults: faults{Loss: 0.02}},
		{networks: []int{5}, faults: faults{Seed: 3, Loss: 0.01, Duplicate: 0.05, Delay: 0.2, MaxDelay: 10 * time.Millisecond}},
		{networks: []int{3, 2}, faults: faults{Loss: 0.02}},
		{networks: []int{4}, way: unicast},
	} {
		seed := *stormSeed + uint64(i)
		t.Run(fmt.Sprintf("hosts %v, seed %d", s.networks, seed), func(t *testing.T) {
			t.Parallel()
			r := newRing(t, binary, s)
			r.storm(rand.New(rand.NewPCG(seed, 0)), *stormSteps)
			r.finish()
		})
	}
}

// storm injects that many faults, and waits until the ring has recovered.
func (r *ring) storm(rnd *rand.Rand, steps int) {
	r.t.Helper()
	var cut, deaf, dead, still, alone []int // alone: daemons without a client
	routed := true
	pick := func(from []int) (number int, ok bool) {
		if len(from) == 0 {
			return 0, false
		}
		return from[rnd.IntN(len(from))], true
	}
	drop := func(from []int, number int) []int {
		return slices.DeleteFunc(from, func(n int) bool { return n == number })
	}
	for range steps {
		switch rnd.IntN(9) {
		case 0, 1:
			if i, ok := pick(r.without(cut...)); ok {
				r.isolate(i)
				cut = append(cut, i)
				r.t.Logf("host %d cut off", i)
			}
		case 2, 3:
			r.heal(cut...)
			r.t.Logf("hosts %v healed", cut)
			cut = nil
		case 4:
			if i, ok := pick(r.without(slices.Concat(dead, alone)...)); ok {
				r.crash(i)
				dead, still = append(dead, i), drop(still, i)
				r.t.Logf("host %d dead", i)
			}
		case 5:
			if i, ok := pick(dead); ok {
				r.daemons[i-1] = r.start(r.hosts[i-1])
				dead, alone = drop(dead, i), append(alone, i)
				r.t.Logf("host %d starts", i)
			}
		case 6:
			if i, ok := pick(deaf); ok {
				r.deafen(i, false)
				deaf = drop(deaf, i)
				r.t.Logf("host %d hears again", i)
			} else if i, ok := pick(r.all()); ok {
				r.deafen(i, true)
				deaf = append(deaf, i)
				r.t.Logf("host %d deaf", i)
			}
		case 7:
			routed = !routed
			r.route(routed)
			r.t.Logf("router works: %v", routed)
		case 8:
			if i, ok := pick(still); ok {
				r.pause(i, false)
				still = drop(still, i)
				r.t.Logf("host %d goes on", i)
			} else if i, ok := pick(r.without(dead...)); ok {
				r.pause(i, true)
				still = append(still, i)
				r.t.Logf("host %d stands still", i)
			}
		}
		time.Sleep(time.Duration(rnd.IntN(900)) * time.Millisecond) //house:sleep faults do not wait for anything
	}
	r.heal(cut...)
	r.route(true)
	for _, i := range deaf {
		r.deafen(i, false)
	}
	for _, i := range still {
		r.pause(i, false)
	}
	for _, i := range dead {
		r.daemons[i-1] = r.start(r.hosts[i-1])
	}
	for _, i := range slices.Concat(dead, alone) {
		r.connect(i)
	}
	r.t.Logf("calm")
	r.together("after the storm", r.all()...)
}
