package sim

import (
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"runtime"
	"time"
)

var seeds = flag.Uint64("seeds", 300, "")
var first = flag.Uint64("first", 1, "")

func TestSeeds(t *testing.T) {
	var next atomic.Uint64
	next.Store(*first-1)
	var mu sync.Mutex
	var rare Rare
	var wg sync.WaitGroup
	ev, del := 0, 0
	fails := 0
	var slow time.Duration; var slowSeed uint64
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				s := next.Add(1)
				if s >= *first+*seeds { return }
				t0 := time.Now()
				r := Run(s)
				d := time.Since(t0)
				mu.Lock()
				if d > slow { slow, slowSeed = d, s }
				rare.Add(&r.Rare); ev += r.Events; del += r.Delivered
				if len(r.Violations) > 0 {
					fails++
					if fails < 30 {
					t.Errorf("%v", r.Options)
					for i, v := range r.Violations { if i < 3 { t.Errorf("   %v", v) } }
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%v: events %d delivered %d fails %d slowest %v %d\n%v", time.Since(start), ev, del, fails, slow, slowSeed, rare.String())
}

var one = flag.Uint64("one", 0, "")

func TestReplayOne(t *testing.T) {
	if *one == 0 { t.Skip() }
	r := Replay(*one)
	for _, l := range r.Timeline { if !Idle(l) { println(l) } }
	println(r.Options.String())
	for _, v := range r.Violations { println(v.String()) }
}
