//go:build unix

package commandsink

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

func content(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// rig is a command and the queue in front of it, without the goroutine that delivers.
type rig struct {
	*testing.T
	*Sink
	queue *queue.Queue
}

func newRig(t *testing.T, text string, opt Options) *rig {
	t.Helper()
	q, err := queue.Open(queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, New(text, opt), q}
}

func (r *rig) put(line []byte) { r.queue.Put(&queue.Entry{Line: line}) }

// flush delivers what waits, or returns why it cannot.
func (r *rig) flush() error {
	for r.queue.Stats().WaitingBytes > 0 {
		b, err := r.queue.Next(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if err := r.Deliver(r.Context(), b); err != nil {
			return err
		}
	}
	return r.Idle(r.Context())
}

func TestCommand(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := newRig(t, "cat >> "+out, Options{})
	if err := r.flush(); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 10000 {
		r.put(fmt.Appendf(nil, "line %d\n", i))
		fmt.Fprintf(&want, "line %d\n", i)
		if i%1000 == 0 {
			if err := r.flush(); err != nil {
				t.Fatal(err)
			}
		}
		if i%3000 == 0 {
			if err := r.flush(); err != nil {
				t.Fatal(err)
			}
			r.Reopen()
			if err := r.flush(); err != nil {
				t.Fatal(err)
			}
			// Two may write for a moment, so let the first come to its end.
			testkit.Wait(t, "the old process", func() bool { return content(out) == want.String() })
		}
	}
	if err := errors.Join(r.flush(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if content(out) != want.String() {
		t.Error("lines are missing when it is closed, or not in order")
	}
	if st := r.Stats(); st.Records != 10000 || st.Reopens != 4 {
		t.Errorf("counters are %+v", st)
	}
}

// TestCommandDies: it is killed between lines, and started again; no zombie stays.
func TestCommandDies(t *testing.T) {
	dir := t.TempDir()
	out, pids := filepath.Join(dir, "out"), filepath.Join(dir, "pids")
	r := newRig(t, "echo $$ >> "+pids+"; exec cat >> "+out, Options{})
	var want strings.Builder
	for i := range 4 {
		fmt.Fprintf(&want, "line %d\n", i)
		r.put(fmt.Appendf(nil, "line %d\n", i))
		testkit.Wait(t, "a process that gets the line", func() bool {
			_ = r.flush()
			return content(out) == want.String()
		})
		all := strings.Fields(content(pids))
		if len(all) != i+1 {
			t.Fatalf("%d processes so far, want %d", len(all), i+1)
		}
		pid, err := strconv.Atoi(all[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		testkit.Wait(t, "the process to be reaped", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		if i == 0 {
			testkit.Wait(t, "the end of the process to be noticed", func() bool { err = r.flush(); return err != nil })
			if !strings.Contains(err.Error(), "cannot start command: it ended (signal: killed); restarting in") {
				t.Errorf("flush: %v", err)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestTornLine: lines that a process received and did not read when it was killed go to the next
// one, also the line that it received in part.
func TestTornLine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	dir := t.TempDir()
	out, pids := filepath.Join(dir, "out"), filepath.Join(dir, "pids")
	// The first process reads nothing, so that the pipe fills up in the midst of a line.
	r := newRig(t, "echo $$ >> "+pids+"; test $(wc -l < "+pids+") = 1 && exec sleep 60; exec cat >> "+out, Options{EndWait: 50 * time.Millisecond})
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 100 {
		r.put(line)
	}
	if err := r.flush(); !errors.Is(err, ErrBusy) {
		t.Fatalf("flush: %v", err)
	}
	if st := r.Stats(); st.Records != 0 || st.Bytes != 0 || st.Waiting != 100_000 {
		t.Fatalf("a process that reads nothing has %+v", st)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(content(pids)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "the rest", func() bool { return r.flush() == nil && r.Stats().Records == 100 })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if want := strings.Repeat(string(line), 100); content(out) != want {
		t.Errorf("the next process has %d bytes, want %d", len(content(out)), len(want))
	}
}

// TestPartlyRead: a process that ends after it has read one line and a half leaves the others, whole,
// to the next one.
func TestPartlyRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	out := filepath.Join(t.TempDir(), "out")
	r := newRig(t, "test -e "+out+" && exec cat >> "+out+"; exec dd bs=1 count=15 of="+out, Options{})
	for i := range 5 {
		r.put(fmt.Appendf(nil, "line %d...\n", i)) // 10 bytes
	}
	testkit.Wait(t, "all lines", func() bool { return r.flush() == nil && r.Stats().Records == 5 })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if want := "line 0...\nline line 1...\nline 2...\nline 3...\nline 4...\n"; content(out) != want {
		t.Errorf("the processes have read %q, want %q", content(out), want)
	}
}

// queued returns the sink of a command with a spool.
func queued(t *testing.T, text, spool string, log *slog.Logger) *sink.Queued {
	t.Helper()
	const wait = 100 * time.Millisecond
	s, err := sink.NewQueued(New(text, Options{EndWait: wait, Log: log}), sink.QueuedConfig{
		Name: "|command", Queue: queue.Config{Spool: spool}, EndWait: wait, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start(t.Context())
	return s
}

// TestFailingCommand: lines of a command that fails without reading them are not counted as written.
// Its end is logged, and they stay in the spool for a better one.
func TestFailingCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	var log testkit.Output
	s := queued(t, "exit 3", dir, slog.New(slog.NewTextHandler(&log, nil)))
	o := s.Outlet("")
	var want strings.Builder
	for i := range 100 {
		o.Put(&sink.Line{Text: fmt.Appendf(nil, "line %d\n", i)})
		fmt.Fprintf(&want, "line %d\n", i)
	}
	log.Wait(t, `msg="command ended; it will be restarted"`)
	log.Wait(t, `level=ERROR msg="sink does not accept lines; they wait"`)
	if !strings.Contains(log.String(), `error="exit status 3"`) {
		t.Errorf("the log is\n%s", &log)
	}
	if st := s.Stats(); st.Records != 0 || st.Failing != 1 {
		t.Errorf("counters are %+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = queued(t, "cat > "+out, dir, slog.New(slog.DiscardHandler))
	testkit.Wait(t, "all lines", func() bool { return s.Stats().Records == 100 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if content(out) != want.String() {
		t.Errorf("the next command has %d bytes, want %d", len(content(out)), want.Len())
	}
}

// TestInputClosed: lines in the pipe of a command that has closed its input, and runs on, go to the next
// one.
func TestInputClosed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	dir := t.TempDir()
	out, first, written := filepath.Join(dir, "out"), filepath.Join(dir, "first"), filepath.Join(dir, "written")
	r := newRig(t, "test -e "+first+" && exec cat > "+out+"; : > "+first+"; until test -e "+written+"; do sleep 0.01; done; exec sleep 60 <&-",
		Options{EndWait: 50 * time.Millisecond})
	r.put([]byte("line\n"))
	b, err := r.queue.Next(t.Context())
	if err = errors.Join(err, r.Deliver(t.Context(), b), os.WriteFile(written, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "an error", func() bool { err = r.Deliver(t.Context(), b); return err != nil })
	if !strings.Contains(err.Error(), "has closed its input") {
		t.Error(err)
	}
	testkit.Wait(t, "the line", func() bool { return r.flush() == nil && r.Stats().Records == 1 })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if content(out) != "line\n" {
		t.Errorf("the next process has read %q", content(out))
	}
}

// TestReopenUnread: lines that were left to a process at a reopening, and that it does not read, are
// counted as lost.
func TestReopenUnread(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody knows what a process has read")
	}
	var log testkit.Output
	r := newRig(t, "exec sleep 60", Options{EndWait: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 10 {
		r.put([]byte("line\n"))
	}
	b, err := r.queue.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	r.Reopen()
	if err := r.flush(); err != nil {
		t.Fatal(err)
	}
	log.Wait(t, `level=WARN msg="command ended" unread_bytes=50 error="signal: terminated" lost_lines=10`)
	if st := r.Stats(); st.Records != 0 || st.DroppedRecords != 10 || st.DroppedBytes != 50 {
		t.Errorf("counters are %+v", st)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestCommandBusy: one that does not read holds nobody up for more than a moment, and what waits is
// bounded; in the end it is killed.
func TestCommandBusy(t *testing.T) {
	c := New("trap '' TERM; while :; do sleep 1; done", Options{EndWait: 50 * time.Millisecond})
	s, err := sink.NewQueued(c, sink.QueuedConfig{
		Name: "|busy", Queue: queue.Config{LimitBytes: 200 << 10}, EndWait: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o := s.Outlet("")
	began := time.Now()
	for range 1000 {
		o.Put(&sink.Line{Text: []byte(strings.Repeat("x", 999) + "\n")})
	}
	s.Start(t.Context())
	testkit.Wait(t, "a failure", func() bool { return s.Stats().Failing == 1 })
	if took := time.Since(began); took > 10*writeWait {
		t.Errorf("that took %v", took)
	}
	if st := s.Stats(); st.Queue.Lost() < 700 || st.Queue.WaitingBytes > 200<<10 {
		t.Errorf("counters are %+v", st)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "lines are lost") {
		t.Errorf("Close: %v", err)
	}
}

// TestCommandBackoff: one that ends at once is not started in a loop.
func TestCommandBackoff(t *testing.T) {
	starts := filepath.Join(t.TempDir(), "starts")
	r := newRig(t, "echo x >> "+starts+"; exit 3", Options{})
	began := time.Now()
	started := func() int { return strings.Count(content(starts), "x") }
	testkit.Wait(t, "four starts", func() bool {
		r.put([]byte("line\n"))
		_ = r.flush()
		return started() >= 4
	})
	if took := time.Since(began); took < (1+2+4)*restartFirst {
		t.Errorf("it was started %d times in %v", started(), took)
	}
	if err := r.flush(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Logf("in this moment it runs: %v", err)
	}
	_ = r.Close()
}
