//go:build unix

package perlsink

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/sink"
)

// TestKilled: helpers that are killed in mid-stream cost what was under way and nothing else: no
// message comes twice, none in another order, and those that do not come are counted.
func TestKilled(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	r.start(cfg)
	const kills, each = 30, 300
	next := 0
	for k := range kills {
		for range each {
			r.put(fmt.Sprintf("number %d", next))
			next++
		}
		// Now and then at rest, at other times at any moment.
		if k%5 == 0 {
			r.wait("rest", func() bool { return r.waiting() == 0 })
		} else {
			target := int64(rand.IntN(each))
			r.wait("work", func() bool { return r.waiting() <= target })
		}
		pid := r.s.PerlStats().PID
		if pid == 0 {
			continue // it is being started
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	r.close(int64(next))
	st := r.s.PerlStats()
	var got []int
	for line := range strings.Lines(r.written()) {
		_, text, ok := strings.Cut(line, "|number ")
		if !ok {
			continue // END
		}
		var n int
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatalf("the module wrote %q", line)
		}
		if len(got) > 0 && n <= got[len(got)-1] {
			t.Errorf("%d comes after %d", n, got[len(got)-1])
		}
		got = append(got, n)
	}
	if missing := next - len(got); int64(missing) > st.Interrupted || st.Interrupted > kills || st.Starts < 2 {
		t.Errorf("%d of %d messages are missing; counted %+v", missing, next, st)
	}
	t.Logf("%d messages, %d seen, %+v", next, len(got), st)
}

// TestKilledIdle: a helper that is killed at rest costs nothing.
func TestKilledIdle(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	for i := range 10 {
		r.put(fmt.Sprint(i))
		r.wait("rest", func() bool { return r.s.PerlStats().Returned == int64(i+1) })
		if err := syscall.Kill(r.s.PerlStats().PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	r.close(10)
	if st := r.s.PerlStats(); st.Interrupted != 0 {
		t.Errorf("counted %+v", st)
	}
	if n := strings.Count(r.written(), "scalar"); n != 10 {
		t.Errorf("%d messages were processed", n)
	}
}

// TestForked: a process that a module has left behind, with all that it has open, holds up neither
// the next start nor the end.
func TestForked(t *testing.T) {
	r := &rig{T: t}
	cfg := r.config("odd")
	cfg.Load = append(cfg.Load, Step{Use: "POSIX; BEGIN { if (!fork) { sleep 20; POSIX::_exit(0) } }"})
	r.start(cfg)
	r.put("a", "exit", "b")
	began := time.Now()
	r.close(3)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("ended after %v", took)
	}
}

// TestOrphan: the helper of a process that was killed ends by itself.
func TestOrphan(t *testing.T) {
	r := &rig{T: t}
	r.start(r.config("odd"))
	r.put("a")
	r.wait("the message", func() bool { return r.s.PerlStats().Returned == 1 })
	// What the end of a process does to its pipes.
	p := r.s.process.Load()
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	r.want("3|scalar|#ap123#web1|coolsite|a\nEND\n")
}

// BenchmarkPut puts a thousand messages for a function that does nothing, and waits for it.
func BenchmarkPut(b *testing.B) {
	if _, err := Find(""); err != nil {
		b.Skip("perl is not installed: apt-get install perl")
	}
	s, err := Start(Config{Load: []Step{{Use: "strict; sub nothing {}"}}, Functions: []string{"nothing"}})
	if err != nil {
		b.Fatal(err)
	}
	q, err := sink.NewQueued(s, sink.QueuedConfig{Name: "perl", EndWait: time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	q.Start(b.Context())
	o := q.Outlet("nothing")
	line := &sink.Line{Text: []byte(strings.Repeat("x", 200)), Group: "coolsite", Sender: "#ap123#web1"}
	const messages = 1000
	b.SetBytes(messages * 200)
	put := int64(0)
	for b.Loop() {
		for range messages {
			o.Put(line)
		}
		put += messages
		for s.PerlStats().Returned < put {
			runtime.Gosched()
		}
	}
	if err := q.Close(); err != nil {
		b.Error(err)
	}
}
