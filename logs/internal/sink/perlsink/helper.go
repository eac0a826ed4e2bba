package perlsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Helper is a perl that is kept running. Its methods may be called by several goroutines.
type Helper struct {
	cfg         Config
	program     string
	preparation []byte
	queue       *queue
	output      output

	closing chan struct{} // closed by Close
	stop    chan struct{} // closed when Close has waited long enough
	done    chan struct{} // closed when no process is left

	closeOnce, stopOnce sync.Once

	events sync.Mutex // is held while OnEvent is called
	count  struct {
		returned, died, diedHup, interrupted, full, end, cut, starts, pid atomic.Int64
	}
}

// Start starts perl and loads the modules. The error is an [ErrNoPerl], a *[StartError], or the system's.
func Start(cfg Config) (*Helper, error) {
	program, err := Find(cfg.Program)
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	h := &Helper{
		cfg: cfg, program: program, preparation: cfg.preparation(), queue: newQueue(cfg.QueueBytes),
		output:  output{tell: cfg.Output, interval: cfg.outputInterval},
		closing: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
	p, err := h.launch(nil)
	if err != nil {
		return nil, err
	}
	h.count.starts.Add(1)
	go h.run(p)
	go h.watch()
	return h, nil
}

// NoFunction is the number of a function that is not there: a message for it counts as one that the function has died
// of.
const NoFunction = -1

// Put has a function called, by its number in [Config.Functions], or NoFunction. It copies message, up to a NUL byte, and
// reports whether there was room for it.
func (h *Helper) Put(function int, sender, group string, message []byte) bool {
	if i := bytes.IndexByte(message, 0); i >= 0 {
		message = message[:i]
		h.count.cut.Add(1)
	}
	if !h.queue.put(messageFrame(function, sender, group, message)) {
		h.count.full.Add(1)
		return false
	}
	return true
}

// Hup has the functions of [Config.Hup] called, before messages that the helper has not got
// yet.
func (h *Helper) Hup() {
	if len(h.cfg.Hup) > 0 {
		h.queue.urge(appendFrame(nil, frameReopen, ""))
	}
}

// Handled returns how many messages are done with: those that came back, that died, and those under way when a helper
// ended.
func (h *Helper) Handled() int64 {
	// Not the sum of the counters: it is to fit what Drain sees.
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	return h.queue.handled
}

// errStopped means that the helper was stopped.
var errStopped = errors.New("perl was stopped")

// Drain waits until nothing waits. The error is that of ctx, or says that there is no helper any more. It is for the goroutine
// that calls Put.
func (h *Helper) Drain(ctx context.Context) error {
	for {
		if frames, _, _ := h.queue.waiting(); frames == 0 {
			return nil
		}
		select {
		case <-h.queue.empty:
		case <-ctx.Done():
			return ctx.Err()
		case <-h.done:
			return errStopped
		}
	}
}

// Stop ends the helper at once. What it has not begun with is counted as DroppedEnd.
func (h *Helper) Stop() {
	h.stopNow()
	_ = h.Close() // which says what the caller knows
}

// Close works off what waits, as far as that can be done in [Config.EndWait], and ends the helper. Put must not be
// called any more. The error says how many messages were lost; after Stop it is nil.
func (h *Helper) Close() (err error) {
	h.closeOnce.Do(func() { err = h.close() })
	return err
}

func (h *Helper) close() error {
	close(h.closing)
	h.queue.signal()
	t := time.AfterFunc(h.cfg.EndWait, h.stopNow)
	defer t.Stop()
	<-h.done
	if n := h.count.end.Load(); n > 0 {
		return fmt.Errorf("perl has not worked off %d messages in time, which are lost", n)
	}
	return nil
}

func (h *Helper) stopNow() { h.stopOnce.Do(func() { close(h.stop) }) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// run keeps a helper running until Close.
func (h *Helper) run(p *process) {
	defer close(h.done)
	var pause time.Duration
	for {
		p.feed(h.closing, h.stop)
		patience := h.cfg.EndWait
		if closed(h.stop) {
			patience = 0 // its time is over
		}
		p.end(patience)
		if h.queue.unsend() {
			h.count.interrupted.Add(1)
		}
		ran := time.Since(p.began)
		for err := p.ended; ; {
			if frames, _, _ := h.queue.waiting(); closed(h.stop) || closed(h.closing) && frames == 0 {
				h.count.end.Add(int64(h.queue.drop()))
				return
			}
			if ran >= restartReset {
				pause = 0
			}
			pause = min(max(2*pause, h.cfg.restartFirst), h.cfg.restartLast)
			h.event("perl has ended, and is started again", fmt.Errorf("%w; pause %v", err, pause))
			h.rest(pause)
			var next *process
			if next, err = h.launch(h.stop); err == nil {
				p = next
				break
			}
			ran = 0
		}
		h.count.starts.Add(1)
	}
}

// rest waits before a start.
func (h *Helper) rest(pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.stop:
	}
}

func (h *Helper) event(what string, err error) {
	h.events.Lock()
	defer h.events.Unlock()
	h.cfg.OnEvent(what, err)
}

// watch tells of what does not go on.
func (h *Helper) watch() {
	tick := time.NewTicker(h.cfg.watchInterval)
	defer tick.Stop()
	var hung, full time.Time // when it was told
	var told int64           // how many were dropped by then
	for {
		select {
		case <-h.done:
			h.output.tick(time.Now().Add(h.cfg.outputInterval))
			return
		case now := <-tick.C:
			h.output.tick(now)
			frames, bytes, since := h.queue.waiting()
			if !since.IsZero() && now.Sub(since) >= h.cfg.hangTime && now.Sub(hung) >= complainInterval {
				hung = now
				h.event("a Perl function does not return", fmt.Errorf("for %v; %d messages wait, %d bytes", now.Sub(since).Round(time.Second), frames, bytes))
			}
			if n := h.count.full.Load(); n > told && now.Sub(full) >= complainInterval {
				full, told = now, n
				h.event("messages for Perl are dropped", fmt.Errorf("%w: %d so far", errFull, n))
			}
		}
	}
}

var errFull = errors.New("its queue is full")
