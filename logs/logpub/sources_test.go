package logpub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/spread"
)

// TestSeveralInputs: a stream, a file and sockets in one process, each with its groups.
func TestSeveralInputs(t *testing.T) {
	dir := t.TempDir()
	var d fakeDaemon
	p := newPublisher(t, &d, nil)
	file, err := NewFile(tail.Config{Path: filepath.Join(dir, "log"), State: dir, FromStart: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := NewSyslog(t.Context(), syslog.Config{Network: "udp", Address: "127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	inputs := []Input{
		{Source: NewStream(r)},
		{Source: file, Groups: []string{"files"}},
		{Source: udp, Route: &Route{Field: 1, VHost: true}},
	}
	for _, in := range inputs {
		if err := p.CheckInput(in); err != nil {
			t.Error(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.RunInputs(ctx, inputs...) }()
	send := func(n int, do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		testkit.Wait(t, "a line", func() bool { return len(d.got()) == n })
	}
	send(1, func() error { _, err := io.WriteString(w, "from a pipe\n"); return err })
	send(2, func() error { return os.WriteFile(filepath.Join(dir, "log"), []byte("from a file\n"), 0o600) })
	conn, err := net.Dial("udp", udp.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	send(3, func() error {
		_, err := io.WriteString(conn, "<190>Nov 21 10:00:00 web nginx: www.a.com from a socket")
		return err
	})
	_ = w.Close() // the others go on
	send(4, func() error { _, err := io.WriteString(conn, "<190>Nov 21 10:00:00 nginx: b.org again"); return err })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if want := []string{"from a pipe\n", "from a file\n", "www.a.com from a socket\n", "b.org again\n"}; !slices.Equal(d.got(), want) {
		t.Errorf("sent %q, want %q", d.got(), want)
	}
	if want := []string{"[g]", "[files]", "[www.a.com]", "[b.org]"}; !slices.Equal(d.targets, want) {
		t.Errorf("to %q, want %q", d.targets, want)
	}
	checkSums(t, p)
	in := p.Stats().Inputs
	for i, want := range []InputStats{
		{Name: "stream", Lines: 1, Bytes: 12},
		{Name: "file " + filepath.Join(dir, "log"), Path: filepath.Join(dir, "log"), Lines: 1, Bytes: 12, File: &tail.Stats{Position: 12, Safe: 12, Files: 1}},
		{Name: "udp 127.0.0.1:0", Lines: 2, Bytes: 36, Syslog: &syslog.Stats{Messages: 2, Bytes: 94}},
	} {
		if !reflect.DeepEqual(in[i], want) {
			t.Errorf("input %d: %+v, %+v, %+v", i, in[i], in[i].File, in[i].Syslog)
		}
	}
}

// TestFileWaits: the lines of a file are not dropped however long the daemon is away, and a restart
// in the middle neither loses nor repeats any.
func TestFileWaits(t *testing.T) {
	for _, spooled := range []bool{false, true} {
		t.Run(fmt.Sprint("spool ", spooled), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "log")
			lines := numbered(1, 20_000)
			if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				d := fakeDaemon{down: true}
				for i := range 3 {
					p := newPublisher(t, &d, func(c *Config) {
						c.QueueBytes = 4096
						if spooled {
							c.Spool = filepath.Join(dir, "spool")
						}
					})
					file, err := NewFile(tail.Config{Path: path, State: dir, FromStart: true}, nil)
					if err != nil {
						t.Fatal(err)
					}
					ctx, stop := context.WithTimeout(t.Context(), time.Minute)
					if i == 2 {
						d.setDown(false)
					}
					err = p.RunInputs(ctx, Input{Source: file})
					stop()
					if err != nil && (spooled || i == 2) {
						t.Errorf("round %d: %v", i, err)
					}
					if st := p.Stats(); st.Dropped["queue_full"] > 0 {
						t.Errorf("stats are %+v", st)
					}
				}
				if got := d.got(); !slices.Equal(got, lines) {
					t.Errorf("%d lines arrived of %d", len(got), len(lines))
				}
			})
		})
	}
}

// TestFileKeepsLines: lines that are not sent at the end and that come again from their file are not lost; those
// of other inputs, and of files without a position, are.
func TestFileKeepsLines(t *testing.T) {
	for _, tt := range []struct {
		name          string
		state, stream bool
		unwritable    bool // the state
		lost          int64
	}{
		{"file", true, false, false, 0},
		{"file and stream", true, true, false, 2},
		{"file without position", false, false, false, 5000},
		{"no position could be written", true, false, true, 5000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "log")
			lines := numbered(1, 5000)
			if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				d := fakeDaemon{down: true}
				var log strings.Builder
				run := func(stream bool) (Stats, error) {
					p := newPublisher(t, &d, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
					cfg := tail.Config{Path: path, FromStart: true}
					if tt.state {
						cfg.State = filepath.Join(dir, "state")
					}
					file, err := NewFile(cfg, nil)
					if err != nil {
						t.Fatal(err)
					}
					if tt.unwritable {
						if err := os.RemoveAll(cfg.State); err != nil {
							t.Fatal(err)
						}
					}
					inputs := []Input{{Source: file}}
					if stream {
						inputs = append(inputs, Input{Source: NewStream(strings.NewReader("a\nb\n"))})
					}
					ctx, stop := context.WithTimeout(t.Context(), time.Minute)
					defer stop()
					err = p.RunInputs(ctx, inputs...)
					return p.Stats(), err
				}
				st, err := run(tt.stream)
				if errors.Is(err, ErrNotSent) != (tt.lost > 0) || tt.lost > 0 && !strings.Contains(err.Error(), fmt.Sprintf(" %d left", tt.lost)) {
					t.Errorf("error %v, want %d lines lost", err, tt.lost)
				}
				if st.Dropped["drain"] != tt.lost || (st.DroppedBytes["drain"] > 0) != (tt.lost > 0) || st.Waiting != st.Took-tt.lost {
					t.Errorf("stats are %+v", st)
				}
				if strings.Contains(log.String(), "unsent lines wait in their files") != (tt.state && !tt.unwritable) {
					t.Errorf("the log is %s", log.String())
				}
				d.setDown(false)
				if _, err := run(false); err != nil {
					t.Error(err)
				}
				if got := d.got(); !slices.Equal(got, lines) {
					t.Errorf("%d lines arrived of %d", len(got), len(lines))
				}
			})
		})
	}
}

// TestLongFileLines: lines of files have the limit of other inputs, and those that are cut to it are
// counted.
func TestLongFileLines(t *testing.T) {
	most := spread.MaxPayload(1)
	for _, tt := range []struct {
		length, maxLine int
		want            int // with its newline
		cut             int64
	}{
		{65_536, 0, 65_537, 0},
		{most - 1, 0, most, 0},
		{most, 0, most, 1},
		{300_000, 0, most, 1},
		{65_536, 1000, 1000, 1},
		{300_000, 1000, 1000, 1},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(strings.Repeat(strings.Repeat("A", tt.length)+"\n", 2)+"next\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			var d fakeDaemon
			var log logBuffer
			p := newPublisher(t, &d, func(c *Config) { c.MaxLine, c.Log = tt.maxLine, log.logger() })
			file, err := NewFile(tail.Config{Path: path, FromStart: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			if err := p.RunInputs(ctx, Input{Source: file}); err != nil {
				t.Error(err)
			}
			got := d.got()
			if len(got) != 3 || len(got[0]) != tt.want || len(got[1]) != tt.want || got[2] != "next\n" {
				t.Errorf("%d bytes with a limit of %d: %d lines came, the first of %d bytes, want %d", tt.length, tt.maxLine, len(got), len(got[0]), tt.want)
			}
			if n := p.Stats().Inputs[0].Truncated; n != 2*tt.cut {
				t.Errorf("%d bytes with a limit of %d: counted %d cut lines, want %d", tt.length, tt.maxLine, n, 2*tt.cut)
			}
			if n := log.count("cut a line that is too long"); int64(n) != tt.cut {
				t.Errorf("%d bytes with a limit of %d: told %d times, want %d", tt.length, tt.maxLine, n, tt.cut)
			}
			if n := log.count("cut a line that is too long; more such lines of this input are only counted\" input=\"file " + path); int64(n) != tt.cut {
				t.Errorf("told %d times which file it is, want %d", n, tt.cut)
			}
		})
	}
}
