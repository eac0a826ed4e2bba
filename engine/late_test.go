package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
)

// TestLate: a daemon that was descheduled waits for its token for longer, and forgets that in time.
func TestLate(t *testing.T) {
	e, err := New(Config{Topology: listed(t, topology.Daemon{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}, topology.Daemon{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.0.0.2")}), Self: 1, Early: true})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	now := clock.Time(1)
	e.Start(now, 1000, &out)
	step := func(late time.Duration) time.Duration {
		now = e.lateness.pulse.Add(late)
		e.Advance(now, 1000, &out)
		return e.Status().Late
	}
	if got := step(0); got != 0 {
		t.Errorf("late by %v at once", got)
	}
	if got := step(40 * time.Millisecond); got != 40*time.Millisecond {
		t.Errorf("late by %v, want 40 ms", got)
	}
	n := 0
	for step(0) > 10*time.Millisecond {
		n++
	}
	if n < 50 || n > 200 {
		t.Errorf("three quarters are forgotten after %d pulses", n)
	}
}

// TestLateIsBounded: a daemon that was frozen for long is patient for minutes, not for hours.
func TestLateIsBounded(t *testing.T) {
	two := listed(t, topology.Daemon{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}, topology.Daemon{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.0.0.2")})
	e, err := New(Config{Topology: two, Self: 1, Early: true})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	e.Start(1, 1000, &out)
	e.Advance(clock.Time(1).Add(10*time.Hour), 1000, &out)
	if got, want := e.Status().Late, e.cfg.maxStretch(); got != want {
		t.Errorf("late by %v, want %v", got, want)
	}
}

// TestLateAfterReload: a daemon that was alone measures its lateness once it has others.
func TestLateAfterReload(t *testing.T) {
	a := topology.Daemon{ID: 1, Name: "a", Addr: netip.MustParseAddr("10.0.0.1")}
	e, err := New(Config{Topology: listed(t, a), Self: 1, Early: true})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	e.Start(1, 1000, &out)
	if !e.lateness.pulse.IsZero() {
		t.Error("measures alone")
	}
	two := listed(t, a, topology.Daemon{ID: 2, Name: "b", Addr: netip.MustParseAddr("10.0.0.2")})
	if err := e.Reload(2, 1000, Config{Topology: two, ConfHash: 7}, &out); err != nil {
		t.Fatal(err)
	}
	if out.Reload == nil || e.lateness.pulse.IsZero() {
		t.Error("does not measure with another daemon")
	}
}
