package spread

import (
	"context"
	"strings"
	"testing"
)

// TestAllocs holds the promise of the package comment. A connection under
// load is what counts, so contexts are cancellable and the socket is real.
func TestAllocs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	t.Run("Multicast", func(t *testing.T) {
		c := dialThrough(t, dialUnix(t, accepted(sink)))
		payload := []byte(strings.Repeat("x", 200))
		check(t, func() {
			if err := c.Multicast(ctx, Reliable, 1, payload, "coolsite"); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("ReceiveInto", func(t *testing.T) {
		c := dialThrough(t, dialUnix(t, accepted(flood)))
		var m Message
		check(t, func() {
			if _, err := c.ReceiveInto(ctx, &m); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("Receive", func(t *testing.T) { // chunks and slabs only, less than one in ten messages
		c := dialThrough(t, dialUnix(t, accepted(flood)))
		check(t, func() {
			if _, err := c.Receive(ctx); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func check(t *testing.T, f func()) {
	t.Helper()
	for range 20_000 { // buffers reach their size
		f()
	}
	if n := testing.AllocsPerRun(50_000, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
