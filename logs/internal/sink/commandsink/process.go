package commandsink

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	// writeWait bounds how long a write waits for a command that does not read.
	writeWait = time.Second
	// restartFirst and restartLast bound the pause before a command that ended by itself is started
	// again; it doubles each time.
	restartFirst = 100 * time.Millisecond
	restartLast  = 30 * time.Second
	// restartReset is how long a command must run for the pause to start from restartFirst again.
	restartReset = 10 * time.Second
)

// process is a running command.
type process struct {
	sink  *Sink
	cmd   *exec.Cmd
	stdin *os.File
	began time.Time
	gone  chan struct{} // closed when it has ended

	mu     sync.Mutex
	closed bool // we have ended its input
	broken bool // it has closed its input itself
}

// start starts the command, unless the pause is not over.
func (s *Sink) start() (*process, error) {
	s.restart.Lock()
	after, cause := s.restart.after, s.restart.cause
	s.restart.Unlock()
	if wait := time.Until(after); wait > 0 {
		return nil, fmt.Errorf("it ended (%w); restarting in %v", cause, wait.Round(time.Millisecond))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{sink: s, cmd: shell(s.text), stdin: w, gone: make(chan struct{})}
	p.cmd.Stdin = r
	if s.opt.Output != nil { // a nil *os.File is not nil to exec
		p.cmd.Stdout, p.cmd.Stderr = s.opt.Output, s.opt.Output
	}
	err = p.cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	p.began = time.Now()
	s.running.Go(p.wait)
	return p, nil
}

// wait waits for the end of the process, so that no zombie stays, and sets when the next one may
// start.
func (p *process) wait() {
	err := p.cmd.Wait()
	close(p.gone)
	p.mu.Lock()
	asked := p.closed && !p.broken
	p.mu.Unlock()
	if asked {
		return
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	r := &p.sink.restart
	r.Lock()
	defer r.Unlock()
	if time.Since(p.began) >= restartReset {
		r.pause = 0
	}
	r.pause = min(max(2*r.pause, restartFirst), restartLast)
	r.after, r.cause = time.Now().Add(r.pause), err
}

// ended reports whether the process has ended, or no longer reads.
func (p *process) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gone:
		return true
	default:
		return p.broken
	}
}

// write writes to the process. It waits writeWait at most.
func (p *process) write(b []byte) (int, error) {
	if err := p.stdin.SetWriteDeadline(time.Now().Add(min(writeWait, p.sink.opt.EndWait))); err != nil {
		return 0, err
	}
	n, err := p.stdin.Write(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = ErrBusy
	case err != nil:
		p.mu.Lock()
		p.broken = true
		p.mu.Unlock()
	}
	return n, err
}

// closeInput ends the input of the process, and makes sure that it ends.
func (p *process) closeInput() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.stdin.Close()
	p.sink.running.Go(func() {
		for _, end := range []func(*exec.Cmd) error{terminate, kill} {
			select {
			case <-p.gone:
				return
			case <-time.After(p.sink.opt.EndWait):
				_ = end(p.cmd) // it may have ended just now
			}
		}
	})
	return err
}
