//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
)

// program is the program in a process of its own.
type program struct {
	*exec.Cmd
	log testkit.Output
}

// command returns the program with arguments that have no spaces.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), asProgram+"="+strings.Join(args, " "))
	return cmd
}

// start starts it.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: command(t, args...)}
	p.Stderr = &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end ends the program by SIGTERM, and fails the test if that takes long.
func (p *program) end(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	defer late.Stop()
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM it ends with %v; the log says %s", err, &p.log)
	}
}

// noFiles makes what is no regular file in a directory, and returns the paths.
func noFiles(t *testing.T, dir string) []string {
	t.Helper()
	fifo, socket, sub := filepath.Join(dir, "fifo.log"), filepath.Join(dir, "socket.log"), filepath.Join(dir, "dir.log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return []string{fifo, socket, sub, "/dev/zero", "/dev/tty"}
}

// TestBlocking: FIFOs, sockets, devices and directories in the place of a log, beside one, as state
// and as spool do not stop other inputs, a reload or the end.
func TestBlocking(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	dir := t.TempDir()
	log, state, spool := filepath.Join(dir, "access.log"), filepath.Join(dir, "state"), filepath.Join(dir, "spool")
	var text strings.Builder
	fmt.Fprintf(&text, "daemon = %q\ngroups = [\"g\"]\ndelivery = \"ordered\"\nstate = %q\n[spool]\ndir = %q\n[[input]]\nfile = %q\nfrom_start = true\n", address, state, spool, log)
	for _, path := range noFiles(t, dir) {
		fmt.Fprintf(&text, "[[input]]\nfile = %q\n", path)
	}
	config := filepath.Join(dir, "logpub.toml")
	writeFile(t, config, text.String())
	for _, path := range []string{log + ".pipe", log + ".1", filepath.Join(dir, "fifo.log.1")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := func(p *program, text string) {
		t.Helper()
		f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text + "\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := next(t, sub); !strings.Contains(got, text) {
			t.Errorf("received %s, want %q; the log says %s", got, text, &p.log)
		}
	}
	p := start(t, "-c", config)
	line(p, "one")
	p.signal(t, syscall.SIGHUP)
	p.log.Wait(t, "configuration reloaded")
	line(p, "two")
	p.end(t)

	// The state file, and what replaces it, have become FIFOs.
	states, err := filepath.Glob(filepath.Join(state, "*.pos"))
	if err != nil || len(states) == 0 {
		t.Fatal(states, err)
	}
	for _, path := range states {
		for _, path := range []string{path, path + ".new"} {
			_ = os.Remove(path)
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Rename(log, log+".old"); err != nil {
		t.Fatal(err)
	}
	p = start(t, "-c", config)
	p.log.Wait(t, "cannot read the saved position")
	line(p, "three")
	p.end(t)
}

// TestBlockingConfig: a configuration that is a FIFO is refused, and a pipe without an end does not
// keep the program from ending.
func TestBlockingConfig(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "logpub.toml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-c", fifo)
	if err := p.Wait(); err == nil || !strings.Contains(p.log.String(), "not a regular file") {
		t.Errorf("it ends with %v, and says %s", err, &p.log)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var stderr testkit.Output
	go func() {
		ended <- run(ctx, []string{"-c", fmt.Sprintf("/dev/fd/%d", r.Fd())}, strings.NewReader(""), io.Discard, &stderr)
	}()
	cancel()
	select {
	case status := <-ended:
		if status != flags.Failed || !strings.Contains(stderr.String(), context.Canceled.Error()) {
			t.Errorf("status %d, says %s", status, &stderr)
		}
	case <-time.After(patience):
		t.Fatal("it waits for a configuration that does not come")
	}
}

// TestCheckFiles: -check reports each file that cannot be followed, all at once and with its place. At
// the start the log does, and other inputs go on.
func TestCheckFiles(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	dir := t.TempDir()
	good, config := filepath.Join(dir, "good.log"), filepath.Join(dir, "logpub.toml")
	var text strings.Builder
	fmt.Fprintf(&text, "daemon = %q\ngroups = [\"g\"]\n", address)
	paths := append(noFiles(t, dir), filepath.Join(good, "access.log"), filepath.Join(dir, "missing", "access.log"), good, filepath.Join(dir, "late.log"))
	writeFile(t, good, "a line\n")
	for _, path := range paths {
		fmt.Fprintf(&text, "[[input]]\nfile = %q\nfrom_start = true\n", path)
	}
	writeFile(t, config, text.String())
	var stdout, stderr testkit.Output
	status := run(t.Context(), []string{"-check", "-c", config}, strings.NewReader(""), &stdout, &stderr)
	if status != flags.Failed || stdout.String() != "" {
		t.Errorf("status %d, prints %s", status, &stdout)
	}
	bad := paths[:len(paths)-2]
	if n := strings.Count(stderr.String(), "\n"); n != len(bad)+1 || !strings.Contains(stderr.String(), "late.log: it is read from its beginning once it appears") {
		t.Errorf("%d lines for %d files that cannot be followed, and one that does not exist:\n%s", n, len(bad), &stderr)
	}
	for i, path := range bad {
		if want := fmt.Sprintf("%s:%d:1: ", config, 4+3*i); !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: nothing begins with %q in\n%s", path, want, &stderr)
		}
	}
	p := start(t, "-c", config)
	for _, path := range bad {
		p.log.Wait(t, fmt.Sprintf("level=WARN msg=\"cannot open file; will keep retrying\" file=%s", path))
	}
	p.log.Wait(t, "level=WARN msg=\"file does not exist yet\" error=\"open "+paths[len(paths)-1])
	if got := next(t, sub); !strings.Contains(got, "a line") {
		t.Errorf("received %s", got)
	}
	p.end(t)
	if n := strings.Count(p.log.String(), "cannot open file"); n != len(bad) {
		t.Errorf("the log has %d warnings for %d files: %s", n, len(bad), &p.log)
	}
}
