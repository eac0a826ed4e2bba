package sink

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Times of a command.
const (
	// writeWait is how long a write waits, at most, for a command that does not read.
	// Then it counts as failed, and goes on with the next Retry.
	writeWait = time.Second
	// restartFirst and restartLast bound the pause before a command that ended by itself
	// is started again; it doubles each time.
	restartFirst = 100 * time.Millisecond
	restartLast  = 30 * time.Second
	// restartReset is how long a command has to run for the pause to begin
	// anew.
	restartReset = 10 * time.Second
	// endWait is how long a command may take to end after the end of its input, and
	// again after it was asked to, before it is killed.
	endWait = 5 * time.Second
)

// ErrBusy means that a command does not read what is written to it.
var ErrBusy = errors.New("the command does not read its input")

// CommandOptions are those of a command.
type CommandOptions struct {
	// LimitBytes and BatchBytes are as of [Options].
	LimitBytes, BatchBytes int
	// Output is what the command's standard output and error are; nil means
	// none.
	Output *os.File
	// EndWait is how long the command may take to end, and again after it was
	// asked to, before it is killed; zero means 5 s.
	EndWait time.Duration
}

// NewCommand returns a file that is the standard input of a command, which the
// shell runs. It is started by [File.Open], restarted when it ends by itself, and with each Reopen; then the
// old one sees the end of its input, and may take its time. Close waits for all.
//
// A record that a command has got only a part of is written to the next one as a
// whole. What it got and did not work off before it ended is lost, since nobody knows; the
// system keeps 64 KiB between the two.
func NewCommand(text string, opt CommandOptions) *File {
	c := &command{text: text, opt: opt}
	c.opt.EndWait = cmp.Or(c.opt.EndWait, endWait)
	f := NewFile("|"+text, Options{LimitBytes: opt.LimitBytes, BatchBytes: opt.BatchBytes, NoLock: true, open: c.open, done: c.wait})
	f.released = false
	return f
}

// command starts processes, one after the other.
type command struct {
	text string
	opt  CommandOptions

	running sync.WaitGroup // processes, and what waits for them

	mu    sync.Mutex
	pause time.Duration // before the next start
	after time.Time     // of which there is one
	ended error         // why
}

// open starts the command, unless it is too early.
func (c *command) open(string, bool) (handle, error) {
	c.mu.Lock()
	after, ended := c.after, c.ended
	c.mu.Unlock()
	if wait := time.Until(after); wait > 0 {
		return nil, fmt.Errorf("the command ended (%w), and is started again in %v", ended, wait.Round(time.Millisecond))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{command: c, stdin: w, gone: make(chan struct{})}
	p.cmd = shell(c.text)
	p.cmd.Stdin = r
	if c.opt.Output != nil { // a nil *os.File is not nil to exec
		p.cmd.Stdout, p.cmd.Stderr = c.opt.Output, c.opt.Output
	}
	err = p.cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	p.began = time.Now()
	c.running.Go(p.wait)
	return p, nil
}

// wait waits until all processes have ended.
func (c *command) wait() error {
	c.running.Wait()
	return nil
}

// process is a command that runs.
type process struct {
	command *command
	cmd     *exec.Cmd
	stdin   *os.File
	began   time.Time
	gone    chan struct{} // closed when it has ended

	mu     sync.Mutex
	closed bool // its input was ended by us
	broken bool // it has closed its input itself
}

// wait waits for the end of the process, so that no zombie stays, and says when
// the next may start.
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
	c := p.command
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(p.began) >= restartReset {
		c.pause = 0
	}
	c.pause = min(max(2*c.pause, restartFirst), restartLast)
	c.after, c.ended = time.Now().Add(c.pause), err
}

// ended reports whether the process has ended, or does not read any more.
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

// Write implements io.Writer.
func (p *process) Write(b []byte) (int, error) {
	if err := p.stdin.SetWriteDeadline(time.Now().Add(min(writeWait, p.command.opt.EndWait))); err != nil {
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

// Close ends the input of the process, and sees to it that it ends.
func (p *process) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.stdin.Close()
	p.command.running.Go(func() {
		for _, end := range []func(*exec.Cmd) error{terminate, kill} {
			select {
			case <-p.gone:
				return
			case <-time.After(p.command.opt.EndWait):
				_ = end(p.cmd) // it may have ended in this moment
			}
		}
	})
	return err
}

// Sync does nothing: a command has no disk.
func (p *process) Sync() error { return nil }

// Stat does not tell anything about a command.
func (p *process) Stat() (os.FileInfo, error) { return nil, errors.ErrUnsupported }

// Truncate cannot take back what a command has got.
func (p *process) Truncate(int64) error { return errors.ErrUnsupported }
