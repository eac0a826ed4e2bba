package testkit

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Output collects what a program prints. It is safe for concurrent use.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String returns everything written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Take returns what was written since the last Take.
func (o *Output) Take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.b.Reset()
	return o.b.String()
}

// Wait waits until a text was printed, and returns the rest of its line.
func (o *Output) Wait(t testing.TB, text string) (rest string) {
	t.Helper()
	Wait(t, "output "+text, func() bool {
		_, after, found := strings.Cut(o.String(), text)
		line, _, whole := strings.Cut(after, "\n")
		rest = line
		return found && whole
	})
	return rest
}

// Patience is how long a test waits for something that should happen at once. A loaded machine
// can be slow.
const Patience = 60 * time.Second

// Wait polls until a condition is true, and ends the test after [Patience].
func Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(Patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("timed out after %v waiting for %s", Patience, what)
		}
	}
}
