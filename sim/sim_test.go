package sim

import (
	"context"
	"flag"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone, with its timeline in the log")
	firstFlag = flag.Uint64("first", 1, "the first seed")
	seedsFlag = flag.Uint64("seeds", fewerUnderRace(1000, 60), "how many seeds")
)

// fewerUnderRace is how many runs a test makes, and how many under the race detector, which finds
// nothing in a run with one goroutine.
func fewerUnderRace(runs, under uint64) uint64 {
	if testkit.Race {
		return under
	}
	return runs
}

// rarest are met a few times in a thousand runs or less, so a change elsewhere can make this series
// miss them. The soak command requires them in 20,000 seeds.
var rarest = []Situation{HolesBeyond, RecoveryTurns, ExchangeSaved, StateInParts, AskedOldRings}

// TestSeeds runs rings from many seeds. It prints a failing seed with what led to the failure;
// -seed prints all of it.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		r := Replay(*seedFlag)
		t.Logf("%v\n%s", r.Options, strings.Join(r.Timeline, "\n"))
		for _, v := range r.Violations {
			t.Error(v)
		}
		return
	}
	var failed []uint64
	var rare Rare
	events, delivered := 0, 0
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	Series(ctx, *firstFlag, *seedsFlag, runtime.GOMAXPROCS(0), func(r Result) {
		rare.Add(&r.Rare)
		events += r.Events
		delivered += r.Delivered
		if len(r.Violations) > 0 {
			failed = append(failed, r.Options.Seed)
			if len(failed) == 3 {
				stop()
			}
		}
	})
	slices.Sort(failed)
	for _, seed := range failed {
		r := Replay(seed)
		t.Error(r.Story(120))
	}
	t.Logf("%d events, %d messages delivered, and these situations:\n%v", events, delivered, &rare)
	missing := slices.DeleteFunc(rare.Missing(), func(s Situation) bool { return slices.Contains(rarest, s) })
	if len(failed) == 0 && *seedsFlag >= 1000 && len(missing) > 0 {
		t.Errorf("in %d seeds there was never: %v", *seedsFlag, missing)
	}
}

// TestReplay: a seed determines the whole run, so two runs have the same timeline to the byte.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		a, b := Replay(seed), Replay(seed)
		if !slices.Equal(a.Timeline, b.Timeline) {
			t.Errorf("seed %d does not replay", seed)
		}
		if c := Run(seed); c.Events != a.Events || c.Time != a.Time || c.Rare != a.Rare {
			t.Errorf("seed %d: the timeline changes the run", seed)
		}
	}
}
