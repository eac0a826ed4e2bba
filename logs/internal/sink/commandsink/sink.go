package commandsink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// DefaultEndWait is the default of [Options.EndWait].
const DefaultEndWait = 5 * time.Second

// readFirst and readLast bound the pause between two looks at what a process has read; it doubles.
const (
	readFirst = 200 * time.Microsecond
	readLast  = 50 * time.Millisecond
)

// ErrBusy means that a command does not read its input.
var ErrBusy = errors.New("the command does not read its input")

// Options of a command.
type Options struct {
	// Output receives the command's standard output and standard error; nil discards them.
	Output *os.File
	// Log gets the end of each process; nil discards it.
	Log *slog.Logger
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
		records, bytes, errors, reopens, waiting, lost, lostBytes atomic.Int64
	}
}

// New returns the sink of a command. It does not start the command; Idle does.
func New(text string, opt Options) *Sink {
	opt.EndWait = cmp.Or(opt.EndWait, DefaultEndWait)
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Sink{text: text, opt: opt}
}

// batch is the batch that is being written. Positions are in text.
type batch struct {
	*queue.Batch
	base    int    // lines that were acknowledged before it came
	text    []byte // the other lines
	ends    []int  // where each ends
	first   int    // index of the first line that the process has not read whole
	begin   int    // where that begins
	written int    // up to where the process has received it
}

// load copies the lines of a batch.
func (b *batch) load(from *queue.Batch) {
	*b = batch{Batch: from, base: from.Acked(), text: b.text[:0], ends: b.ends[:0]}
	for _, e := range from.Entries() {
		b.text = append(b.text, e.Line...)
		b.ends = append(b.ends, len(b.text))
	}
}

// readTo notes up to where the process has read.
func (b *batch) readTo(at int) {
	for b.first < len(b.ends) && b.ends[b.first] <= at {
		b.begin = b.ends[b.first]
		b.first++
	}
}

// inPipe returns the whole lines that the process has received and not read.
func (b *batch) inPipe() handed {
	n := b.first
	for n < len(b.ends) && b.ends[n] <= b.written {
		n++
	}
	return handed{begin: b.begin, ends: slices.Clone(b.ends[b.first:n]), total: b.written}
}

// Deliver implements [sink.Deliverer]. Lines that the process has read whole are acknowledged. What
// is in the pipe is not, because it is lost if the process ends.
func (s *Sink) Deliver(ctx context.Context, b *queue.Batch) error {
	if s.batch.Batch != b {
		s.batch.load(b)
	}
	err := s.write()
	if err == nil {
		err = s.await(ctx)
	}
	s.acknowledge()
	return err
}

// await waits until the process has read the batch, for [writeWait] at most.
func (s *Sink) await(ctx context.Context) error {
	limit := time.After(min(writeWait, s.opt.EndWait))
	for pause := readFirst; ; pause = min(2*pause, readLast) {
		s.count()
		if s.batch.first == len(s.batch.ends) || s.reopen.Load() {
			return nil
		}
		select {
		case <-s.process.gone:
			s.stats.errors.Add(1)
			return errors.New("the command ended before it read its input")
		case <-limit:
			if s.process.deaf() {
				s.stats.errors.Add(1)
				return errors.New("the command has closed its input")
			}
			return nil // what it has not read is in its pipe
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// count counts what the process has read.
func (s *Sink) count() {
	b := &s.batch
	first, begin := b.first, b.begin
	if s.process != nil {
		b.readTo(b.written - s.process.left())
	}
	s.stats.records.Add(int64(b.first - first))
	s.stats.bytes.Add(int64(b.begin - begin))
	s.stats.waiting.Store(int64(len(b.text) - b.begin))
}

// countHanded counts lines that were left to a process, when it has ended. It returns how many it
// has not read.
func (s *Sink) countHanded(h *handed, unread int) (lost int) {
	if len(h.ends) == 0 {
		return 0
	}
	lost, bytes := h.last(unread)
	s.stats.records.Add(int64(len(h.ends) - lost))
	s.stats.bytes.Add(int64(h.ends[len(h.ends)-1] - h.begin - bytes))
	s.stats.lost.Add(int64(lost))
	s.stats.lostBytes.Add(int64(bytes))
	return lost
}

// acknowledge acknowledges what has been read.
func (s *Sink) acknowledge() {
	b := s.batch.Batch
	if b == nil {
		return
	}
	done := s.batch.base + s.batch.first
	if done == b.Len() {
		s.batch.Batch = nil
	}
	b.Ack(done)
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
		b.written += n
		s.count()
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

// endProcess ends the input of the process. Lines in the pipe are left to it, unless it has ended
// by itself: then they go to the next one. A line that it received in part does so in any case.
func (s *Sink) endProcess() {
	if s.process == nil {
		return
	}
	s.count()
	b := &s.batch
	if s.process.closeInput(b.inPipe()) {
		b.readTo(b.written)
	}
	s.process = nil
	b.written = b.begin
}

// Close implements [sink.Deliverer]: it waits until all processes have ended. Lines that they have
// not read stay in the queue.
func (s *Sink) Close() error {
	if p := s.process; p != nil {
		p.closeInput(handed{})
		<-p.gone
		s.count()
		s.acknowledge()
		s.process = nil
	}
	s.stats.waiting.Store(0)
	s.running.Wait()
	return nil
}

// Stats implements [sink.Deliverer].
func (s *Sink) Stats() sink.Stats {
	c := &s.stats
	return sink.Stats{
		Records: c.records.Load(), Bytes: c.bytes.Load(), DroppedRecords: c.lost.Load(), DroppedBytes: c.lostBytes.Load(),
		Errors: c.errors.Load(), Reopens: c.reopens.Load(), Waiting: c.waiting.Load(),
	}
}
