package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
)

// ComplainInterval is the pause between two log lines about the same failure.
const ComplainInterval = time.Minute

// Deliverer writes batches of lines to a destination that can be slow or away. One goroutine calls
// Deliver, Idle and Close; Reopen and Stats may be called from any.
type Deliverer interface {
	// Deliver writes the lines of a batch and acknowledges those that are done. If it returns an
	// error, or leaves lines, it is called again with the rest after a pause. It returns soon after
	// ctx ends.
	Deliver(ctx context.Context, b *queue.Batch) error
	// Idle is called once a second while there are no lines, and after Reopen.
	Idle(ctx context.Context) error
	// Reopen asks for the destination to be opened again by the next Deliver or Idle. It returns at
	// once.
	Reopen()
	Close() error
	Stats() Stats
}

// Queued is the [Sink] in front of a Deliverer. The writer puts lines into its queue, which never
// blocks; a goroutine delivers them.
type Queued struct {
	Deliverer
	name  string
	queue *queue.Queue
	log   *slog.Logger
	wait  time.Duration // for delivery, in Close
	ended chan error    // receives the result of delivery; nil before Start
	over  chan struct{} // closed by Close: no more lines come

	failing  atomic.Bool
	since    time.Time // start of the failure
	reported time.Time // last log line about it
}

// QueuedConfig says how lines wait for a Deliverer.
type QueuedConfig struct {
	// Name is that of the sink, for logs and errors. Sinks with different names have different
	// spools.
	Name string
	// Queue bounds the queue. Spool is the directory of all spools; the sink has a directory of its
	// own there. Empty means that lines wait in memory only.
	Queue queue.Config
	// EndWait is how long Close delivers what waits. The rest stays in the spool.
	EndWait time.Duration
	Log     *slog.Logger
}

// NewQueued opens the queue of a sink, including what the previous process left in the spool. It
// takes over d.
func NewQueued(d Deliverer, cfg QueuedConfig) (*Queued, error) {
	s := &Queued{
		Deliverer: d, name: cfg.Name, wait: cfg.EndWait, over: make(chan struct{}),
		log: cfg.Log.With(slog.String("sink", cfg.Name)),
	}
	cfg.Queue.Report = s.log
	if cfg.Queue.Spool != "" {
		cfg.Queue.Spool = filepath.Join(cfg.Queue.Spool, spoolName(cfg.Name))
	}
	var err error
	if s.queue, err = queue.Open(cfg.Queue); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the queue of %s: %w", cfg.Name, err), d.Close())
	}
	return s, nil
}

// spoolName returns the directory name of a sink: its name, as far as it is legal there, and a hash
// that keeps different names apart.
func spoolName(name string) string {
	const maxPlain = 40
	sum := sha256.Sum256([]byte(name))
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		default:
			return '_'
		}
	}, name)
	return plain[:min(len(plain), maxPlain)] + "-" + hex.EncodeToString(sum[:8])
}

// outlet puts the lines of one log.
type outlet struct {
	queue    *queue.Queue
	function string
}

// Outlet returns where the lines of a log enter the sink. function is the Perl function for the
// lines; other sinks have none.
func (s *Queued) Outlet(function string) Outlet { return &outlet{s.queue, function} }

// Put implements [Outlet]. A line that does not fit is counted.
func (o *outlet) Put(l *Line) bool {
	if len(l.Text) == 0 && o.function == "" {
		return true
	}
	return o.queue.Put(&queue.Entry{
		Line: l.Text, Group: l.Group, Sender: l.Sender, VHost: l.VHost, Function: o.function, Time: l.Time, Came: l.Received,
	})
}

// Start implements [Sink].
func (s *Queued) Start(context.Context) {
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.run() }()
}

// Flush implements [Sink]: the queue wakes the delivery by itself.
func (s *Queued) Flush() {}

// Tick implements [Sink]: the delivery has its own clock.
func (s *Queued) Tick(time.Time) {}

// Sync implements [Sink]: the queue syncs its spool by itself.
func (s *Queued) Sync() error { return nil }

// Mark returns what Settled asks about: the last line that was put.
func (s *Queued) Mark() uint64 { return s.queue.Mark() }

// Settled reports whether all lines up to a Mark are delivered, in the spool, or dropped; if durable, in the
// spool in a way that a power failure does not undo.
func (s *Queued) Settled(mark uint64, durable bool) bool {
	if durable {
		return s.queue.Durable() >= mark
	}
	return s.queue.Safe() >= mark
}

// Delivered returns how many lines the destination has accepted.
func (s *Queued) Delivered() int64 { return s.queue.Delivered() }

// NearlyFull reports whether there is little room for more lines.
func (s *Queued) NearlyFull() bool { return s.queue.NearlyFull() }

// Reopen implements [Sink].
func (s *Queued) Reopen() {
	s.Deliverer.Reopen()
	s.queue.Interrupt()
}

// Close implements [Sink]. It delivers what waits for [QueuedConfig.EndWait] at most, and keeps the
// rest in the spool.
func (s *Queued) Close() error {
	s.queue.Finish()
	close(s.over)
	var err error
	if s.ended != nil {
		err = <-s.ended
	}
	if err = errors.Join(err, s.Deliverer.Close(), s.queue.Close()); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// Stats implements [Sink].
func (s *Queued) Stats() Stats {
	st := s.Deliverer.Stats()
	q := s.queue.Stats()
	st.Queue = &q
	if s.failing.Load() {
		st.Failing = 1
	}
	return st
}

// run delivers lines until none is left after Close, or the wait is over.
func (s *Queued) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() { s.queue.Run(ctx) })
	others.Go(func() {
		select {
		case <-s.over:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(s.wait):
			cancel()
		case <-ctx.Done():
		}
	})
	err := s.queue.Deliver(ctx, s.deliver, s.idle)
	cancel()
	others.Wait()
	if errors.Is(err, context.Canceled) {
		return nil // Close reports what is lost by that
	}
	return err
}

func (s *Queued) deliver(ctx context.Context, b *queue.Batch) error {
	err := s.Deliverer.Deliver(ctx, b)
	if ctx.Err() == nil {
		s.report(err)
	}
	return err
}

func (s *Queued) idle(ctx context.Context) {
	if err := s.Deliverer.Idle(ctx); ctx.Err() == nil {
		s.report(err)
	}
}

// report logs that the destination fails, once a [ComplainInterval], and that it works again.
func (s *Queued) report(err error) {
	now := time.Now()
	switch failing := s.failing.Load(); {
	case err != nil && (!failing || now.Sub(s.reported) >= ComplainInterval):
		if !failing {
			s.since = now
			s.failing.Store(true)
		}
		s.reported = now
		st := s.queue.Stats()
		s.log.Error("sink does not accept lines; they wait", slog.Any("error", err),
			slog.Int64("waiting_bytes", st.WaitingBytes), slog.Int64("spooled_lines", st.SpoolLines), slog.Int64("lost_lines", st.Lost()))
	case err == nil && failing:
		s.failing.Store(false)
		s.log.Warn("sink accepts lines again", slog.String("after", now.Sub(s.since).Round(time.Millisecond).String()),
			slog.Int64("lost_lines", s.queue.Stats().Lost()))
	}
}
