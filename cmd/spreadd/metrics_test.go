package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestMetrics: metrics are served from the daemon's start to its end.
func TestMetrics(t *testing.T) {
	serving := make(chan *prom.Server, 1)
	var stdout, stderr testkit.Output
	p := program{
		stdout: &stdout, stderr: &stderr, env: spreadconf.SystemEnvironment(),
		serving: func(s *prom.Server) { serving <- s },
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	status := make(chan int, 1)
	conf := localringtest.New(t, asRoot(), "here").File
	go func() {
		status <- p.run(ctx, []string{"-c", conf, "-socket-dir", t.TempDir(), "-metrics", "127.0.0.1:0"})
	}()
	var addr string
	select {
	case s := <-serving:
		addr = s.Addr().String()
	case s := <-status:
		t.Fatalf("spreadd ends with status %d: %s", s, &stderr)
	case <-time.After(testkit.Patience):
		t.Fatal("spreadd does not start")
	}
	get := func() (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = r.Body.Close() }()
		b, err := io.ReadAll(r.Body)
		return string(b), err
	}
	testkit.Wait(t, "the membership is installed", func() bool {
		page, err := get()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(page, `spreadd_ring_member{daemon="here"} 1`)
	})
	stop()
	if s := <-status; s != flags.OK {
		t.Errorf("status %d: %s", s, &stderr)
	}
	if _, err := get(); err == nil {
		t.Error("metrics are served by a daemon that has ended")
	}
	if !strings.Contains(stdout.String(), "serving metrics address="+addr) {
		t.Errorf("the log does not tell where metrics are:\n%s", &stdout)
	}
}

// asRoot are the options of a daemon that root runs in a test.
func asRoot() string {
	if os.Geteuid() == 0 {
		return "DaemonUser = root\nDaemonGroup = root\n"
	}
	return ""
}

// TestMetricsAddress: where metrics cannot be served, nothing is.
func TestMetricsAddress(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conf := localringtest.New(t, asRoot(), "here").File
	dir := t.TempDir()
	for _, tt := range []struct {
		addr   string
		status int
		stderr string
	}{
		{l.Addr().String(), flags.Failed, "cannot serve metrics on " + l.Addr().String()},
		{"9803x", flags.Misuse, `"9803x" is not an address with a port`},
	} {
		status, _, stderr := runArgs(t, "-c", conf, "-socket-dir", dir, "-metrics", tt.addr)
		if status != tt.status || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("-metrics %s: status %d, %q; want %d, %q", tt.addr, status, stderr, tt.status, tt.stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("a socket is left behind: %v, %v", left, err)
	}
}
