package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spreadd/spreadd/sim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Exit statuses.
const (
	ok     = 0
	failed = 1 // a property was violated, or a situation never occurred
	usage  = 2
)

// manySeeds is the number of seeds after which every situation should have occurred.
const manySeeds = 20_000

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	debug.SetGCPercent(400)       // runs are short and allocate much
	debug.SetMemoryLimit(2 << 30) // but leave memory to others
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	span := flags.Duration("for", time.Minute, "time to run")
	first := flags.Uint64("first", 1, "first seed")
	seeds := flags.Uint64("seeds", 0, "number of seeds; 0 means as many as there is time for")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "seeds to run at a time")
	seed := flags.Uint64("seed", 0, "replay this seed and print its timeline")
	fail := flags.Int("fail", 0, "stop after this many failing seeds; 0 means never")
	lines := flags.Int("lines", 60, "timeline lines to print for a failing seed")
	if err := flags.Parse(args); err != nil {
		return usage
	}
	if *seed != 0 {
		return replay(*seed, stdout)
	}
	ctx, stop := context.WithTimeout(ctx, *span)
	defer stop()
	s := soak{out: stdout, lines: *lines, fail: *fail, stop: stop, began: time.Now(), first: *first}
	s.said = s.began
	sim.Series(ctx, *first, *seeds, max(*workers, 1), s.take)
	return s.end()
}

func replay(seed uint64, out io.Writer) int {
	r := sim.Replay(seed)
	fmt.Fprintln(out, r.Options)
	for _, l := range r.Timeline {
		fmt.Fprintln(out, l)
	}
	fmt.Fprintf(out, "%d events, %v on the clock, healed in %v\n", r.Events, r.Time, r.Healed)
	for _, v := range r.Violations {
		fmt.Fprintln(out, v)
	}
	if len(r.Violations) > 0 {
		return failed
	}
	return ok
}

// soak sums up a series of runs.
type soak struct {
	out         io.Writer
	lines, fail int
	stop        func() // ends the series
	began, said time.Time
	first       uint64

	seeds, bad, events, delivered int
	clock                         time.Duration
	rare                          sim.Rare
}

// storiesTold limits the failures that are shown in full.
const storiesTold = 10

func (s *soak) take(r sim.Result) {
	s.seeds++
	s.events += r.Events
	s.delivered += r.Delivered
	s.clock += r.Time
	s.rare.Add(&r.Rare)
	if len(r.Violations) > 0 {
		if s.bad++; s.bad == s.fail {
			s.stop()
		}
		if s.bad <= storiesTold {
			again := sim.Replay(r.Options.Seed)
			fmt.Fprintln(s.out, again.Story(s.lines))
		} else {
			fmt.Fprintf(s.out, "seed %d: %v\n", r.Options.Seed, r.Violations[0])
		}
	}
	if time.Since(s.said) > 10*time.Second {
		s.said = time.Now()
		s.say()
	}
}

func (s *soak) say() {
	d := time.Since(s.began)
	fmt.Fprintf(s.out, "%v: %d seeds from %d on (%.0f a second), %d failed; %d events, %d deliveries, %v simulated\n",
		d.Round(time.Second), s.seeds, s.first, float64(s.seeds)/d.Seconds(), s.bad, s.events, s.delivered, s.clock.Round(time.Second))
}

func (s *soak) end() int {
	s.say()
	fmt.Fprint(s.out, &s.rare)
	missing := s.rare.Missing()
	if s.seeds >= manySeeds && len(missing) > 0 {
		fmt.Fprintf(s.out, "never occurred: %v\n", missing)
		return failed
	}
	if s.bad > 0 {
		return failed
	}
	return ok
}
