package engine

import (
	"fmt"
	"testing"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// TestDisconnectInPieces: a client that is in many groups ends. The engine carries that out in
// pieces, asks to be called again at once, takes nothing meanwhile, and keeps the order of messages.
func TestDisconnectInPieces(t *testing.T) {
	const groups = 5000
	e := newEngine(t, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(0, private("zero"), false)
	e.Connect(1, private("one"), true)
	for i := range groups {
		if got := e.Submit(1, 0, request(wire.Join, "zero", fmt.Sprintf("g%d", i)), &out); got != Accepted {
			t.Fatalf("join %d: %v", i, got)
		}
		out.Reset()
	}
	if got := e.Submit(2, 0, request(wire.Kill, "zero"), &out); got != Accepted {
		t.Fatal(got)
	}
	pieces := 0
	for ; len(out.Groups.Ended) == 0; pieces++ {
		if e.Deadline() == 0 || e.Deadline() > 2 {
			t.Fatalf("piece %d: next at %v, want at once", pieces, e.Deadline())
		}
		if e.Accepting() {
			t.Fatal("takes messages in the middle of a disconnect")
		}
		if pieces == 0 {
			// This one is behind the disconnect in the order.
			if got := e.Submit(2, 1, request(wire.Join, "one", "g1"), &out); got != Accepted || len(out.Groups.Deliveries) > 0 {
				t.Fatalf("%v, and %d deliveries ahead of the disconnect", got, len(out.Groups.Deliveries))
			}
		}
		if pieces > groups {
			t.Fatal("it never ends")
		}
		e.Advance(clock.Time(2), 1000, &out)
	}
	if pieces < 3 {
		t.Errorf("%d pieces", pieces)
	}
	if e.Deadline() != 0 || !e.Accepting() {
		t.Errorf("at the end: next at %v, accepting %v", e.Deadline(), e.Accepting())
	}
	if len(out.Groups.Deliveries) != 1 || e.Status().NumGroups != 1 {
		t.Errorf("%d deliveries and %d groups, want the view of one join", len(out.Groups.Deliveries), e.Status().NumGroups)
	}
}

// TestLateMessagesAreBounded: more messages than may wait behind a disconnect make it go on at once.
func TestLateMessagesAreBounded(t *testing.T) {
	const groups = 5000
	e := newEngine(t, Config{MaxSessionGroups: 4 * maxLate})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(0, private("zero"), false)
	e.Connect(1, private("one"), true)
	for i := range groups {
		e.Submit(1, 0, request(wire.Join, "zero", fmt.Sprintf("g%d", i)), &out)
		out.Reset()
	}
	e.Submit(2, 0, request(wire.Kill, "zero"), &out)
	for i := range 3 * maxLate {
		if got := e.Submit(2, 1, request(wire.Join, "one", fmt.Sprintf("h%d", i)), &out); got != Accepted {
			t.Fatalf("join %d: %v", i, got)
		}
		if len(e.late) > maxLate {
			t.Fatalf("%d messages wait", len(e.late))
		}
	}
	for e.resume != 0 {
		e.Advance(2, 1000, &out)
	}
	if got := len(out.Groups.Deliveries); got != 3*maxLate {
		t.Errorf("%d views, want %d", got, 3*maxLate)
	}
	for i, d := range out.Groups.Deliveries {
		var h wire.Header
		if err := h.Decode(d.Data.Bytes()); err != nil || h.Sender != wire.MakeName(fmt.Sprintf("h%d", i)) {
			t.Fatalf("view %d is one of %v (%v)", i, h.Sender, err)
		}
	}
}

// TestGroupBounds: the groups of a session and of all are bounded. Joins on their way count; a join
// of a member, and a leave, are never refused.
func TestGroupBounds(t *testing.T) {
	e := newEngine(t, Config{MaxSessionGroups: 2, MaxGroups: 3})
	var out Effects
	e.Start(1, 1000, &out)
	for id, name := range []string{"zero", "one", "two"} {
		e.Connect(SessionID(id), private(name), true)
	}
	names := []string{"zero", "one", "two"}
	for i, tt := range []struct {
		session SessionID
		t       wire.Type
		group   string
		want    Reason
	}{
		{0, wire.Join, "a", Accepted},
		{0, wire.Join, "b", Accepted},
		{0, wire.Join, "c", SessionGroups},
		{0, wire.Join, "a", Accepted}, // without effect
		{1, wire.Join, "c", Accepted},
		{1, wire.Join, "d", AllGroups},
		{1, wire.Join, "a", Accepted},
		{0, wire.Leave, "b", Accepted},
		{2, wire.Join, "d", Accepted},
	} {
		out.Reset()
		if got := e.Submit(1, tt.session, request(tt.t, names[tt.session], tt.group), &out); got != tt.want {
			t.Errorf("%d: %v, want %v", i, got, tt.want)
		}
		if refused := tt.want != Accepted; refused != (len(out.Rejects) == 1) {
			t.Errorf("%d: %d reject messages", i, len(out.Rejects))
		}
	}
}
