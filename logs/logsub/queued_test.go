//go:build unix

package logsub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/spread"
)

// numbered is a session that has numbered lines, each once.
func numbered(lines int) *source {
	src := &source{more: make(chan int, 100), next: -1}
	for i := range lines {
		src.messages = append(src.messages, &spread.Message{Sender: "#pub#web1", Groups: []string{"a"}, Payload: fmt.Appendf(nil, "www line %d\n", i)})
	}
	return src
}

// start runs a subscriber, and returns how to end it.
func start(t *testing.T, cfg Config, src *source, logs ...Log) (s *Subscriber, end func() error) {
	t.Helper()
	cfg.StatsInterval = -1
	cfg.Dial = func(context.Context, string, string) (spread.Connection, error) { return src, nil }
	cfg.Connections = []Connection{{Address: "4803", Logs: logs}}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() error {
		cancel()
		return <-done
	}
}

// TestCommandSpool: what a command has not taken when logsub ends is on the disk, and comes first in the next
// run: each line once, in order. Other sinks do not notice.
func TestCommandSpool(t *testing.T) {
	dir := t.TempDir()
	out, gate := filepath.Join(dir, "out"), filepath.Join(dir, "gate")
	// It reads nothing until the gate is there.
	command := "|while ! test -e " + gate + "; do sleep 0.02; done; exec cat >> " + out
	logs := func() []Log {
		return []Log{{Group: "a", File: command, VHost: logline.VHostStrip}, {Group: "a", File: filepath.Join(dir, "file"), VHost: logline.VHostStrip}}
	}
	const first, second = 30000, 500
	cfg := Config{Spool: filepath.Join(dir, "spool"), QueueBytes: 1 << 20, CommandWait: 100 * time.Millisecond}

	src := numbered(first + second)
	s, end := start(t, cfg, src, logs()...)
	for i := range first / 1000 {
		src.more <- 1000
		testkit.Wait(t, "the file to have its lines, and the queue of the command those that are not in it", func() bool {
			st := s.Stats()
			return st.Files[filepath.Join(dir, "file")].Records >= int64(i+1)*1000 && st.Sink(command).QueueLines == 0
		})
	}
	testkit.Wait(t, "lines to be spooled", func() bool { return s.Stats().Sink(command).Queue.Spooled > 0 })
	if err := end(); err != nil {
		t.Errorf("the first run: %v", err)
	}
	st := s.Stats()
	if b := st.Sink(command).Queue; b.Lost() != 0 || st.Dropped["queue_full"] != 0 {
		t.Fatalf("lines are lost: %+v", b)
	}
	if len(read(t, filepath.Join(dir, "file"))) < first*10 {
		t.Error("the file does not have all lines")
	}
	// The process that was stopped had got what fits into a pipe, and did not read it. Then it is lost, as documented.
	inPipe := int(st.Sink(command).Records)

	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.CommandWait = 30 * time.Second
	s, end = start(t, cfg, src, logs()...)
	if n := s.Stats().Sink(command).Queue.Recovered; n < first-int64(inPipe) {
		t.Errorf("%d lines were found in the spool, want %d", n, first-inPipe)
	}
	src.more <- second
	testkit.Wait(t, "all lines", func() bool {
		return strings.HasSuffix(read(t, filepath.Join(dir, "file")), fmt.Sprintf("line %d\n", first+second-1))
	})
	if err := end(); err != nil {
		t.Errorf("the second run: %v", err)
	}
	i := inPipe
	for line := range strings.Lines(read(t, out)) {
		if want := fmt.Sprintf("line %d\n", i); line != want {
			t.Fatalf("got %q, want %q", line, want)
		}
		i++
	}
	if i != first+second {
		t.Errorf("the last line is %d, want %d", i-1, first+second-1)
	}
	if st := s.Stats().Sink(command).Queue; st.SpoolLines != 0 {
		t.Errorf("at the end: %+v", st)
	}
}

// TestCommandReopen: a signal starts a command anew, with and without lines.
func TestCommandReopen(t *testing.T) {
	dir := t.TempDir()
	starts := filepath.Join(dir, "starts")
	command := "|echo x >> " + starts + "; exec cat >> " + filepath.Join(dir, "out")
	src := numbered(100)
	s, end := start(t, Config{}, src, Log{Group: "a", File: command, VHost: logline.VHostStrip})
	for i := range 4 {
		testkit.Wait(t, "a process", func() bool {
			b, _ := os.ReadFile(starts)
			return len(b) == 2*(i+1)
		})
		if i%2 == 0 {
			src.more <- 10
		}
		if i < 3 {
			s.Reopen()
		}
	}
	testkit.Wait(t, "the lines", func() bool { return s.Stats().Sink(command).Records == 20 })
	if err := end(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(read(t, filepath.Join(dir, "out")), "\n"); n != 20 {
		t.Errorf("%d lines", n)
	}
}
