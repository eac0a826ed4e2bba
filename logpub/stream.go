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
	// longestPause between two reads of a pipe is too short for anyone to see, and long enough to find many lines.
	longestPause = 5 * time.Millisecond
	// pausePerByte bounds pauses for small pipes, so that 26 MB a second fit from the first moment on, before the pauses
	// follow what comes.
	pausePerByte = longestPause / pipeBytes
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

// pauses say for how long nothing is read after a read of n bytes. A reader that waits is woken by each line
// that is written, at the cost of who writes; one that comes now and then finds many. It takes less time when they
// come so fast that the pipe could fill, and none if all of the buffer was filled.
type pauses struct {
	capacity int // of the pipe; 0 for no pauses
	longest  time.Duration
	next     time.Duration
}

// newPauses returns the pauses of a reader, which are none unless it is a pipe.
func newPauses(r io.Reader) pauses {
	f, ok := r.(*os.File)
	if !ok {
		return pauses{}
	}
	return pausesFor(growPipe(f, pipeBytes))
}

// pausesFor returns the pauses for a pipe of some size.
func pausesFor(capacity int) pauses {
	longest := min(longestPause, time.Duration(capacity)*pausePerByte)
	return pauses{capacity: capacity, longest: longest, next: longest}
}

// after returns the pause after a read.
func (p *pauses) after(n int) time.Duration {
	switch {
	case n > p.capacity/4:
		p.next /= 2
	case n < p.capacity/16 && p.next < p.longest:
		p.next = min(p.longest, 2*p.next+time.Microsecond)
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
		for b := range buffers {
			n, err := s.r.Read(b)
			chunks <- chunk{b[:n], err}
			if err == nil && n < len(b) && pauses.capacity > 0 {
				time.Sleep(pauses.after(n))
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
