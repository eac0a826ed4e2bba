//go:build unix

package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// Environment variables that make the test binary a process with a queue.
const (
	crashDir   = "QUEUE_CRASH_DIR"
	crashLines = "QUEUE_CRASH_LINES" // for a queue of whole lines
	crashLast  = "QUEUE_CRASH_LAST"  // puts a last line, and ends when all are delivered
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := queueUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // what stands for main
		}
		return
	}
	m.Run()
}

// queueUntilKilled puts numbered lines and delivers them to the file "delivered", each with its place. The file "safe" says up
// to which line, and in which process, all had to be in the spool.
func queueUntilKilled(dir string) error {
	lines := os.Getenv(crashLines) != ""
	cfg := Config{Lines: lines, Origin: Origin{Publisher: "p"}, Spool: filepath.Join(dir, "spool"), SpoolAfter: -1, BatchLines: 10, LimitBytes: 64 << 10}
	if lines {
		cfg.Slots = 4
	}
	q, err := Open(cfg)
	if err != nil {
		return err
	}
	out, err := openWhole(filepath.Join(dir, "delivered"))
	if err != nil {
		return err
	}
	safe, err := openWhole(filepath.Join(dir, "safe"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	saved := make(chan struct{})
	go func() { defer close(saved); q.Run(ctx) }()
	delivered := make(chan error, 1)
	go func() { delivered <- crashDeliver(q, lines, out) }()

	process := os.Getpid()
	first := q.Mark()
	to := &Target{Groups: []string{"g"}, Epoch: rand.Uint64()}
	last := os.Getenv(crashLast) != ""
	for n := 1; !last || n == 1; n++ {
		line := fmt.Appendf(nil, "%d %d\n", process, n)
		if lines && len(q.PutLines(line, 1, to, false)) > 0 || !lines && !q.Put(&Entry{Line: line, Time: time.Unix(1, 0), Came: time.Unix(1, 0)}) {
			n--
		}
		if s := q.Safe(); s > first {
			if _, err := fmt.Fprintf(safe, "%d %d\n", process, s-first); err != nil {
				return err
			}
		}
		if n%20 == 0 {
			time.Sleep(100 * time.Microsecond) //house:sleep so that the spool does not fill the disk
		}
	}
	q.Finish()
	err = <-delivered
	cancel()
	<-saved
	return errors.Join(err, q.Close())
}

// openWhole opens a file for whole lines that are appended. A kill can come within a write that reaches
// into another page; what is left of its line goes, and was not acknowledged.
func openWhole(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err == nil {
		err = f.Truncate(int64(bytes.LastIndexByte(text, '\n') + 1))
	}
	return f, err
}

// crashDeliver delivers, and fails now and then.
func crashDeliver(q *Queue, lines bool, out *os.File) error {
	deliver := func(epoch, number uint64, line []byte) error {
		_, err := fmt.Fprintf(out, "%d.%d %s", epoch, number, line)
		return err
	}
	if !lines {
		return q.Deliver(context.Background(), func(_ context.Context, b *Batch) error {
			for i, e := range b.Entries() {
				if rand.IntN(100) == 0 {
					q.Interrupt() // no pause
					return errors.New("planted")
				}
				if err := deliver(b.Epoch(), b.First()+uint64(i), e.Line); err != nil {
					return err
				}
				b.Ack(i + 1)
			}
			return nil
		}, nil)
	}
	for {
		b, wait := q.Take()
		if b == nil {
			select {
			case <-q.Drained():
				return nil
			case <-q.Wake():
			case <-time.After(wait):
			}
			continue
		}
		rest := b.Data
		for _, r := range b.Runs {
			for i := range r.Lines {
				n := bytes.IndexByte(rest, '\n') + 1
				if err := deliver(r.To.Epoch, r.Seq+uint64(i), rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
		}
		id := b.ID()
		q.LetGo(b)
		if rand.IntN(20) == 0 {
			q.Rewind() // the lines of the block come twice
			continue
		}
		q.Ack(id)
	}
}

// TestCrash kills a process over and over. The next one must deliver what was in the spool, in order and with the places
// that it had; what was acknowledged before the kill must not come again.
func TestCrash(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for _, lines := range []bool{false, true} {
		t.Run(fmt.Sprintf("lines %v", lines), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			start := func(last bool) (*exec.Cmd, *testkit.Output) {
				exe, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), exe)
				cmd.Env = append(os.Environ(), crashDir+"="+dir)
				if lines {
					cmd.Env = append(cmd.Env, crashLines+"=1")
				}
				if last {
					cmd.Env = append(cmd.Env, crashLast+"=1")
				}
				stderr := new(testkit.Output)
				cmd.Stderr = stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return cmd, stderr
			}
			size := func() int64 {
				st, err := os.Stat(filepath.Join(dir, "safe"))
				if err != nil {
					return 0
				}
				return st.Size()
			}
			for i := range rounds {
				before := size()
				cmd, stderr := start(false)
				if i%5 > 0 { // the others may be killed before their first line
					testkit.Wait(t, "lines that are safe", func() bool { return size() > before || stderr.String() != "" })
				}
				time.Sleep(time.Duration(10+rand.IntN(60)) * time.Millisecond) //house:sleep the moment of a kill
				_ = cmd.Process.Kill()
				if err := cmd.Wait(); stderr.String() != "" {
					t.Fatalf("it ended by itself: %v: %s", err, stderr)
				}
			}
			cmd, stderr := start(true)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("the last one: %v: %s", err, stderr)
			}
			checkCrash(t, dir, rounds, lines)
		})
	}
}

// checkCrash checks what was delivered.
func checkCrash(t *testing.T, dir string, rounds int, lines bool) {
	t.Helper()
	read := func(name string) []string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	places := make(map[string]string) // of lines
	times := make(map[string]int)
	newest := make(map[string]int) // by process
	backwards := 0
	for _, l := range read("delivered") {
		place, line, _ := strings.Cut(l, " ")
		if p, ok := places[line]; ok && p != place {
			t.Fatalf("line %q has the places %s and %s", line, p, place)
		}
		places[line] = place
		times[line]++
		process, number, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("delivered %q", l)
		}
		if n < newest[process] {
			backwards++
		}
		newest[process] = n
	}
	safe := make(map[string]int)
	for _, l := range read("safe") {
		process, number, _ := strings.Cut(l, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("safe is %q", l)
		}
		safe[process] = max(safe[process], n)
	}
	again := 0
	for _, n := range times {
		again += n - 1
	}
	for process, most := range safe {
		for n := 1; n <= most; n++ {
			if line := fmt.Sprintf("%s %d", process, n); times[line] == 0 {
				t.Fatalf("line %q was safe, and is lost", line)
			}
		}
	}
	t.Logf("killed %d times: %d lines delivered, %d again, in %d places", rounds, len(places), again, backwards)
	if !lines && again > rounds { // each kill may come between a delivery and its acknowledgement
		t.Errorf("%d lines were delivered again, with %d kills", again, rounds)
	}
}
