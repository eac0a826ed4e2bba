//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestFIFO: FIFOs in the places of spread.conf, an access file and the log file are refused, at the
// start and by a reload, and later reloads and the end work.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const methods = "RequiredAuthMethods = \"IP\"\nAllowedAuthMethods = \"IP\"\n"
	access, log := filepath.Join(dir, "spread.access_ip"), filepath.Join(dir, "spread.log")
	f := &fleet{t: t, file: filepath.Join(dir, "spread.conf"), ports: make(map[string]int)}
	f.write("", "a")
	a := f.start("a")
	instead := func(path string) {
		t.Helper()
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(path string) {
		t.Helper()
		want := path + ": not a regular file"
		if status, stdout, stderr := runArgs(t, "-n", "a", "-c", f.file, "-socket-dir", ""); status != flags.Failed || !strings.Contains(stdout+stderr, want) {
			t.Errorf("status %d, says %s%s, want %s", status, stdout, stderr, want)
		}
	}
	instead(f.file)
	refused(f.file)
	f.reload(a, "cannot reload the configuration; keeping the old one")
	if err := os.Remove(f.file); err != nil {
		t.Fatal(err)
	}
	instead(access)
	f.write(methods, "a")
	refused(filepath.Base(access))
	f.reload(a, "cannot reload the configuration; keeping the old one")
	instead(log)
	f.write("EventLogFile = "+log+"\n", "a")
	refused(log)
	f.write("", "a")
	f.reload(a, "configuration reloaded")
	a.stop()
	if s := <-a.status; s != flags.OK {
		t.Errorf("it ends with status %d", s)
	}
}

// TestPipeConfiguration: a configuration that does not come through a pipe is waited for, until the
// program ends.
func TestPipeConfiguration(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	var stdout, stderr testkit.Output
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	p := program{stdout: &stdout, stderr: &stderr, env: spreadconf.SystemEnvironment()}
	go func() { status <- p.run(ctx, []string{"-c", fmt.Sprintf("/dev/fd/%d", r.Fd())}) }()
	cancel()
	if s := <-status; s != flags.Failed || !strings.Contains(stderr.String(), context.Canceled.Error()) {
		t.Errorf("status %d, says %s", s, &stderr)
	}
}
