package harness

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// Reach waits until a number reaches want. It gives up when the number has not grown for
// [testkit.Patience], marks the test as failed and returns false.
func Reach(t testing.TB, what string, want int64, number func() int64) bool {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	last, deadline := int64(0), time.Now().Add(testkit.Patience)
	for {
		got := number()
		switch {
		case got >= want:
			return true
		case got > last:
			last, deadline = got, time.Now().Add(testkit.Patience)
		case time.Now().After(deadline):
			t.Errorf("%s: %d of %d, and no progress for %v", what, got, want, testkit.Patience)
			return false
		}
		<-tick.C
	}
}
