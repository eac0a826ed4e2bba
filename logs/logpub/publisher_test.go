package logpub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"lines", "a\nbb\n", []string{"a\n", "bb\n"}},
		{"empty lines", "\na\n\n", []string{"\n", "a\n", "\n"}},
		{"no newline at the end", "a\nb", []string{"a\n", "b\n"}},
		{"bytes as they are", "a\r\n\x00\xff\n", []string{"a\r\n", "\x00\xff\n"}},
		{"longest line", "1234567\na\n", []string{"1234567\n", "a\n"}},
		{"cut", "12345678\na\n", []string{"1234567\n", "a\n"}},
		{"cut, no newline", "123456789012345678", []string{"1234567\n"}},
	} {
		for how, r := range map[string]io.Reader{
			"whole":    strings.NewReader(tt.in),
			"bytes":    iotest.OneByteReader(strings.NewReader(tt.in)),
			"with EOF": iotest.DataErrReader(strings.NewReader(tt.in)),
		} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				var d fakeDaemon
				p := newPublisher(t, &d, func(c *Config) { c.MaxLine = 8 })
				if err := p.Run(t.Context(), r); err != nil {
					t.Error(err)
				}
				if got := d.got(); !slices.Equal(got, tt.want) {
					t.Errorf("sent %q, want %q", got, tt.want)
				}
				checkSums(t, p)
				st := p.Stats()
				if want := strings.HasPrefix(tt.name, "cut"); (st.Truncated == 1) != want {
					t.Errorf("%d lines truncated", st.Truncated)
				}
				if want := len(strings.Join(tt.want, "")); st.Bytes != int64(want) {
					t.Errorf("%d bytes sent, want %d", st.Bytes, want)
				}
			})
		}
	}
}

// TestMany: each of many lines arrives once and in order, through a queue that
// holds few of them, because a working daemon makes room in time.
func TestMany(t *testing.T) {
	lines := numbered(1, 50_000)
	var d fakeDaemon
	p := newPublisher(t, &d, func(c *Config) { c.QueueBytes, c.BlockTime = 4096, time.Hour })
	if err := p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
		t.Fatal(err)
	}
	if got := d.got(); !slices.Equal(got, lines) {
		t.Errorf("%d lines arrived, not the %d that were read", len(got), len(lines))
	}
	if !d.last().closed {
		t.Error("the session was not closed in order")
	}
}

func TestTarget(t *testing.T) {
	var d fakeDaemon
	p := newPublisher(t, &d, func(c *Config) {
		c.Groups, c.Service, c.MessType, c.Name = []string{"a", "b"}, spread.Agreed, 7, "web"
	})
	if err := p.Run(t.Context(), strings.NewReader("x\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := d.last().target, "AGREED 7 [a b]"; got != want {
		t.Errorf("sent as %q, want %q", got, want)
	}
	if got := d.dials(); !slices.Equal(got, []string{"web"}) {
		t.Errorf("dialed as %q", got)
	}
}

func TestDefaults(t *testing.T) {
	var d fakeDaemon
	p := newPublisher(t, &d, nil)
	if err := p.Run(t.Context(), strings.NewReader(strings.Repeat("x", 200_000)+"\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := d.last().target, "RELIABLE 0 [g]"; got != want {
		t.Errorf("sent as %q, want %q", got, want)
	}
	if got := d.got(); len(got) != 1 || len(got[0]) != spread.MaxPayload(1) {
		t.Errorf("%d messages, want one of %d bytes", len(got), spread.MaxPayload(1))
	}
}

// TestNameTaken: another session has the name, so that the publisher adds a suffix.
func TestNameTaken(t *testing.T) {
	d := fakeDaemon{taken: "web"}
	p := newPublisher(t, &d, func(c *Config) { c.Name = "web" })
	if err := p.Run(t.Context(), strings.NewReader("x\n")); err != nil {
		t.Fatal(err)
	}
	if got := d.dials(); len(got) != 2 || got[0] != "web" || !strings.HasPrefix(got[1], "web-") || len(d.got()) != 1 {
		t.Errorf("dialed as %q, %d lines arrived", got, len(d.got()))
	}
}

// TestReadError: what came before the error is sent.
func TestReadError(t *testing.T) {
	var d fakeDaemon
	p := newPublisher(t, &d, nil)
	err := p.Run(t.Context(), io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(errTest)))
	if !errors.Is(err, errTest) {
		t.Errorf("Run returns %v", err)
	}
	if got := d.got(); !slices.Equal(got, []string{"a\n", "b\n"}) {
		t.Errorf("sent %q", got)
	}
}

// TestDrainTimeout: without a daemon Run ends on time, and counts what is left.
func TestDrainTimeout(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{
		0:                DefaultDrainTimeout,
		30 * time.Second: 30 * time.Second,
		-1:               0,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := fakeDaemon{down: true}
			var log logBuffer
			p := newPublisher(t, &d, func(c *Config) { c.DrainTimeout, c.Log = set, log.logger() })
			began := time.Now()
			err := p.Run(t.Context(), strings.NewReader("a\nb\nc\n"))
			if !errors.Is(err, ErrNotSent) {
				t.Errorf("Run returns %v", err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("DrainTimeout of %v: Run ended after %v, want %v", set, took, want)
			}
			if st := p.Stats(); st.Dropped["drain"] != 3 || st.Took != 3 {
				t.Errorf("stats are %+v", st)
			}
			if log.count("msg=stopped took=3 sent=0 dropped=3 truncated=0") != 1 {
				t.Errorf("the log does not say so:\n%s", &log)
			}
		})
	}
}

// TestDrainStalled: a session that takes nothing does not hold up the end.
func TestDrainStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		release := d.stall()
		defer release()
		p := newPublisher(t, &d, nil)
		began := time.Now()
		if err := p.Run(t.Context(), strings.NewReader("a\n")); !errors.Is(err, ErrNotSent) {
			t.Errorf("Run returns %v", err)
		}
		if took := time.Since(began); took != DefaultDrainTimeout {
			t.Errorf("Run ended after %v", took)
		}
		if d.last().closed {
			t.Error("a session with unsent lines was closed in order, which waits for it")
		}
		checkSums(t, p)
	})
}

// TestNothingToSend: an input without lines does not wait for a daemon.
func TestNothingToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, nil)
		began := time.Now()
		if err := p.Run(t.Context(), strings.NewReader("")); err != nil || time.Since(began) != 0 {
			t.Errorf("Run returns %v after %v", err, time.Since(began))
		}
	})
}

// stopped runs a publisher on a pipe, ends its context when the first line has
// arrived, and hands the pipe to then. It returns how long the end took.
func stopped(t *testing.T, d *fakeDaemon, p *Publisher, then func(*io.PipeWriter)) time.Duration {
	t.Helper()
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error)
	go func() { ended <- p.Run(ctx, r) }()
	if _, err := io.WriteString(w, "first\n"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	if got := d.got(); !slices.Equal(got, []string{"first\n"}) {
		t.Fatalf("sent %q", got)
	}
	began := time.Now()
	stop()
	var wg sync.WaitGroup
	wg.Go(func() { then(w) })
	if err := <-ended; err != nil {
		t.Errorf("Run returns %v", err)
	}
	took := time.Since(began)
	checkSums(t, p)
	_ = r.Close()
	wg.Wait()
	return took
}

// TestStop: after the end of the context lines are taken until none have come for
// a while, the beginning of one included.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		took := stopped(t, &d, newPublisher(t, &d, nil), func(w *io.PipeWriter) {
			time.Sleep(500 * time.Millisecond)
			_, _ = io.WriteString(w, "late\npart")
		})
		if took != 1500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if got := d.got(); !slices.Equal(got, []string{"first\n", "late\n", "part\n"}) {
			t.Errorf("sent %q", got)
		}
	})
}

// TestStopEOF: the end of the input after the end of the context ends Run at
// once.
func TestStopEOF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		took := stopped(t, &d, newPublisher(t, &d, nil), func(w *io.PipeWriter) {
			time.Sleep(100 * time.Millisecond)
			_ = w.Close()
		})
		if took != 100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

// TestStopBusy: lines that come without end do not hold up the end, and each that
// was taken is sent.
func TestStopBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		written := 1
		p := newPublisher(t, &d, nil)
		took := stopped(t, &d, p, func(w *io.PipeWriter) {
			for {
				time.Sleep(10 * time.Millisecond)
				if _, err := fmt.Fprintln(w, "more"); err != nil {
					return
				}
				written++
			}
		})
		if took > DefaultDrainTimeout {
			t.Errorf("it took %v", took)
		}
		// One more Read was under way.
		if n := len(d.got()); n < written-1 || n < 200 {
			t.Errorf("%d lines arrived of %d", n, written)
		}
	})
}

// TestStopWithoutDaemon: the end of the context bounds everything.
func TestStopWithoutDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, func(c *Config) { c.QueueBytes, c.BlockTime = 512, time.Hour })
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		began := time.Now()
		err := p.Run(ctx, strings.NewReader(strings.Join(numbered(1, 1000), "")))
		if !errors.Is(err, ErrNotSent) || time.Since(began) > time.Minute+DefaultDrainTimeout {
			t.Errorf("Run returns %v after %v", err, time.Since(began))
		}
		if st := p.Stats(); st.Took != 1000 || st.Dropped["queue_full"] == 0 || st.Dropped["drain"] == 0 {
			t.Errorf("stats are %+v", st)
		}
		checkSums(t, p)
	})
}

func TestConfigErrors(t *testing.T) {
	groups := []string{"g"}
	for want, cfg := range map[string]Config{
		"no group":                {},
		`group name "a b"`:        {Groups: []string{"a b"}},
		"too many groups: 101":    {Groups: slices.Repeat(groups, 101)},
		"illegal daemon address":  {Groups: groups, Address: "no:such:address"},
		`private name "toolong`:   {Groups: groups, Name: "toolongname"},
		`private name "a#b"`:      {Groups: groups, Name: "a#b"},
		"service SELF_DISCARD":    {Groups: groups, Service: spread.SelfDiscard},
		"want 2 to 143091":        {Groups: groups, MaxLine: spread.MaxPayload(1), Publisher: "web"}, // 28 bytes less
		"unknown Delivery(4)":     {Groups: groups, Delivery: Written + 1},
		"queue size of -1 bytes":  {Groups: groups, QueueBytes: -1},
		"longest line of 1 bytes": {Groups: groups, MaxLine: 1},
		"want 2 to 143087":        {Groups: []string{"a", "b"}, MaxLine: spread.MaxPayload(1), Plain: true},
	} {
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
