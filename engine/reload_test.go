package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// listed returns a topology of one segment with the given daemons.
func listed(t *testing.T, daemons ...topology.Daemon) *topology.Topology {
	t.Helper()
	top, err := topology.New([]topology.Segment{{Port: 4803, Daemons: daemons}})
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// TestReload: a change of the ring takes effect at once while a ring is running, and forms it anew;
// clients stay connected.
func TestReload(t *testing.T) {
	e := newEngine(t, Config{ConfHash: hash})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(1, private("one"), true)
	e.Submit(1, 1, request(wire.Join, "one", "grp"), &out)
	out.Reset()

	top := listed(t, topology.Daemon{ID: 7, Name: "first"}, topology.Daemon{ID: self, Name: "alpha"})
	next := Config{Topology: top, ConfHash: hash + 1, Window: 10, PersonalWindow: 5, AcceleratedWindow: 3}
	now := clock.Time(time.Second)
	if err := e.Reload(now, 1001, next, &out); err != nil {
		t.Fatal(err)
	}
	if out.Reload == nil || out.Reload.Topology != top || out.Reload.ConfHash != hash+1 {
		t.Fatalf("in force: %+v", out.Reload)
	}
	if n := len(out.Sends) - out.Reload.Sends; n != 1 {
		t.Errorf("%d datagrams follow the reload, want one ALIVE", n)
	}
	var p wire.Packet
	if err := p.Decode(out.Sends[len(out.Sends)-1].Append(nil)); err != nil || p.ConfHash != hash+1 || p.Type.Kind() != wire.KindMembership {
		t.Errorf("the last is %+v (%v)", p, err)
	}
	if c := out.Transitions; len(c) != 1 || c[0].Cause != membership.CauseReload || c[0].To != membership.StateSeg {
		t.Errorf("transitions %v", c)
	}
	// The next ring is of this daemon alone, and the client is still in its group.
	for e.Status().Membership != membership.StateOp {
		now = e.Deadline()
		e.Advance(now, 1002, &out)
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
	}
	out.Reset()
	e.Submit(now, 1, request(wire.Agreed, "one", "grp"), &out)
	if d := dump(&out); !strings.HasPrefix(d, "1 ") {
		t.Errorf("delivered: %q", d)
	}
	if st := e.Status().Ring; st.Window != 10 || st.PersonalWindow != 5 || st.AcceleratedWindow != 3 {
		t.Errorf("windows %d, %d, %d", st.Window, st.PersonalWindow, st.AcceleratedWindow)
	}
}

// TestReloadInPlace: windows and timeouts change without another ring.
func TestReloadInPlace(t *testing.T) {
	e := newEngine(t, Config{ConfHash: hash})
	var out Effects
	e.Start(1, 1000, &out)
	out.Reset()
	next := Config{Topology: topology.Alone(self, "alpha"), ConfHash: hash, Window: 99, Timeouts: membership.WAN()}
	if err := e.Reload(2, 1000, next, &out); err != nil {
		t.Fatal(err)
	}
	if out.Reload != nil || len(out.Transitions)+len(out.Sends) != 0 {
		t.Errorf("the ring is formed anew: %+v", out)
	}
	if st := e.Status(); st.Ring.Window != 99 || st.Membership != membership.StateOp {
		t.Errorf("status %v, window %d", st, st.Ring.Window)
	}
}

// TestReloadWaits: while a ring is being formed the reload waits, and only the last one counts.
func TestReloadWaits(t *testing.T) {
	e := several(t, 1) // it looks for the others
	var out Effects
	if e.Status().Membership != membership.StateSeg {
		t.Fatalf("status %v", e.Status())
	}
	daemons := e.cfg.Topology.Daemons()
	conf := func(n int, hash uint32) Config { return Config{Topology: listed(t, daemons[:n]...), ConfHash: hash} }
	for i, c := range []Config{conf(1, hash+1), conf(2, hash+2)} {
		if err := e.Reload(clock.Time(2+i), 1000, c, &out); err != nil {
			t.Fatal(err)
		}
	}
	if out.Reload != nil {
		t.Fatal("a configuration comes into force while a ring is being formed")
	}
	for range 100 {
		e.Advance(e.Deadline(), 1001, &out)
		if out.Reload != nil {
			break
		}
	}
	if out.Reload == nil || out.Reload.ConfHash != hash+2 {
		t.Errorf("in force: %+v", out.Reload)
	}
	if len(out.Installations) == 0 {
		t.Error("it did not wait for a ring")
	}
}

// TestReloadRefused: an invalid configuration changes nothing.
func TestReloadRefused(t *testing.T) {
	e := several(t, 1)
	a, b, c := e.cfg.Topology.Daemons()[0], e.cfg.Topology.Daemons()[1], e.cfg.Topology.Daemons()[2]
	renamed, other := b, c
	renamed.Name, other.ID = "bee", 33
	for _, tt := range []struct {
		want string
		cfg  Config
	}{
		{"daemon 1 is not in the new configuration", Config{}},
		{"daemon 1 is not in the new configuration", Config{Topology: listed(t, b, c)}},
		{`daemon "b" with the id 2 would become "bee" with 2`, Config{Topology: listed(t, a, renamed)}},
		{`daemon "c" with the id 3 would become "c" with 33`, Config{Topology: listed(t, a, b, other)}},
		{"Window", Config{Topology: listed(t, a, b, c), Window: 5, PersonalWindow: 6}},
		{"timeouts", Config{Topology: listed(t, a, b, c), Timeouts: membership.Timeouts{Alive: 1, Join: 1, Rep: 1, Seg: 1, Gather: 1, Form: 1, Lookup: 1, Hurry: -1}}},
	} {
		var out Effects
		err := e.Reload(2, 1000, tt.cfg, &out)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one with %q", err, tt.want)
		}
		if e.next != nil || out.Reload != nil {
			t.Fatalf("%s: it is to be gone over to all the same", tt.want)
		}
	}
	if st := e.Status(); st.Groups != groups.StateOp {
		t.Errorf("status %v", st)
	}
}
