//go:build unix

package logpub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// Environment variables that make the test binary a publisher of its standard input.
const (
	crashSpool  = "LOGPUB_CRASH_SPOOL"
	crashDaemon = "LOGPUB_CRASH_DAEMON"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFiles); dir != "" {
		if err := publishFiles(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // what stands for main
		}
		return
	}
	if dir := os.Getenv(crashState); dir != "" {
		p, err := New(Config{Address: os.Getenv(crashDaemon), Groups: []string{"g"}, Publisher: "web", State: dir})
		if err == nil {
			err = p.Run(context.Background(), os.Stdin)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // what stands for main
		}
		return
	}
	if dir := os.Getenv(crashSpool); dir != "" {
		p, err := New(Config{
			Address: os.Getenv(crashDaemon), Groups: []string{"g"},
			Delivery: Ordered, Publisher: "web",
			Spool: dir, SpoolAfter: -1, QueueBytes: 64 << 10, BlockTime: time.Minute,
		})
		if err == nil {
			err = p.Run(context.Background(), os.Stdin)
		}
		// A torn end is what a kill in the middle of a write leaves.
		if st := p.Stats(); err == nil && st.SpoolErrors+st.DroppedBytes["spool_damaged"] > 0 {
			err = fmt.Errorf("trouble with the spool: %+v", st)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // what stands for main
		}
		return
	}
	m.Run()
}

// TestCrash kills a publisher over and over, which its successors follow on the same pipe as
// Apache does it, while its daemon comes and goes. What was written must arrive, but for
// what a killed process had read and not yet written to the spool: less than the pipe's buffer and
// the block under way.
func TestCrash(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for i := range 4 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			crash(t, rounds, rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano()))))
		})
	}
}

// gate is a listener that can be shut, which ends its connections, but not those that did not
// come through it.
type gate struct {
	net.Listener
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		shut := g.shut
		if shut {
			_ = c.Close()
		} else {
			g.conns = append(g.conns, c)
		}
		g.mu.Unlock()
		if !shut {
			return c, nil
		}
	}
}

func crash(t *testing.T, rounds int, rng *rand.Rand) {
	t.Helper()
	d := spreadtest.New("alpha")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate := &gate{Listener: l}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = d.Serve(gate) // until it is closed
	}()
	defer func() {
		_ = l.Close()
		<-served
		d.Close()
	}()
	sub, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Kill()
	if err := sub.Join(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []int
	names := make(map[envelope.Header]int)
	named := make(map[int]int)
	go func() {
		for {
			ev, err := sub.Receive(t.Context())
			if err != nil {
				return
			}
			if m, ok := ev.(*spread.Message); ok {
				var h envelope.Header
				lines, err := h.Decode(m.Payload)
				if errors.Is(err, envelope.ErrControl) {
					continue
				}
				if err != nil {
					t.Errorf("received %q, %v", m.Payload, err)
				}
				for line := range strings.Lines(string(lines)) {
					n, err := strconv.Atoi(line[:min(10, len(line))])
					if err != nil {
						t.Errorf("received %q", line)
					}
					mu.Lock()
					if before, ok := names[h]; ok && before != n {
						t.Errorf("%+v is line %d, and was line %d", h, n, before)
					} else if !ok {
						named[n]++ // once, if a subscriber drops repeats
					}
					names[h] = n
					got = append(got, n)
					mu.Unlock()
					h.Seq++
				}
			}
		}
	}()
	seen := func(n int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(got) > 0 && got[len(got)-1] == n
		}
	}

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	start := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), crashSpool+"="+dir, crashDaemon+"="+fmt.Sprintf("%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port))
		cmd.Stdin = r
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &stderr
	}
	// A web server that writes whole lines, some 200 bytes each.
	written := make(chan int, 1)
	stop := make(chan struct{})
	go func() {
		n := 0
		defer func() { written <- n }()
		pause := time.NewTicker(time.Millisecond)
		defer pause.Stop()
		for {
			select {
			case <-stop:
				return
			case <-pause.C:
			}
			for range 20 {
				n++
				if _, err := fmt.Fprintf(w, "%010d%s\n", n, strings.Repeat("x", n%400)); err != nil {
					return
				}
			}
		}
	}()
	for range rounds {
		cmd, stderr := start()
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(5+rng.IntN(60)) * time.Millisecond):
		case err := <-exited:
			t.Fatalf("it ended by itself: %v: %s", err, stderr)
		}
		_ = cmd.Process.Kill()
		<-exited
		gate.set(rng.IntN(2) == 0)
	}
	gate.set(false)
	cmd, stderr := start()
	close(stop)
	n := <-written
	if _, err := fmt.Fprintf(w, "%010d\n", n+1); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "the last line", seen(n+1))
	_ = w.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v: %s", err, stderr)
	}

	mu.Lock()
	defer mu.Unlock()
	count := make([]int, n+2)
	jumps := 0
	for i, v := range got {
		if v < 1 || v > n+1 {
			t.Fatalf("received line %d of %d", v, n+1)
		}
		count[v]++
		if i > 0 && v < got[i-1] {
			jumps++ // a block that was sent again
		}
	}
	for n, times := range named {
		if times != 1 {
			t.Errorf("line %d has %d names: who drops repeats would have it that often", n, times)
		}
	}
	lost, again := 0, 0
	for _, c := range count[1:] {
		if c == 0 {
			lost++
		}
		again += max(0, c-1)
	}
	t.Logf("killed %d times: %d lines written, %d lost, %d repeated in %d places", rounds, n+1, lost, again, jumps)
	// Each kill may meet a read that has emptied the pipe and is not on disk yet.
	if most := rounds * input.PipeBytes / 200; lost > most {
		t.Errorf("%d lines lost, at most %d are allowed", lost, most)
	}
	if jumps > 2*rounds {
		t.Errorf("the order is broken in %d places, with %d sessions", jumps, rounds)
	}
}
