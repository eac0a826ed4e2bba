package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/freeport"
)

// patience is for how long a test waits for what should come at once.
const patience = 30 * time.Second

// waitFor waits for a condition.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	if !comesTrue(cond) {
		t.Fatalf("waited in vain for %s", what)
	}
}

// comesTrue waits for a condition and tells whether it came true in time.
func comesTrue(cond func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			return false
		}
	}
	return true
}

// build compiles the programs, without cgo as they are shipped, and returns their folder.
func build(t testing.TB, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, p), "github.com/spreadd/spreadd/cmd/"+p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", p, err, out)
		}
	}
	return dir
}

// process is a program that runs.
type process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	output *lockedBuffer
	done   chan error
}

// lockedBuffer collects what a program prints, to be read while it runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// launch starts a program; it is killed, and its output shown, if the test fails.
func launch(t testing.TB, path string, args ...string) *process {
	t.Helper()
	return start(t, exec.CommandContext(context.Background(), path, args...), func(f func()) { f() }) // ended by the clean-up
}

// start is launch for a command that is started within do.
func start(t testing.TB, cmd *exec.Cmd, do func(f func())) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(cmd.Path), cmd: cmd, output: &lockedBuffer{}, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	inGroup(cmd)
	var err error
	do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		killGroup(cmd)
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.output)
		}
	})
	return p
}

// stop asks the program to end and checks that it does, with status 0.
func (p *process) stop() {
	p.t.Helper()
	p.end(syscall.SIGTERM)
}

// end is stop by another signal.
func (p *process) end(by os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Errorf("%s ends with %v", p.name, err)
		}
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.name)
	}
}

// freePort returns a port that no other test uses while this one lasts.
func freePort(t testing.TB) int {
	t.Helper()
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// answers reports whether something accepts connections on a port.
func answers(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func writeFile(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// get requests a page and returns the status.
func get(t testing.TB, c *http.Client, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
