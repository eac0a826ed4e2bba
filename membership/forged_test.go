package membership

import (
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// TestForgedRefusals: somebody forges refusals of all daemons at all others without an end. After one
// disturbance there is a ring of all, and refusals have no effect for a LookupTimeout.
func TestForgedRefusals(t *testing.T) {
	n := newNetwork(t, "ABC", "DE")
	n.early = true
	for _, o := range n.nodes {
		o.start()
	}
	n.run(n.now.Add(5*time.Second), func() bool { return false })
	until := n.now.Add(20 * time.Second)
	rings := make(map[wire.MembershipID]bool)
	var all time.Duration
	for n.now < until {
		for _, o := range n.nodes {
			for _, other := range n.nodes {
				if o != other {
					o.refused(other)
				}
			}
		}
		before := n.now
		n.run(n.now.Add(3*time.Millisecond), func() bool { return false })
		id, members, ok := n.nodes[0].active()
		if ok {
			rings[id] = true
		}
		if ok && len(members) == len(n.nodes) && !slices.ContainsFunc(n.nodes, func(o *node) bool { return o.m.State() != StateOp }) {
			all += n.now.Sub(before)
		}
	}
	if all < 10*time.Second {
		t.Errorf("a ring of all for %v of 20 s", all)
	}
	if len(rings) > 3 {
		t.Errorf("%d rings", len(rings))
	}
}
