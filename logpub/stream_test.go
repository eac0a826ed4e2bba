package logpub

import (
	"io"
	"os"
	"strings"
	"testing"
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
	if p := newPauses(r); p.capacity == 0 || p.longest == 0 {
		t.Errorf("a pipe has none: %+v", p)
	}

	p := pausesFor(64 << 10)
	if p.longest < longestPause*49/100 || p.longest > longestPause/2 {
		t.Errorf("the longest is %v", p.longest)
	}
	if got := p.after(64 << 10); got != p.longest/2 {
		t.Errorf("after a full pipe it is %v", got)
	}
	if got := p.after(10 << 10); got != p.longest/2 {
		t.Errorf("after a sixth of the pipe it is %v", got)
	}
	for range 50 {
		p.after(64 << 10)
	}
	if got := p.after(64 << 10); got != 0 {
		t.Errorf("in a pipe that stays full it is %v", got)
	}
	for range 50 {
		p.after(1)
	}
	if got := p.after(1); got != p.longest {
		t.Errorf("in a pipe that is empty it is %v", got)
	}
	if p := pausesFor(1 << 30); p.longest != longestPause {
		t.Errorf("the longest is %v", p.longest)
	}
}
