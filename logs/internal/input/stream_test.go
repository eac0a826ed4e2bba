package input

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestPauses: a pipe that fills is read more often, one that is nearly empty less, and what is no pipe has no
// pauses.
func TestPauses(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	for _, r := range []io.Reader{strings.NewReader(""), null} {
		if p := newPauses(r); p.capacity != 0 {
			t.Errorf("%T has pauses: %+v", r, p)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	defer func() { _ = w.Close() }()
	p := newPauses(r)
	if p.capacity < 4096 {
		t.Fatalf("a pipe has none: %+v", p)
	}

	p = pauses{capacity: 96 << 10}
	for i, step := range []struct {
		n           int
		since, want time.Duration
	}{
		{100, 1000 * time.Hour, firstPause},
		{100, time.Millisecond, 2 * firstPause},
		{100, 2 * time.Millisecond, 4 * firstPause},
		{100, 4 * time.Millisecond, 8 * firstPause},
		{100, 8 * time.Millisecond, 16 * firstPause},
		{100, 16 * time.Millisecond, longestPause},
		{100, 20 * time.Millisecond, longestPause},
		// Twice a third of the pipe in 20 ms: half of that is enough.
		{64 << 10, 20 * time.Millisecond, 10 * time.Millisecond},
		{32 << 10, 10 * time.Millisecond, 10 * time.Millisecond},
		{96 << 10, 10 * time.Millisecond, 10 * time.Millisecond / 3},
		{1 << 10, 100 * time.Millisecond, firstPause},
		// All that fits comes at once, again and again: there is no time for pauses.
		{96 << 10, 0, 0},
		{96 << 10, time.Microsecond, time.Microsecond / 3},
	} {
		if got := p.after(step.n, step.since); got != step.want {
			t.Errorf("step %d: %d bytes in %v: %v, want %v", i, step.n, step.since, got, step.want)
		}
	}
	if got := (&pauses{}).after(1, time.Hour); got != 0 {
		t.Errorf("without a pipe: %v", got)
	}
}
