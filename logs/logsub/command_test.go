//go:build unix

package logsub

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/spread"
)

// TestCommands: lines go to commands as to files, and one that stands still holds up
// neither files nor other commands.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	src := &source{more: make(chan int)}
	for i := range 100 {
		line := fmt.Sprintf("www%d [10/Oct/2000:13:55:36 -0700] %s\n", i, strings.Repeat("x", 900))
		src.messages = append(src.messages, &spread.Message{Groups: []string{"a"}, Payload: []byte(line)})
	}
	file := filepath.Join(dir, "a.log")
	stopped := "|trap '' TERM; while :; do sleep 1; done"
	counting := "|wc -l > " + filepath.Join(dir, "count")
	s, err := New(Config{
		StatsInterval: -1, QueueBytes: 8 << 20, Output: os.Stderr, CommandWait: 100 * time.Millisecond,
		Dial: func(context.Context, string, string) (spread.Connection, error) { return src, nil },
		Connections: []Connection{{Address: "4803", Logs: []Log{
			{Group: "a", File: stopped},
			{Group: "a", File: counting, VHost: logline.VHostStrip},
			{Group: "a", File: file},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	const rounds, each = 40, 1000
	lines := func(sink string) int64 {
		st := s.Stats()
		return st.Sink(sink).Records + st.Files[sink].Records
	}
	for i := range rounds {
		src.more <- each
		want := int64((i + 1) * each)
		deadline := time.After(testkit.Patience)
		for lines(file) < want || lines(counting) < want {
			select {
			case <-deadline:
				t.Fatalf("round %d: %d and %d lines written", i, lines(file), lines(counting))
			case <-time.After(time.Millisecond):
			}
		}
	}
	st := s.Stats()
	if lost(st, "files") != 0 || lost(st, counting) != 0 {
		t.Errorf("lines were dropped before sinks that work: %v", st.Sinks)
	}
	if lost := lost(st, stopped) + st.Sink(stopped).DroppedRecords; lost == 0 || lost+st.Sink(stopped).Records > rounds*each {
		t.Errorf("of the one that stands still: %+v, %v", st.Sink(stopped), st.Sinks)
	}
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "lines are lost") {
		t.Errorf("Run: %v", err)
	}
	if got := strings.TrimSpace(read(t, filepath.Join(dir, "count"))); got != fmt.Sprint(rounds*each) {
		t.Errorf("%s lines were counted", got)
	}
}

// TestFailingCommand: lines for a command that fails without reading them are lost at the end, and
// not counted as written.
func TestFailingCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	src := &source{more: make(chan int), messages: []*spread.Message{{Groups: []string{"a"}, Payload: []byte("line\n")}}}
	var log testkit.Output
	s, err := New(Config{
		StatsInterval: -1, CommandWait: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Dial:        func(context.Context, string, string) (spread.Connection, error) { return src, nil },
		Connections: []Connection{{Address: "4803", Logs: []Log{{Group: "a", File: "|exit 3"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	src.more <- 100
	log.Wait(t, `msg="command ended; it will be restarted" sink="|exit 3"`)
	testkit.Wait(t, "all lines", func() bool { q := s.Stats().Sink("|exit 3").Queue; return q != nil && q.Put == 100 })
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "100 lines are lost") {
		t.Errorf("Run: %v", err)
	}
	if st := s.Stats(); st.Sink("|exit 3").Records != 0 || st.Dropped["at_end"] != 100 {
		t.Errorf("%d lines are written and %d lost", st.Sink("|exit 3").Records, st.Dropped["at_end"])
	}
}
