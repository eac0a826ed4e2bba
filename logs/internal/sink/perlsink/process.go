package perlsink

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// script is what the helper runs.
//
//go:embed helper.pl
var script string

// leftOpen is how long what a helper has started may keep its output open after its
// end.
const leftOpen = time.Second

var errDeadline = errors.New("there is no time left")

// process is a helper that runs.
type process struct {
	h     *Helper
	cmd   *exec.Cmd
	stdin *os.File
	began time.Time
	gone  chan struct{} // closed when it has ended, and all that it said is read
	ended error         // why; valid when gone is closed, as is last
	last  string        // line that it printed

	ready  chan struct{} // closed when modules are loaded
	loaded bool          // ready is closed; of the goroutine of Write
	failed []byte        // why they are not, if there is something
}

// launch starts a helper and has it load the modules.
func (h *Helper) launch(stop <-chan struct{}) (*process, error) {
	p := &process{h: h, gone: make(chan struct{}), ready: make(chan struct{})}
	p.cmd = exec.Command(h.program, "-e", script)
	isolate(p.cmd)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p, &h.output, leftOpen
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdin, p.stdin = r, w
	err = p.cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	p.began = time.Now()
	h.count.pid.Store(int64(p.cmd.Process.Pid))
	go p.wait()
	// It is small, and a pipe holds it; else it goes on as modules are loaded.
	written := make(chan error, 1)
	go func() {
		_, err := p.stdin.Write(h.preparation)
		written <- err
	}()
	limit := time.NewTimer(h.cfg.startWait)
	defer limit.Stop()
	select {
	case <-p.ready:
		return p, <-written
	case <-p.gone:
		return nil, p.startError()
	case <-limit.C:
		p.end(0)
		return nil, &StartError{fmt.Sprintf("they have not been loaded after %v", h.cfg.startWait)}
	case <-stop:
		p.end(0)
		return nil, errDeadline
	}
}

// startError says why a process that has ended did not start.
func (p *process) startError() error {
	why := string(bytes.TrimSpace(p.failed))
	if why == "" {
		why = "perl has ended meanwhile: " + p.ended.Error()
		if p.last != "" {
			why += "; its last words are: " + p.last
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
	p.ended = err
	p.h.count.pid.Store(0)
	p.last = p.h.output.finish()
	_ = p.stdin.Close() // so that a write does not wait for a process that has inherited the other end
	close(p.gone)
}

// Write takes the answers.
func (p *process) Write(b []byte) (int, error) {
	c, q := &p.h.count, p.h.queue
	for i, answer := range b {
		if p.failed != nil {
			p.failed = append(p.failed, b[i:]...)
			break
		}
		if !p.loaded {
			switch answer {
			case answerDied: // a function of Hup
				c.diedHup.Add(1)
			case answerReady:
				p.loaded = true
				close(p.ready)
			case answerFailed:
				p.failed = []byte{' '}
			default:
				return i, fmt.Errorf("the helper has answered %q while it started", answer)
			}
			continue
		}
		died := false
		switch answer {
		case answerBegun:
			q.begin()
			continue
		case answerDied, answerDiedLast:
			died = true
		case answerDone, answerDoneLast:
		default:
			return i, fmt.Errorf("the helper has answered %q", answer)
		}
		kind, ok := q.done(answer == answerDone || answer == answerDied)
		switch {
		case !ok:
			return i, errors.New("the helper has answered more than it was asked")
		case kind == frameMessage && died:
			c.died.Add(1)
		case kind == frameMessage:
			c.returned.Add(1)
		case died:
			c.diedHup.Add(1)
		}
	}
	return len(b), nil
}

// feed writes frames until the process ends, the queue is empty and stays so since closing is closed, or
// until stop is.
func (p *process) feed(closing, stop <-chan struct{}) {
	q := p.h.queue
	var chunk []byte
	for {
		chunk = q.take(chunk[:0])
		if len(chunk) > 0 {
			if p.write(chunk, stop) != nil {
				return
			}
			continue
		}
		select {
		case <-closing:
			if frames, _, _ := q.waiting(); frames == 0 {
				return
			}
		default:
		}
		select {
		case <-q.wake:
		case <-p.gone:
			return
		case <-stop:
			return
		}
	}
}

// write writes all of b, however long the helper takes for it.
func (p *process) write(b []byte, stop <-chan struct{}) error {
	written := make(chan struct{})
	defer close(written)
	go func() {
		select {
		case <-stop:
			_ = p.stdin.SetWriteDeadline(time.Now()) // where there are none, the helper's end does it
		case <-written:
		}
	}()
	_, err := p.stdin.Write(b)
	return err
}

// end ends the input of the process, and sees to it that it ends.
func (p *process) end(patience time.Duration) {
	_ = p.stdin.Close() // it has ended, or finds the end; there is nothing in between
	for _, end := range []func(*exec.Cmd) error{terminate, kill} {
		t := time.NewTimer(patience)
		select {
		case <-p.gone:
			t.Stop()
			return
		case <-t.C:
			_ = end(p.cmd) // it may have ended in this moment
		}
		patience = p.h.cfg.EndWait
	}
	<-p.gone
}

var _ io.Writer = (*process)(nil)
