package membership

import (
	"testing"
	"time"
)

// TestReconfigure: the configuration changes in OP, and not before. A daemon with the new
// configuration looks for its segment anew, and asks the other segments of that configuration.
func TestReconfigure(t *testing.T) {
	m, err := New(Config{Self: 3, Topology: segments(t, "AB", "C"), ConfHash: confHash, Old: new(oldRing)})
	if err != nil {
		t.Fatal(err)
	}
	next := Config{Topology: segments(t, "A", "B", "C"), ConfHash: confHash + 1, Timeouts: LAN()}
	var out Effects
	m.Start(1, 1000, &out)
	if m.CanReconfigure() || m.Reconfigure(2, 1000, next, &out) == nil {
		t.Fatalf("taken in %v", m.State())
	}
	for m.State() != StateEVS {
		m.Advance(m.Deadline(), 1000, &out)
	}
	if m.Reconfigure(2, 1000, next, &out) == nil {
		t.Fatalf("taken in %v", m.State())
	}
	m.HandleCommitted()
	now := m.Deadline()
	m.HandleInstalled(now, 1000, &out)
	out.Reset()
	if err := m.Reconfigure(now, 1000, Config{Topology: segments(t, "A"), Timeouts: LAN()}, &out); err == nil {
		t.Error("a configuration without this daemon is taken")
	}
	if err := m.Reconfigure(now, 1000, next, &out); err != nil {
		t.Fatal(err)
	}
	if m.State() != StateSeg || m.TokenAlive() || len(out.RingCommands) != 1 || out.RingCommands[0].Kind != StopRing || len(out.Sends) != 0 {
		t.Errorf("in %v: %+v", m.State(), out) // it is alone in its segment now
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if len(m.potential) != 2 {
		t.Errorf("asks %v, want both other segments", m.potential)
	}
	if m.Stats().Causes[CauseReload] != 1 {
		t.Error("the cause is not counted")
	}
	if m.SetTimeouts(Timeouts{}) == nil {
		t.Error("no timeouts are taken")
	}
	w := WAN()
	w.Seg = time.Hour
	if err := m.SetTimeouts(w); err != nil || m.cfg.Timeouts != w {
		t.Errorf("%v: %v", err, m.cfg.Timeouts)
	}
}
