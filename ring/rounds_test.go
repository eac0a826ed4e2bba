package ring

import (
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// TestRoundTimes: each round is counted in its range. The round in which a ring was installed is
// not counted.
func TestRoundTimes(t *testing.T) {
	bounds := RoundBounds()
	if !slices.IsSorted(bounds[:]) {
		t.Fatalf("bounds are %v", bounds)
	}
	var r rounds
	now := clock.Time(1)
	r.turn(now, false)
	var sum time.Duration
	for _, tt := range []struct {
		took   time.Duration
		counts bool
		at     int
	}{
		{0, true, 0},
		{100 * time.Microsecond, true, 0},
		{100*time.Microsecond + 1, true, 1},
		{3 * time.Millisecond, true, 5},
		{time.Minute, false, -1},
		{5 * time.Second, true, NumRoundBounds - 1},
		{time.Minute, true, NumRoundBounds},
	} {
		before := r.times
		now = now.Add(tt.took)
		r.turn(now, tt.counts)
		if tt.counts {
			sum += tt.took
			before.Counts[tt.at]++
			before.Sum = sum
		}
		if r.times != before {
			t.Errorf("a round of %v: %+v, want %+v", tt.took, r.times, before)
		}
	}
}

// TestRoundsOfRing: a ring measures its rounds from its installation.
func TestRoundsOfRing(t *testing.T) {
	l := newLoop(t, 3, 100, Config{})
	taken := func() (n int64) {
		for _, c := range l.rings[0].Status().Rounds.Counts {
			n += c
		}
		return n
	}
	before, turns := taken(), l.rings[0].Status().TokenRounds
	for range 30 {
		l.hop()
	}
	st := l.rings[0].Status()
	if got, want := taken()-before, int64(st.TokenRounds-turns); got != want || want == 0 {
		t.Errorf("%d rounds measured in %d turns", got, want)
	}
	if taken() >= int64(st.TokenRounds) {
		t.Errorf("%d rounds measured in all %d turns, those of the recovery among them", taken(), st.TokenRounds)
	}
}
