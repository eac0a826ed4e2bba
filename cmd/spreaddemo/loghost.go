package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
	"github.com/spreadd/spreadd/logs/logsub/cli"
)

// logsubVariable is the environment variable that makes this program a logsub.
const logsubVariable = "SPREADDEMO_LOGSUB"

// runLogsub is the program as a logsub. It ends with its parent, however that ends, because its
// standard input is a pipe from there.
func runLogsub() (status int) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // Nothing is written to it.
		os.Exit(1)                           //nolint:forbidigo // Its parent has ended; nobody waits for a status.
	}()
	return cli.Main()
}

// logHost is a log host with a logsub as a process of its own.
type logHost struct {
	name, dir, conf string
	files           []*lineCount // by site
	log             *slog.Logger

	mu     sync.Mutex // start and kill come from several goroutines
	cmd    *exec.Cmd
	done   chan struct{} // closed when cmd has ended
	stdin  io.Closer
	joined chan struct{} // gets a value each time it has joined all groups
}

func newLogHost(name, dir, daemon string, sites []weblog.Site, log *slog.Logger) (*logHost, error) {
	h := &logHost{name: name, dir: filepath.Join(dir, name), log: log.With(slog.String("host", name))}
	if err := os.RemoveAll(h.dir); err != nil {
		return nil, fmt.Errorf("cannot remove the files of an earlier run: %w", err)
	}
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the directory of %s: %w", name, err)
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "daemon = %q\nhost = %q\nstats_interval = \"0s\"\n", daemon, name)
	for _, s := range sites {
		file := filepath.Join(h.dir, s.Group+".log")
		fmt.Fprintf(&conf, "\n[[log]]\ngroup = %q\nfile = %q\nenvelope = \"index\"\n", s.Group, file)
		h.files = append(h.files, &lineCount{path: file})
	}
	conf.WriteString("\n[heal]\nlisten = \"127.0.0.1:0\"\n")
	h.conf = filepath.Join(dir, name+".toml")
	if err := os.WriteFile(h.conf, []byte(conf.String()), 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the configuration of %s: %w", name, err)
	}
	return h, nil
}

func (h *logHost) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	cmd, err := h.command(context.Background(), "-c", h.conf) // kill or stop ends it.
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("cannot start the logsub of %s: %w", h.name, err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("cannot start the logsub of %s: %w", h.name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the logsub of %s: %w", h.name, err)
	}
	h.cmd, h.done, h.stdin, h.joined = cmd, make(chan struct{}), stdin, make(chan struct{}, 16)
	go h.follow(cmd, stderr, h.joined, h.done)
	return nil
}

// follow reads what a logsub logs, and waits for its end.
func (h *logHost) follow(cmd *exec.Cmd, stderr io.Reader, joined, done chan struct{}) {
	defer close(done)
	joins := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		h.log.Info("logsub", slog.String("line", lines.Text()))
		if strings.Contains(lines.Text(), "joined group") {
			if joins++; joins%len(h.files) == 0 {
				select {
				case joined <- struct{}{}:
				default: // Nobody waits.
				}
			}
		}
	}
	_ = cmd.Wait() // awaitJoined reports the state.
}

// awaitJoined waits until the logsub has joined its groups, once more if it had.
func (h *logHost) awaitJoined(ctx context.Context) error {
	select {
	case <-h.joined:
		return nil
	case <-h.done:
		return fmt.Errorf("the logsub of %s ended: %v; run the demo with -v to see its log", h.name, h.cmd.ProcessState)
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return fmt.Errorf("the logsub of %s did not join its groups within %v", h.name, patience)
	}
}

// kill kills the logsub, if it runs.
func (h *logHost) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cmd != nil {
		_ = h.cmd.Process.Kill() // It may have ended.
		<-h.done
		_ = h.stdin.Close() // It has no reader.
	}
}

// stop ends the logsub in an orderly way, so that its files are whole.
func (h *logHost) stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = h.cmd.Process.Kill() // There are no such signals on Windows.
	}
	select {
	case <-h.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the logsub of %s does not end", h.name)
	}
}

// fill copies what this log host missed from another one. Their logsubs must not run.
func (h *logHost) fill(ctx context.Context, from *logHost) error {
	cmd, err := h.command(ctx, "-fill", h.dir, "-from", from.dir)
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer func() { _ = stdin.Close() }() // Nothing was written.
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot fill the files of %s from %s: %w: %s", h.name, from.name, err, bytes.TrimSpace(out))
	}
	return nil
}

// command returns a command that is a logsub.
func (h *logHost) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start the logsub of %s: %w", h.name, err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), logsubVariable+"=1")
	return cmd, nil
}

// lines returns how many lines are in the files.
func (h *logHost) lines() (sum int64) {
	for _, f := range h.files {
		sum += f.count()
	}
	return sum
}

// lineCount counts the lines of a file that grows and may be replaced.
type lineCount struct {
	path string

	mu    sync.Mutex
	file  os.FileInfo
	at, n int64
}

func (c *lineCount) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := os.Open(c.path)
	if err != nil {
		return c.n
	}
	defer func() { _ = f.Close() }() // It was read.
	info, err := f.Stat()
	if err != nil {
		return c.n
	}
	if c.file == nil || !os.SameFile(info, c.file) || info.Size() < c.at {
		c.at, c.n = 0, 0
	}
	c.file = info
	for buf := make([]byte, 64<<10); ; {
		got, err := f.ReadAt(buf, c.at)
		c.at += int64(got)
		c.n += int64(bytes.Count(buf[:got], []byte{'\n'}))
		if err != nil {
			return c.n
		}
	}
}
