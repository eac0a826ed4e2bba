//go:build unix

package sink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waitFor polls until something is so.
func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func content(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// flushed flushes, or tries again where something failed.
func flushed(f *File) error {
	if f.Failing() {
		return f.Retry()
	}
	return f.Flush()
}

func TestCommand(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	f := NewCommand("cat >> "+out, CommandOptions{})
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 10000 {
		f.Append(fmt.Appendf(nil, "line %d\n", i))
		fmt.Fprintf(&want, "line %d\n", i)
		if i%1000 == 0 {
			if err := f.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if i%3000 == 0 {
			if err := f.Reopen(); err != nil {
				t.Fatal(err)
			}
			// Two may write for a moment, so let the first come to its end.
			waitFor(t, "the old process", func() bool { return content(out) == want.String() })
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if content(out) != want.String() {
		t.Error("lines are missing when it is closed, or not in order")
	}
	if st := f.Stats(); st.Records != 10000 || st.Reopens != 4 {
		t.Errorf("counters are %+v", st)
	}
}

// TestCommandDies: it is killed between lines, and started again; no zombie
// stays.
func TestCommandDies(t *testing.T) {
	dir := t.TempDir()
	out, pids := filepath.Join(dir, "out"), filepath.Join(dir, "pids")
	f := NewCommand("echo $$ >> "+pids+"; exec cat >> "+out, CommandOptions{})
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 4 {
		fmt.Fprintf(&want, "line %d\n", i)
		f.Append(fmt.Appendf(nil, "line %d\n", i))
		waitFor(t, "a process that gets the line", func() bool {
			_ = flushed(f)
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
		waitFor(t, "the process to be reaped", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		if i == 0 {
			if err := f.Flush(); err == nil || !strings.Contains(err.Error(), "the command ended (signal: killed), and is started again in") {
				t.Errorf("Flush says %v", err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestCommandBusy: one that does not read holds nobody up for more than a
// moment, and what waits is bounded; in the end it is killed.
func TestCommandBusy(t *testing.T) {
	f := NewCommand("trap '' TERM; while :; do sleep 1; done", CommandOptions{LimitBytes: 200 << 10, EndWait: 50 * time.Millisecond})
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 1000 {
		f.Append(line)
	}
	began := time.Now()
	if err := f.Flush(); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "lines wait in memory") {
		t.Errorf("Flush: %v", err)
	}
	if took := time.Since(began); took > 10*writeWait {
		t.Errorf("that took %v", took)
	}
	if st := f.Stats(); st.DroppedRecords < 700 || st.Waiting > 200<<10 {
		t.Errorf("counters are %+v", st)
	}
	if err := f.Close(); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "lines are lost") {
		t.Errorf("Close: %v", err)
	}
}

// TestCommandBackoff: one that ends at once is not started in a loop.
func TestCommandBackoff(t *testing.T) {
	starts := filepath.Join(t.TempDir(), "starts")
	f := NewCommand("echo x >> "+starts+"; exit 3", CommandOptions{})
	f.Append([]byte("line\n"))
	_ = f.Flush()
	end := time.After(500 * time.Millisecond)
	for done := false; !done; {
		select {
		case <-end:
			done = true
		default:
			_ = f.Retry()
			f.Append([]byte("line\n"))
		}
	}
	if n := strings.Count(content(starts), "x"); n < 2 || n > 6 {
		t.Errorf("it was started %d times in half a second", n)
	}
	if err := f.Retry(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Logf("in this moment it runs: %v", err)
	}
	_ = f.Close()
}
