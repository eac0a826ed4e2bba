package membership

import (
	"testing"

	"github.com/spreadd/spreadd/wire"
)

func TestStart(t *testing.T) {
	m := New(Config{Self: 7})
	if m.State() != StateSeg {
		t.Errorf("a new machine is in %v, want SEG", m.State())
	}
	var out Effects
	m.Start(1, 1000, &out)
	want := Installation{
		TransitionalID: wire.MembershipID{Daemon: 7, Time: 1000}, Transitional: []wire.DaemonID{7},
		RegularID: wire.MembershipID{Daemon: 7, Time: 1001}, Regular: []wire.DaemonID{7},
	}
	in := out.Installations
	if len(in) != 1 || in[0].TransitionalID != want.TransitionalID || in[0].RegularID != want.RegularID ||
		len(in[0].Transitional) != 1 || len(in[0].Regular) != 1 || in[0].Regular[0] != 7 {
		t.Errorf("installations %v, want %v", in, want)
	}
	if tr := out.Transitions; len(tr) != 1 || tr[0] != (Transition{StateSeg, StateOp, Alone}) {
		t.Errorf("transitions %v", tr)
	}
	if tr := out.Transitions[0]; tr.From.String() != "SEG" || tr.To.String() != "OP" || tr.Because.String() != "alone" {
		t.Errorf("the transition reads %v → %v because %v", tr.From, tr.To, tr.Because)
	}
}

// TestIDsGrow: an id's time is above all earlier ones even if the wall clock
// goes back (membership-protocol §7.1).
func TestIDsGrow(t *testing.T) {
	m := New(Config{Self: 7})
	last := int32(0)
	for _, wall := range []int32{1000, 1000, 999, 1, 2000} {
		got := m.nextTime(wall)
		if got <= last {
			t.Errorf("at %d the time is %d, not above %d", wall, got, last)
		}
		last = got
	}
	if last != 2000 {
		t.Errorf("the last time is %d, want the wall clock's 2000", last)
	}
}
