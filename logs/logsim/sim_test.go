package logsim

import (
	"flag"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone, with its log")
	firstFlag = flag.Uint64("first", 1, "the first seed")
	seedsFlag = flag.Uint64("seeds", 0, "how many seeds (default: 60, or without end with -for)")
	forFlag   = flag.Duration("for", 0, "end after this time")
	keepFlag  = flag.Int("failures", 1, "how many failing seeds to look at")
)

// defaultSeeds take some seconds.
const defaultSeeds = 60

// pipeSeeds end logpub while lines come through a pipe. Lines were lost that a Read took after the end.
var pipeSeeds = []uint64{1166, 1243, 2428, 2543}

// TestPipeSeeds: no line is lost when logpub ends in order while it reads a pipe.
func TestPipeSeeds(t *testing.T) {
	for _, seed := range pipeSeeds {
		p := draw(seed)
		if out := run(t, p, slog.LevelWarn); len(out.violations) > 0 {
			t.Error(story(t, p, out))
		}
	}
}

// TestSeeds: whatever fails, every line is in the files of every log host once, and these are equal.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		p := draw(*seedFlag)
		out := run(t, p, slog.LevelDebug)
		t.Logf("%v\n%s", p, strings.Join(out.timeline, "\n"))
		for _, v := range out.violations {
			t.Error(v)
		}
		return
	}
	n := *seedsFlag
	switch {
	case n == 0 && *forFlag > 0:
		n = math.MaxUint64 - *firstFlag
	case n == 0:
		n = defaultSeeds
		if testkit.Race || testing.Short() {
			n /= 4
		}
	}
	began := time.Now()
	seeds, lines, lost, faults, failed := 0, 0, 0, 0, 0
	var simulated time.Duration
	for seed := *firstFlag; seed < *firstFlag+n && (*forFlag == 0 || time.Since(began) < *forFlag); seed++ {
		p := draw(seed)
		out := run(t, p, slog.LevelWarn)
		seeds++
		lines, lost, faults, simulated = lines+out.lines, lost+out.lost, faults+len(p.faults), simulated+out.took
		if len(out.violations) > 0 {
			t.Error(story(t, p, out))
			if failed++; failed >= *keepFlag {
				break
			}
		}
	}
	t.Logf("%d seeds, %d faults, %d lines, of which %d were lost with a logpub that read a pipe, %v of simulated time", seeds, faults, lines, lost, simulated.Round(time.Second))
}

// TestFound runs seeds that have found faults.
func TestFound(t *testing.T) {
	for seed, fault := range map[uint64]string{
		2026:  "a kill between the renames of a file and its index; the file was compressed, and its lines lost their names",
		2163:  "the same; the index without its file stopped the healing of the log",
		2036:  "an index without its file stopped the healing of the log, after power failures and a full disk",
		50349: "a kill between the creation of a file and that of its index; the empty file was not healed",
	} {
		if out := run(t, draw(seed), slog.LevelWarn); len(out.violations) > 0 {
			t.Errorf("seed %d (%s): %s", seed, fault, out.violations[0])
		}
	}
}

// attempts is how often a plan is run before it counts as passing.
const attempts = 3

// fails runs a plan until it fails.
func fails(t *testing.T, p *plan) (out outcome, failed bool) {
	for range attempts {
		if out = run(t, p, slog.LevelWarn); len(out.violations) > 0 {
			return out, true
		}
	}
	return out, false
}

// shrinkTime bounds how long a failure is shrunk.
const shrinkTime = time.Minute

// shrink leaves out of a plan what it does not need to fail.
func shrink(t *testing.T, p *plan, out outcome) (*plan, outcome) {
	end := time.Now().Add(shrinkTime)
	for changed := true; changed; {
		changed = false
		for _, q := range p.smaller() {
			if time.Now().After(end) {
				return p, out
			}
			if o, failed := fails(t, q); failed {
				p, out, changed = q, o, true
				break
			}
		}
	}
	return p, out
}

// smaller returns plans with less in them, the smallest first.
func (p *plan) smaller() (list []*plan) {
	add := func(change func(q *plan)) {
		q := *p
		q.faults, q.pipe = slices.Clone(p.faults), slices.Clone(p.pipe)
		change(&q)
		list = append(list, &q)
	}
	if n := len(p.faults); n > 3 {
		add(func(q *plan) { q.faults = q.faults[:n/2] })
		add(func(q *plan) { q.faults = q.faults[n/2:] })
	}
	for i := range p.faults {
		add(func(q *plan) { q.faults = slices.Delete(q.faults, i, i+1) })
	}
	if p.lines > 1 {
		add(func(q *plan) { q.lines /= 4 })
		add(func(q *plan) { q.lines /= 2 })
	}
	uses := func(log bool, host int) bool {
		return slices.ContainsFunc(p.faults, func(f fault) bool { return f.kind == split || f.log == log && f.host == host })
	}
	if n := p.webs - 1; n > 0 && !uses(false, n) {
		add(func(q *plan) { q.webs, q.pipe = n, q.pipe[:n] })
	}
	if n := p.logs - 1; n >= p.acks && n > 0 && !uses(true, n) {
		add(func(q *plan) { q.logs = n })
	}
	if p.sites > 1 {
		add(func(q *plan) { q.sites-- })
	}
	if p.size > 0 {
		add(func(q *plan) { q.size = 0 })
	}
	if p.delay > 0 {
		add(func(q *plan) { q.delay = 0 })
	}
	for i := range p.faults {
		if p.faults[i].step > 0 {
			add(func(q *plan) { q.faults[i].step = 0 })
		}
	}
	return list
}

// storyLines bounds a story.
const storyLines = 20

// story shrinks a failure and returns what is left of it.
func story(t *testing.T, p *plan, out outcome) string {
	if *forFlag == 0 || *keepFlag == 1 {
		p, out = shrink(t, p, out)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", p)
	for i := range p.faults {
		fmt.Fprintf(&b, "  %v\n", &p.faults[i])
	}
	for _, v := range out.violations[:min(3, len(out.violations))] {
		fmt.Fprintf(&b, "%s\n", v)
	}
	fmt.Fprintf(&b, "What happened (all of the seed: go test ./logs/logsim -run Seeds -v -seed %d):\n", p.seed)
	lines := out.timeline
	if n := storyLines - len(p.faults); len(lines) > max(n, 5) {
		lines = lines[:max(n, 5)]
	}
	for _, l := range lines {
		fmt.Fprintf(&b, "%.200s\n", l)
	}
	return b.String()
}
