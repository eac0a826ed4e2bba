package spread_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// TestClientRing: two clients of a ring of real daemons. The daemon of one restarts twice. That
// client moves to the other daemon and returns, and both see each other again each time.
func TestClientRing(t *testing.T) {
	ring := localringtest.New(t, "", "alpha", "beta")
	daemons := ring.StartAll()
	first, other := daemons[0], daemons[1]
	newClient := func(name string, addresses ...string) *spread.Client {
		c, err := spread.NewClient(addresses, spread.WithName(name), spread.WithReturn(testkit.Patience/1000))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.Join(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	mover, stayer := newClient("mover", first.Address(), other.Address()), newClient("stayer", other.Address())

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range []*spread.Client{mover, stayer} {
		wg.Go(func() {
			for {
				if _, err := c.Receive(ctx); err != nil {
					return
				}
			}
		})
	}
	defer wg.Wait()
	defer stop()
	together := func(want ...string) {
		t.Helper()
		for _, c := range []*spread.Client{mover, stayer} {
			testkit.Wait(t, "both clients see each other", func() bool {
				v, _ := c.View("g")
				return slices.Equal(v.Members, want)
			})
		}
	}
	together("#mover#alpha", "#stayer#beta")
	for range 2 {
		if err := first.Stop(); err != nil {
			t.Error(err)
		}
		together("#mover#beta", "#stayer#beta")
		if err := mover.Multicast(t.Context(), spread.Safe, 0, []byte("moved"), "g"); err != nil {
			t.Error(err)
		}
		first = ring.Start("alpha")
		together("#mover#alpha", "#stayer#beta")
	}
}
