package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// service is a program of a host that is killed and restarted often. Its output goes to a file.
type service struct {
	host    *farmHost
	name    string
	command []string
	parent  int  // the process that starts it, if that is not the test
	stopped bool // it must not be restarted now

	cmd  *exec.Cmd
	done chan struct{}
}

func (s *service) String() string { return s.name + " on " + s.host.name }

// isVictim reports whether the words of the flag name the program or its host.
func (s *service) isVictim(words string) bool {
	return words == "" || slices.ContainsFunc(strings.Split(words, ","), func(w string) bool { return w == s.name || w == s.host.name })
}

func (s *service) log() string { return s.host.path(s.name + ".out") }

func (s *service) start() {
	t := s.host.f.t
	t.Helper()
	if s.parent != 0 {
		return
	}
	out, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), s.command[0], s.command[1:]...) // kill or end ends it.
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.host.Do(func() { err = cmd.Start() })
	_ = out.Close() // The program has it.
	if err != nil {
		t.Fatalf("cannot start %v: %v", s, err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		_ = cmd.Wait() // end looks at the state.
		close(done)
	}()
}

// kill kills the program. It returns false if the program was not running and is not supposed to.
func (s *service) kill() bool {
	t := s.host.f.t
	t.Helper()
	if s.parent != 0 {
		pid := childNamed(s.parent, s.name)
		return pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	if s.stopped {
		return false
	}
	select {
	case <-s.done:
		t.Errorf("%v ended by itself: %v; it printed\n%s", s, s.cmd.ProcessState, tail(t, s.log()))
	default:
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	return true
}

// end stops the program in an orderly way.
func (s *service) end() {
	t := s.host.f.t
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // It may have ended.
	select {
	case <-s.done:
	case <-time.After(testkit.Patience):
		t.Fatalf("%v does not end", s)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%v ends with %v; it printed\n%s", s, s.cmd.ProcessState, tail(t, s.log()))
	}
}

func (s *service) cleanUp() {
	_ = s.cmd.Process.Kill()
	<-s.done
	if t := s.host.f.t; t.Failed() {
		t.Logf("the last output of %v:\n%s", s, tail(t, s.log()))
	}
}

// client sends requests to a web host at a rate, from the host itself. Each has its own number.
type client struct {
	host *farmHost
	stop func()

	mu       sync.Mutex
	answered map[string]answer
	slowest  time.Duration
}

// answer is when a request was sent, and when its answer was read.
type answer struct{ from, to time.Time }

// connections is the number of requests that a client has under way.
const connections = 4

func startClient(h *farmHost, rate int) *client {
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{host: h, answered: make(map[string]answer)}
	var wg sync.WaitGroup
	c.stop = func() {
		cancel()
		wg.Wait()
	}
	h.f.t.Cleanup(c.stop)
	for i := range connections {
		wg.Go(func() { c.run(ctx, i, time.Second*connections/time.Duration(rate)) })
	}
	return c
}

// run sends one request after the other.
func (c *client) run(ctx context.Context, worker int, interval time.Duration) {
	t := c.host.f.t
	dialer := &net.Dialer{}
	hc := &http.Client{Timeout: testkit.Patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			c.host.Do(func() { conn, err = dialer.DialContext(ctx, network, addr) })
			return conn, err
		},
	}}
	defer hc.CloseIdleConnections()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		id := fmt.Sprintf("%s-%d-%d", c.host.name, worker, n)
		began := time.Now()
		if err := c.get(hc, id); err != nil {
			t.Errorf("request %s: %v", id, err)
			return
		}
		c.mu.Lock()
		now := time.Now()
		c.answered[id] = answer{began, now}
		c.slowest = max(c.slowest, now.Sub(began))
		c.mu.Unlock()
	}
}

// get sends a request. It is not canceled, because a request without an answer may have a line.
func (c *client) get(hc *http.Client, id string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+c.host.addr+"/page.html?request="+id, nil)
	if err != nil {
		return err
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // It was read.
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != page {
		return fmt.Errorf("status %d, %q, %w", resp.StatusCode, strings.TrimSpace(string(body)), err)
	}
	return nil
}
