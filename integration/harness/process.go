package harness

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// Process is a running program.
type Process struct {
	Name string
	Cmd  *exec.Cmd
	// Output is what the program has printed.
	Output testkit.Output
	// Done is closed when the program has ended, and Err is its error then.
	Done chan struct{}
	Err  error

	t testing.TB
}

// killTime bounds the wait for a program that was killed. A process that it has started may hold
// its output open.
const killTime = 5 * time.Second

// Launch starts a program.
func Launch(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	return Start(t, exec.CommandContext(context.Background(), path, args...), nil) // The clean-up ends it.
}

// Start starts a command. If within is not nil, it calls the function that starts the command, for
// example in a network namespace.
func Start(t testing.TB, cmd *exec.Cmd, within func(f func())) *Process {
	t.Helper()
	p := &Process{t: t, Name: filepath.Base(cmd.Path), Cmd: cmd, Done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Output, &p.Output
	inGroup(cmd)
	var err error
	if within == nil {
		within = func(f func()) { f() }
	}
	within(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("cannot start %s: %v", p.Name, err)
	}
	go func() {
		p.Err = cmd.Wait()
		close(p.Done)
	}()
	t.Cleanup(func() {
		killGroup(cmd)
		select { // It must not write to its directory when that is removed.
		case <-p.Done:
		case <-time.After(killTime):
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", p.Name, p.Tail(200))
		}
	})
	return p
}

// Says reports whether the program has printed a text.
func (p *Process) Says(text string) bool { return strings.Contains(p.Output.String(), text) }

// Expect waits until the program has printed a text. It ends the test at once if the program ends
// before.
func (p *Process) Expect(text string) {
	p.t.Helper()
	testkit.Wait(p.t, p.Name+" to print "+strconv.Quote(text), func() bool {
		if p.Says(text) {
			return true
		}
		select {
		case <-p.Done:
			p.t.Fatalf("%s ends without having printed %q: %v", p.Name, text, p.Err)
		default:
		}
		return false
	})
}

// Tail returns the last lines of the output.
func (p *Process) Tail(lines int) string {
	all := strings.SplitAfter(p.Output.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// Signal sends a signal, which has no effect if the program has ended.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
}

// Wait waits until the program ends and returns its error.
func (p *Process) Wait() error {
	p.t.Helper()
	select {
	case <-p.Done:
	case <-time.After(testkit.Patience):
		p.t.Fatalf("%s does not end", p.Name)
	}
	return p.Err
}

// Stop sends SIGTERM and checks that the program ends with status 0.
func (p *Process) Stop() {
	p.t.Helper()
	p.StopBy(syscall.SIGTERM)
}

// StopBy is Stop with another signal.
func (p *Process) StopBy(s os.Signal) {
	p.t.Helper()
	p.Signal(s)
	if err := p.Wait(); err != nil {
		p.t.Errorf("%s ends with %v", p.Name, err)
	}
}

// Kill kills the program, which must be running, and waits for its end.
func (p *Process) Kill() {
	p.t.Helper()
	select {
	case <-p.Done:
		p.t.Fatalf("%s has ended before it was killed: %v", p.Name, p.Err)
	default:
	}
	_ = p.Cmd.Process.Kill()
	<-p.Done
}
