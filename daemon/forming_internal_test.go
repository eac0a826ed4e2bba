package daemon

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
)

// TestForming: an outage begins when the ring is lost and ends when another one has run for two
// token timeouts. Rings that are lost before that do not end it.
func TestForming(t *testing.T) {
	timeouts := membership.LAN()
	at := func(d time.Duration) clock.Time { return clock.Time(1).Add(d) }
	const s = time.Second
	var f forming
	f.changed(at(0), false, &timeouts)
	if f.since != at(0) || f.next != at(4750*time.Millisecond) {
		t.Fatalf("at the start: %+v", f)
	}
	f.changed(at(1*s), false, &timeouts) // another state without a ring
	f.changed(at(2*s), true, &timeouts)
	if f.since != at(0) || f.next != at(4500*time.Millisecond) {
		t.Fatalf("a ring: %+v", f)
	}
	f.changed(at(3*s), true, &timeouts) // The leader looks for others.
	if f.next != at(4500*time.Millisecond) {
		t.Fatalf("a ring goes on: %+v", f)
	}
	f.changed(at(4*s), false, &timeouts)
	if f.since != at(0) || f.operating != 0 || f.next != at(6750*time.Millisecond) { // 2 s of 4.75 s are over.
		t.Fatalf("the ring is lost at once: %+v", f)
	}
	f.changed(at(10*s), true, &timeouts)
	f = forming{} // as watchForming does at f.next
	f.changed(at(20*s), true, &timeouts)
	if f.next != 0 {
		t.Fatalf("a ring that runs: %+v", f)
	}
	f.changed(at(30*s), false, &timeouts)
	if f.since != at(30*s) {
		t.Fatalf("the next outage: %+v", f)
	}
}
