package perlsink

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// outputLines are logged in each outputInterval.
	outputLines    = 20
	outputInterval = 10 * time.Second
	// outputLine is how many bytes of a line are logged.
	outputLine = 1000
)

// output logs what modules print, line by line, but only so much of it. It is a writer for one
// process at a time.
type output struct {
	log      func(line string)
	interval time.Duration

	mu     sync.Mutex
	line   []byte // the current line, at most outputLine bytes of it
	began  time.Time
	logged int // lines since then
	left   int // lines since then that were not logged
	last   string

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
	if o.logged == outputLines {
		o.left++
		o.suppressed.Add(1)
		return
	}
	o.logged++
	o.log(line)
}

// due starts a new interval if the last one is over, and logs how many lines that left out.
func (o *output) due(now time.Time) {
	if now.Sub(o.began) < o.interval {
		return
	}
	if o.left > 0 {
		o.log(fmt.Sprintf("(%d more lines)", o.left))
	}
	o.began, o.logged, o.left = now, 0, 0
}

// tick logs what was left out even if nothing more is printed.
func (o *output) tick(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due(now)
}

// finish ends a line without newline, when a process has ended, and returns the last line that it
// printed.
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
