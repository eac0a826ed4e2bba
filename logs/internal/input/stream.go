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

// failure returns the error that ended the reader, or nil at its orderly end.
func (p *piece) failure() error {
	if p.err == nil || errors.Is(p.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("cannot read lines: %w", p.err)
}

// deadliner is a reader whose Read can be ended. It has then read nothing.
type deadliner interface {
	SetReadDeadline(t time.Time) error
}

// Run reads until the end of the reader or of the stream. It puts every line that it takes from the reader, if that has read
// deadlines, as a connection and a pipe of package os, or is a file whose readiness can be waited for, as standard input on
// UNIX. Of another reader, a call of Read that does not return at the end of the stream is left behind with what it reads.
func (s *Stream) Run() error {
	pauses := newPauses(s.Reader)
	pieces := make(chan piece, 1) // so that a Read that ends late finds its way out
	// The buffer is either here, or with a Read that is under way, or in pieces.
	buffers := make(chan []byte, 1)
	defer close(buffers)
	deadlines, _ := s.Reader.(deadliner)
	if deadlines != nil && deadlines.SetReadDeadline(time.Time{}) != nil {
		deadlines = nil
	}
	var await func()
	if deadlines == nil {
		await = readiness(s.Reader)
	}
	go s.read(pauses, await, buffers, pieces)
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
			if p.err != nil {
				cut.Finish()
				return p.failure()
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
			cut.Finish()
			return nil
		case <-ending:
			ending, quiet = nil, time.After(quietTime)
			continue
		case <-quiet:
		case <-s.Stop:
		}
		p := lastPiece(deadlines, await != nil, buffers, pieces)
		cut.Add(p.b)
		cut.Finish()
		return p.failure()
	}
}

// lastPiece ends reading, and returns what a Read that was under way has taken from the reader.
func lastPiece(deadlines deadliner, ready bool, buffers <-chan []byte, pieces <-chan piece) (last piece) {
	switch {
	case deadlines != nil:
		if deadlines.SetReadDeadline(time.Unix(1, 0)) == nil {
			defer func() { _ = deadlines.SetReadDeadline(time.Time{}) }() // for a successor in this process
		}
	case ready: // A Read returns at once.
	default:
		select {
		case last = <-pieces:
		default:
		}
		return last
	}
	select {
	case <-buffers: // No Read is under way, and none starts without it.
	case last = <-pieces:
		if errors.Is(last.err, os.ErrDeadlineExceeded) {
			last.err = nil
		}
	}
	return last
}

// put passes the whole lines on.
func (s *Stream) put(cut *Cutter) {
	s.Put(cut.Whole(), cut.Lines, cut.Truncated)
	cut.Forget()
}

// read reads a piece for each buffer. With await, it takes the buffer only when there is something to read, so that after the
// end of the stream it does not.
func (s *Stream) read(pauses pauses, await func(), buffers <-chan []byte, pieces chan<- piece) {
	last := time.Now()
	for {
		if await != nil {
			await()
		}
		b, ok := <-buffers
		if !ok {
			return
		}
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
