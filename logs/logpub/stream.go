package logpub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// readBytes is how much is read at a time: what a pipe holds that nobody has enlarged.
	readBytes = 64 << 10
	// pipeBytes is what a pipe is made to hold, where that is possible, and so what one read may return and a kill
	// lose: 600 lines.
	pipeBytes = 128 << 10
	// firstPause follows a read that has waited, longestPause when lines have come for a while: too short for anyone
	// to see, and long enough to find hundreds of lines.
	firstPause   = time.Millisecond
	longestPause = 20 * time.Millisecond
	// quietTime is how long after the end of its context Run waits for further input. It
	// bridges the moments in which the last workers of a web server log.
	quietTime = time.Second
)

// Stream is a source of lines that ends with its reader, such as standard input.
type Stream struct {
	r io.Reader
}

// NewStream returns the source of the lines of r. A call of r.Read that does not return when the
// publisher has ended is left behind.
func NewStream(r io.Reader) *Stream { return &Stream{r: r} }

// String names the source.
func (s *Stream) String() string { return "stream" }

// pauses say for how long nothing is read after a read. A reader that waits is woken by each line
// that is written, at the cost of who writes, and each time it is, there is more to do than for a hundred lines; one that comes now
// and then finds many. Pauses double from the first one on while lines keep coming, as far as a third of the pipe
// stands for what comes meanwhile.
type pauses struct {
	capacity int // of the pipe; 0 for no pauses
	next     time.Duration
}

// newPauses returns the pauses of a reader, which are none unless it is a pipe.
func newPauses(r io.Reader) pauses {
	f, ok := r.(*os.File)
	if !ok {
		return pauses{}
	}
	return pauses{capacity: growPipe(f, pipeBytes)}
}

// after returns the pause after a read of n bytes, which came since the end of the read before.
func (p *pauses) after(n int, since time.Duration) time.Duration {
	switch {
	case p.capacity == 0:
		return 0
	case since > 4*max(p.next, firstPause):
		p.next = firstPause // it has waited, and who knows what comes now
	default:
		p.next = min(max(2*p.next, firstPause), longestPause)
	}
	if n > 0 {
		p.next = min(p.next, min(since, time.Second)*time.Duration(p.capacity/3)/time.Duration(n))
	}
	return p.next
}

// chunk is what one Read returned.
type chunk struct {
	b   []byte
	err error
}

// Run reads lines until the reader ends, in.Ending is closed and then nothing comes for
// a while, or ctx ends.
func (s *Stream) Run(_ context.Context, in *Intake) error {
	chunks := make(chan chunk, 1) // so that a Read that ends late finds its way out
	buffers := make(chan []byte, 1)
	defer close(buffers)
	pauses := newPauses(s.r)
	go func() {
		last := time.Now()
		for b := range buffers {
			n, err := s.r.Read(b)
			now := time.Now()
			rest := pauses.after(n, now.Sub(last))
			last = now
			chunks <- chunk{b[:n], err}
			if err == nil && rest > 0 {
				time.Sleep(rest)
			}
		}
	}()
	// All that a pipe can hold is read at once: writers write whole lines, and so a successor of ours, should
	// we be killed, does not begin in the middle of one.
	buffers <- make([]byte, max(readBytes, pauses.capacity))

	cut := cutter{max: in.maxLine}
	put := func() {
		in.Put(cut.whole(), cut.lines, cut.truncated)
		cut.forget()
	}
	var quiet <-chan time.Time
	ending := in.ending
	for {
		select {
		case c := <-chunks:
			cut.add(c.b)
			if c.err != nil {
				cut.finish()
			}
			put()
			switch {
			case errors.Is(c.err, io.EOF):
				return nil
			case c.err != nil:
				return fmt.Errorf("logpub: reading lines: %w", c.err)
			}
			if quiet != nil {
				quiet = time.After(quietTime)
			}
			// The buffer is kept back at the end: what is not read stays in
			// the pipe, for the program's successor.
			if !closed(in.stop) {
				buffers <- c.b[:cap(c.b)]
				continue
			}
		case <-ending:
			ending, quiet = nil, time.After(quietTime)
			continue
		case <-quiet:
		case <-in.stop:
		}
		cut.finish()
		put()
		return nil
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
