package input

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// readBytes is how much is read at a time: what a pipe of default size holds.
	readBytes = 64 << 10
	// PipeBytes is the size to which a pipe is enlarged, where that is possible: 600 lines. One read may return, and a kill
	// may lose, as much.
	PipeBytes = 128 << 10
	// firstPause follows a read that has waited, longestPause one of many that have not. That is too short for anyone to
	// notice, and long enough to collect hundreds of lines.
	firstPause   = time.Millisecond
	longestPause = 20 * time.Millisecond
	// quietTime is how long after it was told to end a stream waits for more. It bridges the moments in which the last
	// workers of a web server log.
	quietTime = time.Second
)

// Stream reads lines until the end of a reader.
type Stream struct {
	Reader  io.Reader
	MaxLine int // bytes, newline included; longer lines are cut
	// Put takes whole lines, of which there are n. Some of them were truncated.
	Put func(lines []byte, n, truncated int)
	// Ending is closed to ask for an end: the stream then ends once nothing has come for a second.
	Ending <-chan struct{}
	// Stop is closed to end the stream at once.
	Stop <-chan struct{}
}

// piece is what one Read returned.
type piece struct {
	b   []byte
	err error
}

// Run reads until the end of the reader or of the stream. A call of Read that does not return then is left behind.
func (s *Stream) Run() error {
	pauses := newPauses(s.Reader)
	pieces := make(chan piece, 1) // so that a Read that ends late finds its way out
	buffers := make(chan []byte, 1)
	defer close(buffers)
	go s.read(pauses, buffers, pieces)
	// The buffer holds all that a pipe can hold. Writers write whole lines, so that a successor does not start in the
	// middle of one if this process is killed.
	buffers <- make([]byte, max(readBytes, pauses.capacity))

	cut := Cutter{Max: s.MaxLine}
	defer func() { s.put(&cut) }()
	var quiet <-chan time.Time
	ending := s.Ending
	for {
		select {
		case p := <-pieces:
			cut.Add(p.b)
			switch {
			case errors.Is(p.err, io.EOF):
				cut.Finish()
				return nil
			case p.err != nil:
				cut.Finish()
				return fmt.Errorf("cannot read lines: %w", p.err)
			}
			s.put(&cut)
			if quiet != nil {
				quiet = time.After(quietTime)
			}
			select {
			case <-s.Stop:
				// The buffer is kept back: what is not read stays in the pipe, for a successor.
			default:
				buffers <- p.b[:cap(p.b)]
				continue
			}
		case <-ending:
			ending, quiet = nil, time.After(quietTime)
			continue
		case <-quiet:
		case <-s.Stop:
		}
		cut.Finish()
		return nil
	}
}

// put passes the whole lines on.
func (s *Stream) put(cut *Cutter) {
	s.Put(cut.Whole(), cut.Lines, cut.Truncated)
	cut.Forget()
}

// read reads a piece for each buffer.
func (s *Stream) read(pauses pauses, buffers <-chan []byte, pieces chan<- piece) {
	last := time.Now()
	for b := range buffers {
		n, err := s.Reader.Read(b)
		now := time.Now()
		pause := pauses.after(n, now.Sub(last))
		last = now
		pieces <- piece{b[:n], err}
		if err == nil && pause > 0 {
			time.Sleep(pause)
		}
	}
}

// pauses say how long to wait after a read. A reader that waits in Read is woken by each line, at the cost of the writer, and
// each wake-up costs more than a hundred lines. One that reads now and then finds many at once. Pauses double while lines keep
// coming, as long as what comes meanwhile fits into a third of the pipe.
type pauses struct {
	capacity int // of the pipe; 0 for no pauses
	next     time.Duration
}

// newPauses returns the pauses of a reader. There are none unless it is a pipe.
func newPauses(r io.Reader) pauses {
	f, ok := r.(*os.File)
	if !ok {
		return pauses{}
	}
	return pauses{capacity: growPipe(f, PipeBytes)}
}

// after returns the pause after a read of n bytes, which came since the end of the read before.
func (p *pauses) after(n int, since time.Duration) time.Duration {
	switch {
	case p.capacity == 0:
		return 0
	case since > 4*max(p.next, firstPause):
		p.next = firstPause // it has waited, so nobody knows what comes now
	default:
		p.next = min(max(2*p.next, firstPause), longestPause)
	}
	if n > 0 {
		p.next = min(p.next, min(since, time.Second)*time.Duration(p.capacity/3)/time.Duration(n))
	}
	return p.next
}
