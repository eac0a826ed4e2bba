package daemon

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// TestUnanswered: a daemon counts as one that does not answer after some requests in a row, and no
// longer once it has.
func TestUnanswered(t *testing.T) {
	at := time.Unix(1000, 0)
	var r *roundTrips
	note := func(after, took time.Duration) bool {
		at = at.Add(after)
		r = r.next(at, map[string]time.Duration{"a": took, "b": time.Millisecond})
		if r.unanswered(at, "b") || r.unanswered(at, "unknown") {
			t.Error("b answers")
		}
		return r.unanswered(at, "a")
	}
	if note(0, 0) || note(time.Second, 0) || note(10*time.Second, 0) {
		t.Error("it had little time")
	}
	if !note(10*time.Second, 0) {
		t.Error("it does not answer")
	}
	if r.unanswered(at.Add(remembered), "a") {
		t.Error("that is long ago")
	}
	if note(time.Second, time.Millisecond) || note(time.Second, 0) {
		t.Error("it has answered")
	}
	if note(remembered, 0) || r.unanswered(at, "a") {
		t.Error("nobody asked for a minute")
	}
}

// TestLossRate: a few lost packets are no broken link.
func TestLossRate(t *testing.T) {
	for _, tt := range []struct {
		missed, all int64
		want        float64
	}{{0, 1, 0}, {1, 1, 0.2}, {5, 5, 1}, {10, 1000, 0.01}} {
		if got := lossRate(tt.missed, tt.all); got != tt.want {
			t.Errorf("%d of %d: %v, want %v", tt.missed, tt.all, got, tt.want)
		}
	}
}

// TestAskCame: a daemon that has just started has not yet been asked by all, which says nothing of the
// network.
func TestAskCame(t *testing.T) {
	start := time.Unix(1e9, 0)
	m := &monitors{asked: map[wire.DaemonID]time.Time{1: start.Add(time.Minute)}}
	for _, tt := range []struct {
		from wire.DaemonID
		age  time.Duration
		want bool
	}{{1, time.Minute, true}, {1, time.Minute + askedLately, false}, {2, time.Second, true}, {2, askedLately, false}} {
		if got := m.askCame(tt.from, start, start.Add(tt.age)); got != tt.want {
			t.Errorf("daemon %d after %s: %t", tt.from, tt.age, got)
		}
	}
}
