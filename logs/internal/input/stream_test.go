package input

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// eachPipe runs a test with each kind of pipe.
func eachPipe(t *testing.T, test func(t *testing.T, r, w *os.File)) {
	for name, pipe := range pipes {
		t.Run(name, func(t *testing.T) {
			r, w, err := pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			test(t, r, w)
		})
	}
}

// TestSuccessors: streams read a pipe one after the other. Each line is in what one of them put, in order: what a stream
// does not put stays in the pipe.
func TestSuccessors(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *os.File) {
		const lines = 500
		go func() {
			defer func() { _ = w.Close() }()
			for n := range lines {
				if _, err := fmt.Fprintf(w, "%d\n", n); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(n%4) * 100 * time.Microsecond) //house:sleep the pace of a web server
			}
		}()
		var got strings.Builder
		n, streams := 0, 0
		for ended := false; !ended; streams++ {
			stop := make(chan struct{})
			took := 0
			s := Stream{Reader: r, MaxLine: 100, Stop: stop, Put: func(b []byte, n, _ int) {
				got.Write(b)
				if took == 0 && n > 0 { // stop at the end of a pause, in a Read, or after it
					time.AfterFunc(time.Duration(streams%20)*100*time.Microsecond, func() { close(stop) })
				}
				took += n
			}}
			if err := s.Run(); err != nil {
				t.Fatal(err)
			}
			n += took
			ended = took == 0
		}
		var want strings.Builder
		for n := range lines {
			fmt.Fprintln(&want, n)
		}
		if got.String() != want.String() {
			t.Errorf("%d streams have put %d lines of %d: %q", streams, n, lines, got.String())
		}
	})
}

// TestStopIdle: a stream that is stopped while nothing comes takes nothing that comes later.
func TestStopIdle(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *os.File) {
		put := make(chan string, 10)
		stop, ended := make(chan struct{}), make(chan error, 1)
		s := Stream{Reader: r, MaxLine: 100, Stop: stop, Put: func(b []byte, _, _ int) {
			if len(b) > 0 {
				put <- string(b)
			}
		}}
		go func() { ended <- s.Run() }()
		if _, err := io.WriteString(w, "one\n"); err != nil {
			t.Fatal(err)
		}
		if got := <-put; got != "one\n" {
			t.Errorf("put %q", got)
		}
		time.Sleep(2 * longestPause) //house:sleep until it waits for the next line, which shows nowhere
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := io.WriteString(w, "two\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * longestPause) //house:sleep nothing may happen: whoever still reads would take the line
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "two\n" || err != nil {
			t.Errorf("the pipe has %q, %v", got, err)
		}
	})
}

// TestPauses: a pipe that fills is read more often, one that is nearly empty less, and what is no pipe has no
// pauses.
func TestPauses(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	for _, r := range []io.Reader{strings.NewReader(""), null} {
		if p := newPauses(r); p.capacity != 0 {
			t.Errorf("%T has pauses: %+v", r, p)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	defer func() { _ = w.Close() }()
	p := newPauses(r)
	if p.capacity < 4096 {
		t.Fatalf("a pipe has none: %+v", p)
	}

	p = pauses{capacity: 96 << 10}
	for i, step := range []struct {
		n           int
		since, want time.Duration
	}{
		{100, 1000 * time.Hour, firstPause},
		{100, time.Millisecond, 2 * firstPause},
		{100, 2 * time.Millisecond, 4 * firstPause},
		{100, 4 * time.Millisecond, 8 * firstPause},
		{100, 8 * time.Millisecond, 16 * firstPause},
		{100, 16 * time.Millisecond, longestPause},
		{100, 20 * time.Millisecond, longestPause},
		// Twice a third of the pipe in 20 ms: half of that is enough.
		{64 << 10, 20 * time.Millisecond, 10 * time.Millisecond},
		{32 << 10, 10 * time.Millisecond, 10 * time.Millisecond},
		{96 << 10, 10 * time.Millisecond, 10 * time.Millisecond / 3},
		{1 << 10, 100 * time.Millisecond, firstPause},
		// All that fits comes at once, again and again: there is no time for pauses.
		{96 << 10, 0, 0},
		{96 << 10, time.Microsecond, time.Microsecond / 3},
	} {
		if got := p.after(step.n, step.since); got != step.want {
			t.Errorf("step %d: %d bytes in %v: %v, want %v", i, step.n, step.since, got, step.want)
		}
	}
	if got := (&pauses{}).after(1, time.Hour); got != 0 {
		t.Errorf("without a pipe: %v", got)
	}
}
