package commandsink

import (
	"errors"
	"fmt"
	"log/slog"
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

var errClosedInput = errors.New("it closed its input")

// process is a running command.
type process struct {
	sink  *Sink
	cmd   *exec.Cmd
	stdin *os.File
	began time.Time
	gone  chan struct{} // closed when it has ended

	paused bool // the pause before the next start is set; guarded by sink.restart

	mu     sync.Mutex
	closed bool     // we have ended its input
	broken bool     // it has closed its input itself
	rest   *os.File // once closed: the other end of the pipe, if the system gives us that
	handed handed   // lines that are left to it
	unread int      // bytes of its input that it had not read when it ended
}

// handed are lines that were in the pipe when we ended the input of a process.
type handed struct {
	begin int   // where the first one begins
	ends  []int // where each ends
	total int   // bytes that the process has received, with those of a torn line
}

// last returns how many lines, and how many bytes of them, are among the last bytes.
func (h *handed) last(unread int) (lines, bytes int) {
	read := h.total - unread
	for i := len(h.ends) - 1; i >= 0 && h.ends[i] > read; i-- {
		lines++
		bytes = h.ends[len(h.ends)-1] - h.begin
		if i > 0 {
			bytes = h.ends[len(h.ends)-1] - h.ends[i-1]
		}
	}
	return lines, bytes
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

// wait waits for the end of the process, so that no zombie stays, logs it, and sets when the next
// one may start.
func (p *process) wait() {
	err := p.cmd.Wait()
	p.mu.Lock()
	asked := p.closed && !p.broken
	switch { // a child of the command may read on
	case !p.closed && !hasReader(p.stdin):
		p.unread = waiting(p.stdin)
	case p.rest != nil && !alive(p.cmd):
		p.unread = waiting(p.rest)
	}
	if p.rest != nil {
		_ = p.rest.Close() // it was only looked at
	}
	unread := p.unread
	lost := p.sink.countHanded(&p.handed, unread)
	var pause time.Duration
	if !asked {
		if err == nil {
			err = errors.New("exit status 0")
		}
		pause = p.pause(err) // before anybody sees that it is gone
	}
	close(p.gone)
	p.mu.Unlock()
	log := p.sink.opt.Log.With(slog.Int("unread_bytes", unread))
	switch {
	case !asked:
		log.Warn("command ended; it will be restarted", slog.Any("error", err), slog.String("pause", pause.String()))
	case err != nil || lost > 0:
		log.Warn("command ended", slog.Any("error", err), slog.Int("lost_lines", lost))
	}
}

// pause sets when the next process may start, once: when this one closes its input or when it has
// ended, whichever is noticed first. It returns the pause.
func (p *process) pause(cause error) time.Duration {
	r := &p.sink.restart
	r.Lock()
	defer r.Unlock()
	if !p.paused {
		p.paused = true
		if time.Since(p.began) >= restartReset {
			r.pause = 0
		}
		r.pause = min(max(2*r.pause, restartFirst), restartLast)
		r.after = time.Now().Add(r.pause)
	}
	r.cause = cause
	return r.pause
}

// closedInput notes that the process has closed its input itself. Its mu is held.
func (p *process) closedInput() {
	if !p.broken {
		p.broken = true
		p.pause(errClosedInput)
	}
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

// deaf reports whether the process has closed its input. A write would tell, but there may be none
// while lines wait in the pipe.
func (p *process) deaf() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !hasReader(p.stdin) {
		p.closedInput()
	}
	return p.broken
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
		p.closedInput()
		p.mu.Unlock()
	}
	return n, err
}

// left returns how many bytes of its input the process has not read.
func (p *process) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gone:
		return p.unread
	default:
		return waiting(p.stdin)
	}
}

// closeInput ends the input of the process, and makes sure that it ends. It reports whether h, the
// lines in the pipe, is left to it: not if it has ended by itself, or has closed its input.
func (p *process) closeInput(h handed) (left bool) {
	p.mu.Lock()
	p.closed = true
	select {
	case <-p.gone:
	default:
		p.rest = otherEnd(p.stdin)
		if left = !p.broken; left {
			p.handed = h
		}
	}
	p.mu.Unlock()
	_ = p.stdin.Close()
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
	return left
}
