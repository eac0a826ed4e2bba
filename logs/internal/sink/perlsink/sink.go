package perlsink

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// Sink calls Perl functions. It is a [sink.Deliverer].
type Sink struct {
	cfg         Config
	program     string
	preparation []byte
	functions   map[string]int // index of each in Config.Functions
	output      output
	hup         chan struct{} // Reopen was called

	process atomic.Pointer[process] // nil while perl does not run
	pause   time.Duration           // before the next start
	frames  frames                  // of the batch being delivered

	closing  chan struct{} // closed by Close, for watch
	watching sync.WaitGroup
	events   sync.Mutex // held while OnEvent is called

	count struct {
		returned, died, diedHup, interrupted, cut, starts atomic.Int64
	}
}

// Start starts perl and loads the modules. The error is an [ErrNoPerl], a *[StartError], or the
// system's.
func Start(cfg Config) (*Sink, error) {
	program, err := Find(cfg.Program)
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Sink{
		cfg: cfg, program: program, preparation: cfg.preparation(), functions: make(map[string]int),
		output: output{log: cfg.Output, interval: cfg.outputInterval},
		hup:    make(chan struct{}, 1), closing: make(chan struct{}),
	}
	for i, name := range cfg.Functions {
		s.functions[name] = i
	}
	if err := s.launch(context.Background()); err != nil {
		return nil, err
	}
	s.watching.Go(s.watch)
	return s, nil
}

// Deliver implements [sink.Deliverer]. A line is acknowledged when its call has ended, or when perl
// ended during it. If ctx ends, perl is stopped.
func (s *Sink) Deliver(ctx context.Context, b *queue.Batch) error {
	f := &s.frames
	f.reset()
	for _, e := range b.Entries() {
		f.add(s.function(e), e.Sender, e.Group, s.cutAtNUL(e.Line))
	}
	first := b.Acked()
	for done := 0; done < f.len(); {
		if err := s.run(ctx); err != nil {
			return err
		}
		n, err := s.call(ctx, f, done)
		done += n
		b.Ack(first + done)
		if err != nil {
			return err
		}
	}
	return nil
}

// function returns the index of the function that a line is for.
func (s *Sink) function(e *queue.Entry) int {
	name := e.Function
	if name == "" {
		name = string(e.VHost) // where spools of versions before 0.2 have the function
	}
	if i, ok := s.functions[name]; ok {
		return i
	}
	return noFunction // a spool of another configuration
}

// cutAtNUL cuts a message at its first NUL byte, where C ends a string.
func (s *Sink) cutAtNUL(message []byte) []byte {
	text, _, cut := bytes.Cut(message, []byte{0})
	if cut {
		s.count.cut.Add(1)
	}
	return text
}

// call has perl process the frames from first on, and waits for it. It returns how many are done,
// which includes the one that was under way when perl ended. The error is that of ctx.
func (s *Sink) call(ctx context.Context, f *frames, first int) (done int, err error) {
	p := s.process.Load()
	err = p.deliver(ctx, f, first)
	if err != nil || closed(p.gone) {
		s.process.Store(nil)
		patience := s.cfg.EndWait
		if err != nil {
			patience = 0
		}
		p.end(patience)
	}
	done, interrupted := p.settle()
	if interrupted {
		s.count.interrupted.Add(1)
	}
	if err == nil && closed(p.gone) {
		s.prepareRestart(time.Since(p.began), p.cause)
	}
	return done, err
}

// prepareRestart sets and reports the pause before the next start.
func (s *Sink) prepareRestart(ran time.Duration, cause error) {
	if ran >= restartReset {
		s.pause = 0
	}
	s.pause = min(max(2*s.pause, s.cfg.restartFirst), s.cfg.restartLast)
	s.event("perl ended; restarting", fmt.Errorf("%w; pause %v", cause, s.pause))
}

// run starts perl, after a pause, unless it runs.
func (s *Sink) run(ctx context.Context) error {
	if p := s.process.Load(); p != nil {
		if !closed(p.gone) {
			return nil
		}
		s.process.Store(nil)
		s.prepareRestart(time.Since(p.began), p.cause)
	}
	select {
	case <-time.After(s.pause):
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.launch(ctx)
	if err != nil && ctx.Err() == nil {
		s.prepareRestart(0, err)
	}
	return err
}

// Idle implements [sink.Deliverer]: perl is started again if it has ended, and the functions for
// HUP are called after Reopen.
func (s *Sink) Idle(ctx context.Context) error {
	err := s.run(ctx)
	if err == nil && len(s.hup) > 0 {
		s.frames.reset()
		_, err = s.call(ctx, &s.frames, 0)
	}
	return err
}

// Reopen implements [sink.Deliverer]. The functions for HUP are called before all messages that
// perl has not yet received.
func (s *Sink) Reopen() {
	if len(s.cfg.Hup) == 0 {
		return
	}
	select {
	case s.hup <- struct{}{}:
	default: // already requested
	}
}

// Close implements [sink.Deliverer]. No process is left.
func (s *Sink) Close() error {
	if p := s.process.Load(); p != nil && !closed(p.gone) {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.EndWait)
		if len(s.hup) > 0 {
			_ = s.Idle(ctx)
		}
		cancel()
	}
	if p := s.process.Swap(nil); p != nil {
		p.end(s.cfg.EndWait)
	}
	close(s.closing)
	s.watching.Wait()
	return nil
}

// Stats implements [sink.Deliverer]. A message whose call failed is lost.
func (s *Sink) Stats() sink.Stats {
	st := s.PerlStats()
	return sink.Stats{Records: st.Returned, DroppedRecords: st.Died + st.Interrupted, Errors: st.Died + st.DiedHup + st.Starts - 1}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *Sink) event(what string, err error) {
	s.events.Lock()
	defer s.events.Unlock()
	s.cfg.OnEvent(what, err)
}

// watch reports functions that do not return.
func (s *Sink) watch() {
	tick := time.NewTicker(s.cfg.watchInterval)
	defer tick.Stop()
	var reported time.Time
	for {
		select {
		case <-s.closing:
			s.output.tick(time.Now().Add(s.cfg.outputInterval))
			return
		case now := <-tick.C:
			s.output.tick(now)
			p := s.process.Load()
			if p == nil {
				continue
			}
			if owed, since := p.owing(); owed > 0 && now.Sub(since) >= s.cfg.hangTime && now.Sub(reported) >= sink.ComplainInterval {
				reported = now
				s.event("Perl function does not return", fmt.Errorf("for %v; %d messages are in perl", now.Sub(since).Round(time.Second), owed))
			}
		}
	}
}
