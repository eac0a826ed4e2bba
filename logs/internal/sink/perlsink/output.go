package perlsink

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// outputLines of each outputInterval are told.
	outputLines    = 20
	outputInterval = 10 * time.Second
	// outputLine is how much of a line is told, in bytes.
	outputLine = 1000
)

// output tells what modules print, line by line, and not too much of it. It is a
// writer for one process at a time.
type output struct {
	tell     func(line string)
	interval time.Duration

	mu    sync.Mutex
	line  []byte // that has begun, at most outputLine of it
	began time.Time
	told  int // lines since then
	left  int // lines since then that were not told
	last  string

	lines, suppressed atomic.Int64
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		text, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.line = append(o.line, text[:min(len(text), outputLine-len(o.line))]...)
		if ended {
			o.end()
		}
		rest = after
	}
	return len(p), nil
}

// end ends a line.
func (o *output) end() {
	line := string(bytes.TrimRight(o.line, "\r"))
	o.line = o.line[:0]
	if line == "" {
		return
	}
	o.last = line
	o.lines.Add(1)
	o.due(time.Now())
	if o.told == outputLines {
		o.left++
		o.suppressed.Add(1)
		return
	}
	o.told++
	o.tell(line)
}

// due begins a new interval if the last one is over, and says what it left out.
func (o *output) due(now time.Time) {
	if now.Sub(o.began) < o.interval {
		return
	}
	if o.left > 0 {
		o.tell(fmt.Sprintf("(%d more lines)", o.left))
	}
	o.began, o.told, o.left = now, 0, 0
}

// tick lets what was left out be known though nothing more is printed.
func (o *output) tick(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due(now)
}

// finish ends a line without newline, at the end of a process, and returns the last
// line that it printed.
func (o *output) finish() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.end()
	}
	last := o.last
	o.last = ""
	return last
}
