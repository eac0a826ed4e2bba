package daemon

import (
	"testing"
	"time"
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
