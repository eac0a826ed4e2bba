package ring

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/topology"
)

// TestReconfigure: the packets of a daemon that is removed from the configuration are recovered
// like those of one that crashes, by daemons whose order changes.
func TestReconfigure(t *testing.T) {
	n := newNetwork(t, Config{}, []string{"A", "B", "C"})
	a, b, c := n.node("A"), n.node("B"), n.node("C")
	n.form(a, b, c)
	n.deliver = func(from, to *node, token bool, dg []byte) {
		if from != c || to != b || token {
			to.put(token, dg)
		}
	}
	want := []string{"small", strings.Repeat("large", 1000)}
	for _, s := range want {
		n.submit(c, Agreed, s)
	}
	for len(a.texts) < 2 {
		if !n.hop() {
			t.Fatalf("A got %d messages", len(a.texts))
		}
	}
	if len(b.texts) != 0 {
		t.Fatalf("B got %d messages, the test wants to see them recovered", len(b.texts))
	}
	top := reordered(t, a, b)
	cfg := Config{Topology: top, ConfHash: 4712, Window: 50, Accelerated: true}
	if err := a.ring.Reconfigure(cfg); !errors.Is(err, ErrUp) {
		t.Errorf("of a ring that is up: %v", err)
	}
	c.dead = true
	n.top, n.deliver = top, nil
	for _, d := range []*node{a, b} {
		d.segment = 1
		d.ring.Stop(n.now)
		if err := d.ring.Reconfigure(Config{Topology: topology.Alone(9, "x")}); err == nil {
			t.Error("a configuration without this daemon is taken")
		}
		if err := d.ring.Reconfigure(Config{Topology: top, Window: 1, PersonalWindow: 2}); err == nil {
			t.Error("a configuration that is not valid is taken")
		}
		if err := d.ring.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		if st := d.ring.Status(); st.Window != 50 || !st.Accelerated {
			t.Errorf("status %+v", st)
		}
	}
	n.form(a, b)
	for _, d := range []*node{a, b} {
		if !slices.Equal(d.texts, want) {
			t.Errorf("%s got %d messages, want %d", d.name, len(d.texts), len(want))
		}
		if len(d.ring.assembly.former) != 0 || len(d.ring.assembly.partials) != 3 {
			t.Errorf("%s remembers %v, has %d places", d.name, d.ring.assembly.former, len(d.ring.assembly.partials))
		}
	}
	if l := a.ring.Status().Leader; l != b.id {
		t.Errorf("leader %d, want %d, the first in the new configuration", l, b.id)
	}
	n.submit(a, Safe, "after")
	n.runIdle(100)
	if got := b.texts[len(b.texts)-1]; got != "after" {
		t.Errorf("in the new ring B got %q", got)
	}
	for _, d := range []*node{a, b} {
		if out := d.pool.Out(); out != 0 {
			t.Errorf("%s holds %d blocks", d.name, out)
		}
	}
}

// reordered returns a configuration without C and with a new daemon, in which B comes before A.
func reordered(t *testing.T, a, b *node) *topology.Topology {
	t.Helper()
	top, err := topology.New([]topology.Segment{
		{Port: 1, Daemons: []topology.Daemon{{ID: 77, Name: "new"}}},
		{Port: 2, Daemons: []topology.Daemon{{ID: b.id, Name: "B"}, {ID: a.id, Name: "A"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestSetTimeouts(t *testing.T) {
	r, err := New(Config{Self: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetTimeouts(0, time.Second); err == nil {
		t.Error("no time is taken")
	}
	if err := r.SetTimeouts(2*time.Second, time.Second); err != nil || r.cfg.TokenTimeout != 2*time.Second || r.cfg.HurryTimeout != time.Second {
		t.Errorf("%v: %v, %v", err, r.cfg.TokenTimeout, r.cfg.HurryTimeout)
	}
}
