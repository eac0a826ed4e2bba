package logpub

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// piped runs a publisher whose input is written by hand.
func piped(t *testing.T, p *Publisher) (write func(lines []string), end func() error) {
	t.Helper()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(context.WithoutCancel(t.Context()), r) }()
	return func(lines []string) {
			t.Helper()
			for _, l := range lines {
				if _, err := io.WriteString(w, l); err != nil {
					t.Fatal(err)
				}
			}
		}, func() error {
			_ = w.Close()
			return <-ended
		}
}

// spooling sets a spool behind a queue that holds little.
func spooling(dir string) func(*Config) {
	return func(c *Config) { c.Spool, c.QueueBytes, c.SpoolAfter, c.BlockTime = dir, 4096, -1, time.Minute }
}

// TestSpoolOutage: lines that do not fit into memory wait on disk, arrive in order when
// the daemon is back, and leave nothing behind.
func TestSpoolOutage(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, spooling(dir))
		write, end := piped(t, p)
		lines := numbered(1, 20_000)
		write(lines[:15_000])
		time.Sleep(time.Minute)
		if st := p.Stats(); st.Spooled != 15_000 || st.Waiting != 15_000 || st.Dropped["queue_full"]+st.Dropped["spool_full"] > 0 {
			t.Errorf("stats are %+v", st)
		}
		d.setDown(false)
		write(lines[15_000:])
		if err := end(); err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, lines) {
			t.Errorf("%d lines arrived, not the %d that were written", len(got), len(lines))
		}
		checkSums(t, p)
	})
	if !spool.Empty(fsutil.OS{}, filepath.Join(dir, "0")) {
		t.Error("the spool has segments, though all was sent")
	}
}

// TestSpoolQuiet: while a daemon takes lines as they come, nothing is written to
// disk; when it is away lines are after a while.
func TestSpoolQuiet(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		p := newPublisher(t, &d, func(c *Config) { c.Spool = dir })
		write, end := piped(t, p)
		write(numbered(1, 1000))
		time.Sleep(time.Minute)
		if n := p.Stats().Spooled; n != 0 {
			t.Errorf("%d lines spooled with a daemon that is up", n)
		}
		d.setDown(true)
		write(numbered(1001, 1010))
		time.Sleep(DefaultSpoolAfter - 10*time.Millisecond)
		if n := p.Stats().Spooled; n != 0 {
			t.Errorf("%d lines spooled too early", n)
		}
		time.Sleep(20 * time.Millisecond)
		if n := p.Stats().Spooled; n != 10 {
			t.Errorf("%d lines spooled, want 10", n)
		}
		d.setDown(false)
		if err := end(); err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, numbered(1, 1010)) {
			t.Errorf("%d lines arrived", len(got))
		}
		checkSums(t, p)
	})
}

// TestSpoolPipe: with delivery written, the lines of a pipe are on disk without any delay, so that a
// kill loses next to nothing of them.
func TestSpoolPipe(t *testing.T) {
	for _, delivery := range []Delivery{Written, Ordered} {
		t.Run(delivery.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				var d fakeDaemon
				d.setDown(true)
				p := newPublisher(t, &d, func(c *Config) {
					c.Plain, c.Delivery, c.Spool, c.SpoolAfter, c.DrainTimeout = false, delivery, dir, time.Hour, -1
				})
				write, end := piped(t, p)
				time.Sleep(time.Second) // Everything has started.
				write(numbered(1, 10))
				synctest.Wait()
				want := int64(10)
				if delivery == Ordered {
					want = 0 // The ring confirms lines sooner than they have to be saved.
				}
				if n := p.Stats().Spooled; n != want {
					t.Errorf("%d lines are spooled at once, want %d", n, want)
				}
				if err := end(); err != nil {
					t.Error(err)
				}
				checkSums(t, p)
			})
		})
	}
}

// TestSpoolRestart: what is left at the end is sent by the next process, before what
// comes then, and only once.
func TestSpoolRestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		var log logBuffer
		for i := range 3 {
			p := newPublisher(t, &d, func(c *Config) { spooling(dir)(c); c.Log = log.logger() })
			if err := p.Run(t.Context(), strings.NewReader(strings.Join(numbered(i*100+1, i*100+100), ""))); err != nil {
				t.Errorf("lines that are kept are no error: %v", err)
			}
			if st := p.Stats(); st.Recovered != int64(i*100) || st.Waiting != int64(i*100+100) || len(d.got()) > 0 {
				t.Errorf("stats are %+v", st)
			}
			checkSums(t, p)
		}
		d.setDown(false)
		for range 2 {
			p := newPublisher(t, &d, spooling(dir))
			if err := p.Run(t.Context(), strings.NewReader("")); err != nil {
				t.Error(err)
			}
			checkSums(t, p)
		}
		if got := d.got(); !slices.Equal(got, numbered(1, 300)) {
			t.Errorf("%d lines arrived: %q", len(got), got)
		}
		if log.count("lines left in spool") != 3 || log.count("found lines in spool") != 2 {
			t.Errorf("the log says:\n%s", &log)
		}
	})
}

// TestSpoolFull: what becomes of lines when memory and spool are full, by policy.
func TestSpoolFull(t *testing.T) {
	line := strings.Repeat("x", 1000)
	for _, policy := range []Policy{DropNewest, DropOldest, Block} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			d := fakeDaemon{down: true}
			var log logBuffer
			p := newPublisher(t, &d, func(c *Config) {
				spooling(dir)(c)
				c.Policy, c.SpoolBytes, c.Log, c.BlockTime = policy, MinSpoolBytes, log.logger(), 0
			})
			write, end := piped(t, p)
			var lines []string
			for _, l := range numbered(1, 3000) {
				lines = append(lines, strings.TrimSuffix(l, "\n")+line+"\n")
			}
			began := time.Now()
			if policy == Block {
				time.AfterFunc(time.Hour, func() { d.setDown(false) })
			}
			write(lines)
			waited := time.Since(began)
			if policy != Block {
				time.Sleep(time.Minute)
				d.setDown(false)
			}
			time.Sleep(time.Minute)
			if err := end(); err != nil {
				t.Error(err)
			}
			checkSums(t, p)
			got := d.got()
			st := p.Stats()
			switch policy {
			case DropNewest:
				if waited > 2*DefaultBlockTime || len(got) < 900 || !slices.Equal(got, lines[:len(got)]) || st.Dropped["queue_full"] != int64(3000-len(got)) {
					t.Errorf("waited for %v, %d lines arrived: %+v", waited, len(got), st)
				}
			case DropOldest:
				// A few of the first are in memory, for a session.
				if waited > 2*DefaultBlockTime || len(got) < 900 || !slices.Equal(got[10:], lines[3000-len(got)+10:]) || st.Dropped["spool_full"] != int64(3000-len(got)) {
					t.Errorf("waited for %v, %d lines arrived, the first is %.12q: %+v", waited, len(got), got[0], st)
				}
			case Block:
				if waited < time.Hour || !slices.Equal(got, lines) {
					t.Errorf("waited for %v, %d lines arrived: %+v", waited, len(got), st)
				}
			case numPolicies:
			}
			if policy != Block && log.count("dropping lines") == 0 {
				t.Errorf("the log says:\n%s", &log)
			}
		})
	}
}

// TestMemoryOldest: without a spool the oldest lines go.
func TestMemoryOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		p := newPublisher(t, &d, func(c *Config) { c.QueueBytes, c.Policy, c.BlockTime = 4096, DropOldest, -1 })
		write, end := piped(t, p)
		lines := numbered(1, 2000)
		write(lines)
		d.setDown(false)
		if err := end(); err != nil {
			t.Error(err)
		}
		got := d.got()
		if n := len(got); n < 200 || !slices.Equal(got, lines[2000-n:]) || p.Stats().Dropped["queue_full"] != int64(2000-n) {
			t.Errorf("%d lines arrived: %+v", len(got), p.Stats())
		}
		checkSums(t, p)
	})
}

// badDisk is a spool that fails when it is told to.
type badDisk struct {
	queue.Store
	write, read *atomic.Bool
}

func (b badDisk) Append(r spool.Record) error {
	if b.write.Load() {
		return &spool.Error{Op: "append", Path: "x", Err: syscall.ENOSPC}
	}
	return b.Store.Append(r)
}

func (b badDisk) Read(id uint64, buf []byte) (spool.Record, error) {
	if b.read.Load() {
		return spool.Record{}, &spool.Error{Op: "read", Path: "x", Err: syscall.EIO}
	}
	return b.Store.Read(id, buf)
}

func breaking(c *Config) (write, read, open *atomic.Bool) {
	write, read, open = new(atomic.Bool), new(atomic.Bool), new(atomic.Bool)
	c.open = func(cfg spool.Config) (queue.Store, spool.Recovery, error) {
		if open.Load() {
			return nil, spool.Recovery{}, &spool.Error{Op: "open", Path: cfg.Dir, Err: fs.ErrPermission}
		}
		s, found, err := spool.Open(cfg)
		if err != nil {
			return nil, found, err
		}
		return badDisk{s, write, read}, found, nil
	}
	return write, read, open
}

// TestDiskFull: while the disk takes nothing memory holds what it can, the rest is dropped and
// counted, and when it takes something again so does the spool.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		var log logBuffer
		var bad *atomic.Bool
		p := newPublisher(t, &d, func(c *Config) {
			spooling(dir)(c)
			c.Log, c.BlockTime = log.logger(), 0
			bad, _, _ = breaking(c)
		})
		write, end := piped(t, p)
		lines := numbered(1, 3000)
		write(lines[:1000])
		time.Sleep(time.Minute)
		bad.Store(true)
		began := time.Now()
		write(lines[1000:2000])
		if waited := time.Since(began); waited > 2*DefaultBlockTime {
			t.Errorf("a writer waited for %v", waited)
		}
		time.Sleep(time.Minute)
		dropped := int(p.Stats().Dropped["queue_full"])
		if dropped < 500 {
			t.Errorf("%d lines dropped", dropped)
		}
		bad.Store(false)
		time.Sleep(time.Minute)
		write(lines[2000:])
		time.Sleep(time.Minute)
		d.setDown(false)
		if err := end(); err != nil {
			t.Error(err)
		}
		want := slices.Concat(lines[:2000-dropped], lines[2000:])
		if got := d.got(); !slices.Equal(got, want) {
			t.Errorf("%d lines arrived, want %d", len(got), len(want))
		}
		if st := p.Stats(); st.SpoolErrors < 50 || log.count("spool failed") != 1 || log.count("spool takes lines again") != 1 {
			t.Errorf("%d errors, the log says:\n%s", st.SpoolErrors, &log)
		}
		checkSums(t, p)
	})
}

// TestDiskUnreadable: a spool that cannot be read is left after a while, and what comes
// goes on over memory; when it can be read what was left is sent.
func TestDiskUnreadable(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		var log logBuffer
		var bad, shut *atomic.Bool
		p := newPublisher(t, &d, func(c *Config) {
			spooling(dir)(c)
			c.Log = log.logger()
			_, bad, shut = breaking(c)
		})
		write, end := piped(t, p)
		lines := numbered(1, 3000)
		write(lines[:2000])
		time.Sleep(time.Minute)
		bad.Store(true)
		shut.Store(true)
		d.setDown(false)
		time.Sleep(time.Minute)
		write(lines[2000:])
		time.Sleep(time.Second)
		got := d.got()
		if n := len(got); n < 1000 || !slices.Equal(got[n-1000:], lines[2000:]) {
			t.Errorf("%d lines arrived while the spool could not be read", n)
		}
		if st := p.Stats(); st.Abandoned < 1000 || st.Took != st.Sent+st.Abandoned+st.Waiting {
			t.Errorf("stats are %+v", st)
		}
		bad.Store(false)
		shut.Store(false)
		time.Sleep(2 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		// What was in memory and in the spool comes twice.
		all := d.got()
		for _, l := range lines {
			if n := len(all) - len(slices.DeleteFunc(slices.Clone(all), func(got string) bool { return got == l })); n != 1 && n != 2 {
				t.Fatalf("%q arrived %d times", l, n)
			}
		}
		checkSums(t, p)
		if n := p.Stats().Recovered; n < p.Stats().Abandoned || log.count("adopting lines") != 1 {
			t.Errorf("%d lines recovered; the log says:\n%s", n, &log)
		}
	})
}

// TestSpoolShut: a spool that cannot be opened is no reason not to run.
func TestSpoolShut(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var d fakeDaemon
	var log logBuffer
	p := newPublisher(t, &d, func(c *Config) { c.Spool, c.Log = name, log.logger() })
	if err := p.Run(t.Context(), strings.NewReader("a\n")); err != nil {
		t.Error(err)
	}
	if len(d.got()) != 1 || log.count("cannot open spool") != 1 {
		t.Errorf("%q arrived; the log says:\n%s", d.got(), &log)
	}
}

// TestSpoolDamaged: lines that are lost by damage are counted and logged.
func TestSpoolDamaged(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		lines := numbered(1, 1000)
		if err := newPublisher(t, &d, spooling(dir)).Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "0", "*.seg"))
		if err != nil || len(names) != 1 {
			t.Fatalf("segments %q, %v", names, err)
		}
		f, err := os.OpenFile(names[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		// In a line of what comes first, and in one near the end.
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte("?"), info.Size()-1000)
		_, err2 := f.WriteAt([]byte("?"), 300)
		if err := errors.Join(err, err2, f.Close()); err != nil {
			t.Fatal(err)
		}
		d.setDown(false)
		var log logBuffer
		p := newPublisher(t, &d, func(c *Config) { spooling(dir)(c); c.Log = log.logger() })
		if err := p.Run(t.Context(), strings.NewReader("")); err != nil {
			t.Error(err)
		}
		got := d.got()
		st := p.Stats()
		if n := st.Dropped["spool_damaged"]; n == 0 || int(n)+len(got) != int(st.Recovered) || st.SpoolDamaged != 2 {
			t.Errorf("%d lines arrived: %+v", len(got), st)
		}
		rest := lines
		for _, l := range got {
			i := slices.Index(rest, l)
			if i < 0 {
				t.Fatalf("%q arrived, which was not sent or is not in order", l)
			}
			rest = rest[i+1:]
		}
		if log.count("spool damaged, lines lost") != 2 {
			t.Errorf("the log says:\n%s", &log)
		}
		checkSums(t, p)
	})
}

// TestAdopt: two processes share a spool directory; what one leaves is sent by the
// other.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var up fakeDaemon
		down := fakeDaemon{down: true}
		p1 := newPublisher(t, &up, spooling(dir))
		_, end1 := piped(t, p1)
		synctest.Wait()
		p2 := newPublisher(t, &down, spooling(dir))
		write, end2 := piped(t, p2)
		lines := numbered(1, 5000)
		write(lines)
		if err := end2(); err != nil {
			t.Error(err)
		}
		checkSums(t, p2)
		time.Sleep(time.Minute)
		if got := up.got(); !slices.Equal(got, lines) {
			t.Errorf("%d lines arrived: %+v; of the other: %+v", len(got), p1.Stats(), p2.Stats())
		}
		if err := end1(); err != nil {
			t.Error(err)
		}
		checkSums(t, p1)
	})
	for _, slot := range []string{"0", "1"} {
		if !spool.Empty(fsutil.OS{}, filepath.Join(dir, slot)) {
			t.Errorf("slot %s has segments", slot)
		}
	}
}
