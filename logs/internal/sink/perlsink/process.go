package perlsink

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// script is what perl runs.
//
//go:embed helper.pl
var script string

// leftOpen is how long programs that modules have started may keep perl's output open after its
// end.
const leftOpen = time.Second

// process is a running perl.
type process struct {
	s     *Sink
	cmd   *exec.Cmd
	stdin *os.File
	began time.Time
	gone  chan struct{} // closed when perl has ended and all its output is read
	cause error         // why it ended, and
	last  string        // the last line that it printed; both valid when gone is closed

	ready  chan struct{} // closed when modules are loaded
	loaded bool          // ready is closed; belongs to the goroutine of Write
	failed []byte        // why modules cannot be loaded

	answered chan struct{} // receives a value after answers

	mu       sync.Mutex
	owed     []byte    // kinds of the frames that were sent and not answered, oldest first
	begun    bool      // the first of them is under way
	done     int       // messages that were answered since the last settle
	progress time.Time // when a frame was sent while none was owed, or the last answer came
}

// launch starts perl and has it load the modules.
func (s *Sink) launch(ctx context.Context) error {
	p := &process{s: s, gone: make(chan struct{}), ready: make(chan struct{}), answered: make(chan struct{}, 1)}
	p.cmd = exec.Command(s.program, "-e", script)
	isolate(p.cmd)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p, &s.output, leftOpen
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdin, p.stdin = r, w
	err = p.cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return errors.Join(err, w.Close())
	}
	p.began = time.Now()
	go p.wait()
	// The preparation usually fits into the pipe; otherwise the write continues while modules are
	// loaded.
	written := make(chan error, 1)
	go func() {
		_, err := p.stdin.Write(s.preparation)
		written <- err
	}()
	limit := time.NewTimer(s.cfg.startWait)
	defer limit.Stop()
	select {
	case <-p.ready:
		s.count.starts.Add(1)
		s.process.Store(p)
		return <-written
	case <-p.gone:
		return p.startError()
	case <-limit.C:
		p.end(0)
		return &StartError{fmt.Sprintf("not loaded after %v", s.cfg.startWait)}
	case <-ctx.Done():
		p.end(0)
		return ctx.Err()
	}
}

// startError says why a process that has ended did not start.
func (p *process) startError() error {
	why := string(bytes.TrimSpace(p.failed))
	if why == "" {
		why = "perl ended: " + p.cause.Error()
		if p.last != "" {
			why += "; its last output was: " + p.last
		}
	}
	return &StartError{why}
}

// wait waits for the end of the process, so that no zombie stays.
func (p *process) wait() {
	err := p.cmd.Wait()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		err = errors.New("exit status 0")
	}
	p.cause = err
	p.last = p.s.output.finish()
	_ = p.stdin.Close() // a write must not wait for a process that has inherited the other end
	close(p.gone)
}

// deliver sends frames from an index on, and waits until all are answered or perl has ended.
// Requests to reopen go before the frames that are not yet sent. The error is that of ctx.
func (p *process) deliver(ctx context.Context, f *frames, first int) error {
	stop := context.AfterFunc(ctx, func() {
		_ = p.stdin.SetWriteDeadline(time.Now()) // ends a write; where pipes have no deadlines, perl's end does
	})
	defer stop()
	reads := true // until perl closes its input
	for sent := first; ; {
		select {
		case <-p.s.hup:
			reads = reads && p.send(appendFrame(nil, frameReopen, ""), frameReopen, 1)
		default:
		}
		if chunk, n := f.chunk(sent); n > 0 && reads {
			reads = p.send(chunk, frameMessage, n)
			sent += n
		} else if owed, _ := p.owing(); owed == 0 {
			return nil
		} else {
			select {
			case <-p.answered:
			case <-p.s.hup:
				reads = reads && p.send(appendFrame(nil, frameReopen, ""), frameReopen, 1)
			case <-p.gone:
			case <-ctx.Done():
			}
		}
		switch {
		case closed(p.gone):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// send writes n frames of a kind, however long perl takes to read them. It fails only if perl has
// ended, or is to be stopped.
func (p *process) send(b []byte, kind byte, n int) bool {
	p.mu.Lock()
	if len(p.owed) == 0 {
		p.progress = time.Now()
	}
	for range n {
		p.owed = append(p.owed, kind)
	}
	p.mu.Unlock()
	_, err := p.stdin.Write(b)
	return err == nil
}

// Write receives the answers.
func (p *process) Write(b []byte) (int, error) {
	for i, answer := range b {
		switch {
		case p.failed != nil:
			p.failed = append(p.failed, b[i:]...)
			return len(b), nil
		case !p.loaded:
			if err := p.prepared(answer); err != nil {
				return i, err
			}
		default:
			if err := p.answer(answer); err != nil {
				return i, err
			}
		}
	}
	select {
	case p.answered <- struct{}{}:
	default: // already signaled
	}
	return len(b), nil
}

// prepared takes an answer to the preparation.
func (p *process) prepared(answer byte) error {
	switch answer {
	case answerDied: // a function of Hup
		p.s.count.diedHup.Add(1)
	case answerReady:
		p.loaded = true
		close(p.ready)
	case answerFailed:
		p.failed = []byte{' '}
	default:
		return fmt.Errorf("unexpected answer %q from perl while it started", answer)
	}
	return nil
}

// answer takes the answer to a frame.
func (p *process) answer(answer byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	died := false
	switch answer {
	case answerBegun:
		p.begun = len(p.owed) > 0
		return nil
	case answerDied, answerDiedLast:
		died = true
	case answerDone, answerDoneLast:
	default:
		return fmt.Errorf("unknown answer %q from perl", answer)
	}
	if len(p.owed) == 0 {
		return errors.New("more answers than questions from perl")
	}
	kind := p.owed[0]
	p.owed = p.owed[1:]
	more := answer == answerDone || answer == answerDied
	p.begun = more && len(p.owed) > 0
	p.progress = time.Now()
	switch {
	case kind == frameMessage && died:
		p.s.count.died.Add(1)
		p.done++
	case kind == frameMessage:
		p.s.count.returned.Add(1)
		p.done++
	case died:
		p.s.count.diedHup.Add(1)
	}
	return nil
}

// owing returns how many frames are not answered, and since when perl has not answered.
func (p *process) owing() (frames int, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.owed), p.progress
}

// settle returns how many messages are done since the last call. If perl has ended that includes
// the one that was under way, which may be the reason; all others that it had received go to the
// next process.
func (p *process) settle() (done int, interrupted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if closed(p.gone) {
		interrupted = p.begun && len(p.owed) > 0 && p.owed[0] == frameMessage
		p.owed, p.begun = nil, false
	}
	done, p.done = p.done, 0
	if interrupted {
		done++
	}
	return done, interrupted
}

// end ends the input of the process, and makes sure that it ends.
func (p *process) end(patience time.Duration) {
	_ = p.stdin.Close() // perl reads to its end
	for _, end := range []func(*exec.Cmd) error{terminate, kill} {
		t := time.NewTimer(patience)
		select {
		case <-p.gone:
			t.Stop()
			return
		case <-t.C:
			_ = end(p.cmd) // it may have ended just now
		}
		patience = p.s.cfg.EndWait
	}
	<-p.gone
}

var _ io.Writer = (*process)(nil)
