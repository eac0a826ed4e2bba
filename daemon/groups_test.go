package daemon_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// TestEndOfManyGroups: a client in many groups ends. The ring stays together, and the messages of a
// bystander arrive meanwhile.
func TestEndOfManyGroups(t *testing.T) {
	t.Parallel()
	const groups = 10_000
	all := localringtest.Open(t, localring.Config{
		Names:  []string{"alpha", "beta", "gamma"},
		Change: func(_ string, cfg *daemon.Config) { cfg.Engine.MaxSessionGroups = groups },
	}).StartAll()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	dial := func(d *localring.Daemon) *spread.Conn {
		c, err := spread.Dial(ctx, d.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		return c
	}
	many, bystander := dial(all[0]), dial(all[1])
	for i := range groups {
		if err := many.Join(ctx, fmt.Sprintf("g%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	numGroups := func() (n int) {
		for _, d := range all {
			n = max(n, d.Stats().Ring.Status.NumGroups)
		}
		return n
	}
	for _, d := range all {
		testkit.Wait(t, "all joins to arrive at "+d.Name, func() bool { return d.Stats().Ring.Status.NumGroups == groups })
	}
	changes := all[2].Stats().Ring.Status.Ring.MembershipChanges
	began := time.Now()
	many.Kill()
	var longest time.Duration
	for i := int16(0); numGroups() > 0; i++ {
		sent := time.Now()
		if err := bystander.Multicast(ctx, spread.Agreed, i, nil, bystander.PrivateGroup()); err != nil {
			t.Fatal(err)
		}
		if e, err := bystander.Receive(ctx); err != nil {
			t.Fatal(err)
		} else if m, ok := e.(*spread.Message); !ok || m.Type != i {
			t.Fatalf("got %+v, want message %d", e, i)
		}
		longest = max(longest, time.Since(sent))
	}
	t.Logf("%d groups gone after %v; the slowest message took %v", groups, time.Since(began), longest)
	if now := all[2].Stats().Ring.Status.Ring.MembershipChanges; now != changes {
		t.Errorf("%d memberships instead of %d: the ring fell apart: %s", now, changes, all[2].Change())
	}
}
