package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// maxMemory is the bound of the daemon's messages, and slack what a process may use beyond it.
const (
	maxMemory = 64 << 20
	slack     = 128 << 20
)

// host is a daemon in a process of its own, with a page.
type host struct {
	*harness.Process
	t       *testing.T
	address string
	page    string
}

func newHost(t *testing.T, program string) *host {
	t.Helper()
	var ports [2]int
	for i := range ports {
		var err error
		if ports[i], err = freeport.Find(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(t.TempDir(), "spread.conf")
	text := fmt.Sprintf("DaemonUser = root\nDaemonGroup = root\nSpread_Segment 127.0.0.1:%d {\n\talone 127.0.0.1\n}\n", ports[0])
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, address: fmt.Sprintf("%d@127.0.0.1", ports[0]), page: fmt.Sprintf("127.0.0.1:%d", ports[1])}
	cmd := exec.CommandContext(context.Background(), program, "-n", "alone", "-c", conf, "-socket-dir", "", "-http", h.page, "-max-memory", strconv.Itoa(maxMemory)) // The clean-up ends it.
	cmd.Env = append(cmd.Environ(), "STATE_DIRECTORY="+filepath.Dir(conf))
	h.Process = harness.Start(t, cmd, nil)
	testkit.Wait(t, "the daemon's page", func() bool { return h.scrape() == nil })
	return h
}

// scrape reads the metrics, as Prometheus does.
func (h *host) scrape() error {
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.page+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	_, read := io.Copy(io.Discard, resp.Body)
	return errors.Join(err, read, resp.Body.Close())
}

// memory returns the largest memory that the process has had.
func (h *host) memory() (bytesUsed int) {
	h.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Cmd.Process.Pid))
	if err != nil {
		h.t.Fatal(err)
	}
	_, after, _ := bytes.Cut(b, []byte("VmHWM:"))
	line, _, _ := strings.Cut(string(after), "\n")
	kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")))
	if err != nil {
		h.t.Fatal(err)
	}
	return kb << 10
}

func (h *host) dial() *spread.Conn {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), testkit.Patience)
	defer cancel()
	c, err := spread.Dial(ctx, h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Kill)
	return c
}

// TestMemory: whatever clients do, the process stays within the memory of messages and what it may use
// beyond it, its page is served, and another client connects.
func TestMemory(t *testing.T) {
	var programs harness.Set
	t.Cleanup(programs.Remove)
	program := filepath.Join(programs.Build(t, "spreadd"), "spreadd")
	for _, a := range []struct {
		name string
		by   func(h *host)
	}{
		{"receivers that do not read", func(h *host) { h.deaf(size(10, 60), size(2000, 20_000)) }},
		{"groups", func(h *host) { h.groups(size(10, 100)) }},
		{"connections that send nothing", func(h *host) { h.open("127.0.0.1"+port(h.address), size(200, 2000)) }},
		{"connections to the page", func(h *host) { h.open(h.page, size(200, 1000)) }},
	} {
		t.Run(a.name, func(t *testing.T) {
			h := newHost(t, program)
			idle := h.memory()
			a.by(h)
			began := time.Now()
			if err := h.scrape(); err != nil {
				t.Errorf("the page: %v", err)
			}
			scraped := time.Since(began)
			h.dial().Kill()
			most := h.memory()
			t.Logf("idle %d MiB, with %d MiB; a scrape takes %v, it and another client's connection %v",
				idle>>20, most>>20, scraped, time.Since(began))
			if most > maxMemory+slack {
				t.Errorf("the daemon has used %d MiB, and may use %d", most>>20, (maxMemory+slack)>>20)
			}
		})
	}
}

// port returns the port of an address of a daemon, with the colon.
func port(address string) string {
	p, _, _ := strings.Cut(address, "@")
	return ":" + p
}

// deaf connects clients that join the group of a publisher and never read.
func (h *host) deaf(clients, messages int) {
	for range clients {
		if err := h.dial().Join(h.t.Context(), "flood"); err != nil {
			h.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*testkit.Patience)
	defer cancel()
	p := h.dial()
	for range messages {
		if err := p.Multicast(ctx, spread.Agreed, 0, make([]byte, 10_000), "flood"); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := p.Flush(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// groups connects clients that join as many groups as they may.
func (h *host) groups(clients int) {
	for i := range clients {
		c := h.dial()
		for j := range size(1000, 10_000) {
			if err := c.Join(h.t.Context(), fmt.Sprintf("g%d.%d", i, j)); err != nil {
				h.t.Fatal(err)
			}
		}
		if err := c.Flush(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// open opens connections that send nothing.
func (h *host) open(address string, n int) {
	for range n {
		c, err := net.DialTimeout("tcp", address, testkit.Patience)
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = c.Close() })
	}
}
