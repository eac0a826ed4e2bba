package crashfs

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
)

// Flags of each test that explores.
var (
	cutsFlag = flag.Int("cuts", 0, "power cuts per step of a run that is explored (default: as the test says)")
	seedFlag = flag.Uint64("cut-seed", 1, "seed of the power cuts")
)

// Work is one run of what is explored. Its functions share what was promised so far.
type Work struct {
	// Run works on a disk. When the disk crashes, a panic ends it.
	Run func(d *Disk)
	// Check starts again on what a crash has left, and returns what is missing or wrong. power means
	// that there was a power cut, and not only a kill. It is called several times, on different disks,
	// and may itself be ended by a crash.
	Check func(d *Disk, power bool) error
}

// crash is the panic that ends Run.
type crash struct{}

// Explore crashes a run at each of its steps, by a kill and by several power cuts, and checks what is
// left. Half of the restarts crash again. start begins a run; runs must not differ.
func Explore(t *testing.T, cuts int, start func() Work) {
	t.Helper()
	if *cutsFlag > 0 {
		cuts = *cutsFlag
	} else if testing.Short() || testkit.Race {
		cuts = min(cuts, 2)
	}
	x := &explorer{start: start, rng: rand.New(rand.NewPCG(*seedFlag, 0)), failed: func(story string) { t.Fatal(story) }}
	steps := x.explore(cuts)
	t.Logf("%d steps, %d restarts after a kill, %d after a power cut, %d of all crashed again", steps, x.kills, x.cuts, x.again)
}

// explore returns the number of steps.
func (x *explorer) explore(cuts int) (steps int) {
	_, d := x.run(0)
	steps = d.Steps()
	for step := range steps + 1 {
		w, d := x.run(step + 1)
		x.check(w, d, nil, false)
		for range cuts {
			x.check(w, d, d.Cut(x.rng), true)
		}
	}
	return steps
}

type explorer struct {
	start  func() Work
	rng    *rand.Rand
	failed func(story string)

	kills, cuts, again int
}

// run runs until a step, or to the end.
func (x *explorer) run(step int) (Work, *Disk) {
	w, d := x.start(), New()
	d.OnCrash = func() { panic(crash{}) }
	if step > 0 {
		d.CrashAt(step, x.rng.Uint64())
	}
	untilCrash(func() { w.Run(d) })
	d.OnCrash = nil
	return w, d
}

func untilCrash(work func()) {
	defer func() {
		if p := recover(); p != nil && p != (crash{}) {
			panic(p)
		}
	}()
	work()
}

// check checks what a crash has left.
func (x *explorer) check(w Work, d *Disk, cut Cut, power bool) {
	if power {
		x.cuts++
	} else {
		x.kills++
	}
	next := d.After(cut)
	if err := w.Check(next, power); err != nil {
		x.fail(w, d, cut, power, err)
	}
	steps := next.Steps()
	if steps == 0 || x.rng.IntN(2) == 0 {
		return
	}
	x.again++
	next = d.After(cut)
	next.OnCrash = func() { panic(crash{}) }
	next.CrashAt(1+x.rng.IntN(steps), x.rng.Uint64())
	untilCrash(func() { _ = w.Check(next, power) })
	var second Cut
	if x.rng.IntN(2) == 0 {
		second, power = next.Cut(x.rng), true
	}
	if err := w.Check(next.After(second), power); err != nil {
		x.fail(w, next, second, power, err)
	}
}

// fail shrinks a cut, and tells the story of the crash.
func (x *explorer) fail(w Work, d *Disk, cut Cut, power bool, err error) {
	for i := range cut {
		if !cut[i] {
			continue
		}
		less := slices.Clone(cut)
		less[i] = false
		if e := w.Check(d.After(less), power); e != nil {
			cut, err = less, e
		}
	}
	story := d.Story()
	if n := len(story); n > storyLines {
		story = append([]string{"..."}, story[n-storyLines:]...)
	}
	what := "a kill"
	if cut != nil {
		what = "a power cut that forgets\n\t" + strings.Join(d.Lost(cut), "\n\t")
	}
	x.failed(fmt.Sprintf("%v\nafter the steps\n\t%s\nand %s", err, strings.Join(story, "\n\t"), what))
}

// storyLines is how many steps before a crash a failure shows.
const storyLines = 40
