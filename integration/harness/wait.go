package harness

import (
	"testing"
	"time"
)

// Patience is how long a test waits for something that should happen within seconds.
const Patience = 60 * time.Second

// poll is the time between two checks of a condition.
const poll = 5 * time.Millisecond

// Wait waits until a condition is true, and ends the test after [Patience].
func Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !becomesTrue(cond, func() bool { return false }) {
		t.Fatalf("timed out after %v waiting for %s", Patience, what)
	}
}

// Reach waits until a number reaches want. It gives up when the number has not grown for
// [Patience], marks the test as failed and returns false.
func Reach(t testing.TB, what string, want int64, number func() int64) bool {
	t.Helper()
	var last, got int64
	reached := becomesTrue(func() bool {
		got = number()
		return got >= want
	}, func() bool {
		grown := got > last
		last = max(last, got)
		return grown
	})
	if !reached {
		t.Errorf("%s: %d of %d, and no progress for %v", what, got, want, Patience)
	}
	return reached
}

// becomesTrue waits until cond is true. It gives up when progress has not been true for Patience.
func becomesTrue(cond, progress func() bool) bool {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	deadline := time.Now().Add(Patience)
	for !cond() {
		<-tick.C
		if progress() {
			deadline = time.Now().Add(Patience)
		} else if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
