package commandsink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// DefaultEndWait is the default of [Options.EndWait].
const DefaultEndWait = 5 * time.Second

// ErrBusy means that a command does not read its input.
var ErrBusy = errors.New("the command does not read its input")

// Options of a command.
type Options struct {
	// Output receives the command's standard output and standard error; nil discards them.
	Output *os.File
	// EndWait is how long the command may take to end after the end of its input, and again after
	// it was asked to end, before it is killed. Zero means DefaultEndWait.
	EndWait time.Duration
}

// Sink is the [sink.Deliverer] of a command.
type Sink struct {
	text    string
	opt     Options
	running sync.WaitGroup // processes, and the goroutines that end them
	reopen  atomic.Bool    // requested
	process *process       // nil while there is none
	batch   batch

	restart struct {
		sync.Mutex
		pause time.Duration // before the next start
		after time.Time     // earliest time of the next start
		cause error         // why the last process ended
	}
	stats struct {
		records, bytes, errors, reopens, waiting atomic.Int64
	}
}

// New returns the sink of a command. It does not start the command; Idle does.
func New(text string, opt Options) *Sink {
	opt.EndWait = cmp.Or(opt.EndWait, DefaultEndWait)
	return &Sink{text: text, opt: opt}
}

// batch is the batch that is being written.
type batch struct {
	*queue.Batch
	base    int    // lines that were acknowledged before it came
	text    []byte // the other lines
	ends    []int  // where each ends in text
	first   int    // index of the first line that is not written whole
	begin   int    // where that begins
	written int    // bytes of text
}

// load copies the lines of a batch.
func (b *batch) load(from *queue.Batch) {
	*b = batch{Batch: from, base: from.Acked(), text: b.text[:0], ends: b.ends[:0]}
	for _, e := range from.Entries() {
		b.text = append(b.text, e.Line...)
		b.ends = append(b.ends, len(b.text))
	}
}

// wrote notes that n more bytes are written, and returns how many lines they complete.
func (b *batch) wrote(n int) (lines int) {
	b.written += n
	before := b.first
	for b.first < len(b.ends) && b.ends[b.first] <= b.written {
		b.begin = b.ends[b.first]
		b.first++
	}
	return b.first - before
}

// Deliver implements [sink.Deliverer]. Lines that the process has received whole are acknowledged.
func (s *Sink) Deliver(_ context.Context, b *queue.Batch) error {
	if s.batch.Batch != b {
		s.batch.load(b)
	}
	err := s.write()
	done := s.batch.base + s.batch.first
	if done == b.Len() {
		s.batch.Batch = nil
	}
	b.Ack(done)
	return err
}

// Idle implements [sink.Deliverer]: a process that has ended is started again.
func (s *Sink) Idle(context.Context) error { return s.write() }

// Reopen implements [sink.Deliverer].
func (s *Sink) Reopen() { s.reopen.Store(true) }

// write starts a process if there is none, and writes the rest of the batch.
func (s *Sink) write() error {
	if s.reopen.Swap(false) {
		s.stats.reopens.Add(1)
		s.endProcess()
	}
	if s.process != nil && s.process.ended() {
		s.endProcess()
	}
	if s.process == nil {
		p, err := s.start()
		if err != nil {
			s.stats.errors.Add(1)
			return fmt.Errorf("cannot start command: %w", err)
		}
		s.process = p
	}
	for b := &s.batch; b.written < len(b.text); {
		n, err := s.process.write(b.text[b.written:])
		s.stats.records.Add(int64(b.wrote(n)))
		s.stats.bytes.Add(int64(n))
		s.stats.waiting.Store(int64(len(b.text) - b.written))
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			s.stats.errors.Add(1)
			return fmt.Errorf("cannot write to command: %w", err)
		}
	}
	return nil
}

// endProcess ends the input of the process. A line that it received in part goes to the next one.
func (s *Sink) endProcess() {
	if s.process == nil {
		return
	}
	_ = s.process.closeInput() // it has ended, or reads to the end
	s.process = nil
	s.batch.written = s.batch.begin
}

// Close implements [sink.Deliverer]: it waits until all processes have ended. Lines that were not
// written stay in the queue.
func (s *Sink) Close() error {
	s.endProcess()
	s.stats.waiting.Store(0)
	s.running.Wait()
	return nil
}

// Stats implements [sink.Deliverer].
func (s *Sink) Stats() sink.Stats {
	c := &s.stats
	return sink.Stats{
		Records: c.records.Load(), Bytes: c.bytes.Load(), Errors: c.errors.Load(), Reopens: c.reopens.Load(), Waiting: c.waiting.Load(),
	}
}
