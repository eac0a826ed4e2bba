package testprog

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long tests wait for something that must happen, on machines that are busy with
// other things.
const Patience = 60 * time.Second

// Wait waits until a condition holds, and fails the test if that takes longer than [Patience].
func Wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(Patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("gave up waiting: %s", what)
		}
	}
}

// Output collects what a program prints. It is for several goroutines.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String returns everything that was printed.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Take returns what was printed after the last call of Take.
func (o *Output) Take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.b.Reset()
	return o.b.String()
}

// Tail returns the last lines.
func (o *Output) Tail(lines int) string {
	all := strings.SplitAfter(o.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// Wait waits until a text was printed, and returns the rest of its line.
func (o *Output) Wait(t testing.TB, text string) (rest string) {
	t.Helper()
	Wait(t, "printing "+text, func() bool {
		_, after, ok := strings.Cut(o.String(), text)
		line, _, whole := strings.Cut(after, "\n")
		rest = line
		return ok && whole
	})
	return rest
}
