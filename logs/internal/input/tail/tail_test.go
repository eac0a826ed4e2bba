package tail

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// taker keeps lines; they are safe at once, or on request.
type taker struct {
	mu    sync.Mutex
	lines []string
	marks uint64
	safe  uint64
	hold  bool
	full  bool
	gate  chan struct{} // Take waits until it is closed; nil means that it is
}

func (t *taker) Take(_ *LineNames, b []byte) (int, uint64) {
	if t.gate != nil {
		<-t.gate
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full {
		return 0, t.marks
	}
	t.marks++
	for l := range strings.Lines(string(b)) {
		t.lines = append(t.lines, l)
	}
	return len(b), t.marks
}

func (t *taker) Safe() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hold {
		t.safe = t.marks
	}
	return t.safe
}

func (t *taker) got() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.lines)
}

// begin runs a follower until cancel is called, or it ends by itself. done has its error then.
func begin(t *testing.T, cfg Config, to Taker, naming ...Naming) (f *Follower, cancel func(), done <-chan error) {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range naming {
		f.Name(n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, to) }()
	return f, cancel, ended
}

// follow runs a follower until the returned function is called, with true for an end in order
// and false for a kill.
func follow(t *testing.T, cfg Config, to Taker) (stop func(order bool)) {
	t.Helper()
	f, cancel, done := begin(t, cfg, to)
	return func(order bool) {
		t.Helper()
		before, err := os.ReadFile(f.state)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.Close()
		if !order { // a kill writes nothing
			if err == nil {
				err = os.WriteFile(f.state, before, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// shift makes room for path.1.
func shift(path string) {
	for i := 40; i > 0; i-- {
		for _, ending := range []string{"", ".gz", ".zst"} {
			_ = os.Rename(fmt.Sprintf("%s.%d%s", path, i, ending), fmt.Sprintf("%s.%d%s", path, i+1, ending))
		}
	}
}

func rename(t *testing.T, path string) {
	t.Helper()
	shift(path)
	if err := os.Rename(path, path+".1"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func copyTruncate(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	shift(path)
	if err := os.WriteFile(path+".1", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}

// tick waits until files that are written get another time than before.
func tick(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tick")
	var before time.Time
	for {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !before.IsZero() && !info.ModTime().Equal(before) {
			return
		}
		before = info.ModTime()
	}
}

// TestRotations writes, rotates, compresses and restarts by chance: each line comes exactly once and in
// order.
func TestRotations(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir, state := t.TempDir(), t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				path := filepath.Join(dir, "access.log")
				cfg := Config{Path: path, State: state, FromStart: true, OnEvent: func(what string, err error) {
					if err != nil || strings.Contains(what, "lost") {
						t.Errorf("%s: %v", what, err)
					}
				}}
				var to taker
				stop := follow(t, cfg, &to)
				running := true
				n, begun := 0, false // lines written, and whether a part of the last was
				var want []string
				finish := func() {
					if begun {
						write(t, path, "its end\n")
						begun = false
					}
				}
				for range 40 {
					switch rng.IntN(8) {
					default:
						for range 1 + rng.IntN(30) {
							finish()
							n++
							text := fmt.Sprintf("seed %d line %06d, ", seed, n)
							write(t, path, text)
							want = append(want, text+"its end\n")
							begun = true
						}
						if rng.IntN(3) > 0 {
							finish()
						}
					case 0, 1:
						if running {
							time.Sleep(2 * pollInterval)
						}
						finish()
						if info, err := os.Stat(path); err != nil || info.Size() == 0 {
							continue
						}
						tick(t)
						if rng.IntN(2) == 0 {
							rename(t, path)
						} else {
							copyTruncate(t, path)
						}
						tick(t)
						if _, err := os.Stat(path + ".2"); err == nil && rng.IntN(2) == 0 {
							pack(t, path+".2", []string{".gz", ".zst"}[rng.IntN(2)])
						}
						if running && rng.IntN(2) == 0 {
							time.Sleep(2 * pollInterval)
						}
					case 2:
						if running {
							stop(true)
						} else {
							stop = follow(t, cfg, &to)
						}
						running = !running
						if running {
							time.Sleep(2 * pollInterval)
						}
					case 3:
						time.Sleep(2*pollInterval + time.Duration(rng.IntN(3000))*time.Millisecond)
					}
				}
				finish()
				if running {
					stop(true)
				}
				stop = follow(t, cfg, &to)
				time.Sleep(2 * time.Minute)
				stop(true)
				if got := to.got(); !slices.Equal(got, want) {
					t.Errorf("%d lines came, %d were written", len(got), len(want))
					for i := range min(len(got), len(want)) {
						if got[i] != want[i] {
							t.Fatalf("line %d is %q, want %q", i, got[i], want[i])
						}
					}
				}
			})
		})
	}
}

// TestSafe: a position does not go beyond what is safe, so that a kill loses nothing.
func TestSafe(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		cfg := Config{Path: path, State: filepath.Join(dir, "state"), FromStart: true}
		var to taker
		stop := follow(t, cfg, &to)
		write(t, path, "the first line\n")
		time.Sleep(5 * time.Second)
		to.mu.Lock()
		to.hold = true
		to.mu.Unlock()
		write(t, path, "the second line\n")
		time.Sleep(5 * time.Second)
		stop(false)
		var next taker
		stop = follow(t, cfg, &next)
		time.Sleep(time.Second)
		stop(true)
		if got := next.got(); !slices.Equal(got, []string{"the second line\n"}) {
			t.Errorf("after a kill came %q", got)
		}
		// Nobody takes anything: it stays.
		write(t, path, "the third line\n")
		full := taker{full: true}
		stop = follow(t, cfg, &full)
		time.Sleep(time.Second)
		stop(true)
		stop = follow(t, cfg, &next)
		time.Sleep(time.Second)
		stop(true)
		if got := next.got(); !slices.Equal(got, []string{"the second line\n", "the third line\n"}) {
			t.Errorf("came %q", got)
		}
	})
}

// TestStart: without a position, existing lines are skipped unless from_start asks for them. A
// damaged position counts as none and is logged.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		write(t, path, "old\nbeg")
		told := 0
		cfg := Config{Path: path, State: dir, OnEvent: func(string, error) { told++ }}
		var to taker
		stop := follow(t, cfg, &to)
		time.Sleep(time.Second)
		write(t, path, "un\nnew\n")
		time.Sleep(time.Second)
		stop(true)
		if got := to.got(); !slices.Equal(got, []string{"begun\n", "new\n"}) || told != 0 {
			t.Errorf("came %q", got)
		}
		write(t, statePath(dir, path), "x")
		stop = follow(t, cfg, &to)
		time.Sleep(time.Second)
		stop(true)
		if got := to.got(); len(got) != 2 || told != 1 {
			t.Errorf("came %q, told %d times", got, told)
		}
	})
}

// TestLong: a line that is too long is cut once, wherever its pieces come.
func TestLong(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		var to taker
		stop := follow(t, Config{Path: path, FromStart: true, MaxLine: 100}, &to)
		for range 50 {
			write(t, path, strings.Repeat("x", 10_000))
			time.Sleep(time.Second)
		}
		write(t, path, "\nshort\n")
		time.Sleep(time.Second)
		stop(true)
		if got := to.got(); !slices.Equal(got, []string{strings.Repeat("x", 99) + "\n", "short\n"}) {
			t.Errorf("%d lines came: %.200q", len(got), got)
		}
	})
}

// TestGrace: what is written to a file after it was renamed comes, and it is let go in the
// end.
func TestGrace(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		var to taker
		f, cancel, done := begin(t, Config{Path: path, FromStart: true}, &to)
		defer cancel()
		write(t, path, "one\n")
		time.Sleep(time.Second)
		rename(t, path)
		write(t, path, "two\n")
		time.Sleep(graceTime / 2)
		write(t, path+".1", "late\n")
		time.Sleep(graceTime / 2)
		write(t, path+".1", "later\n")
		time.Sleep(2 * graceTime)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := to.got(); !slices.Equal(got, []string{"one\n", "two\n", "late\n", "later\n"}) || len(f.files) != 1 {
			t.Errorf("came %q, %d files are open", got, len(f.files))
		}
		f.Close()
	})
}

// TestNULs: NULs are skipped and counted, in runs of any length, before a line and in its place; no
// line is lost or damaged.
func TestNULs(t *testing.T) {
	nuls := func(n int) string { return strings.Repeat("\x00", n) }
	for _, tt := range []struct {
		text string
		want []string
	}{
		{nuls(1) + "one\n", []string{"one\n"}},
		{nuls(65_535) + "one\ntwo\n", []string{"one\n", "two\n"}},
		{nuls(65_536) + "one\n", []string{"one\n"}},
		{nuls(200_000) + "one\n", []string{"one\n"}},
		{"one\n" + nuls(70_000) + "two\n", []string{"one\n", "two\n"}},
		{"one\ntorn" + nuls(3) + "two\nthree\n", []string{"one\n", "torn\n", "two\n", "three\n"}},
		{"torn" + nuls(100_000) + "two\n", []string{"torn\n", "two\n"}},
		{strings.Repeat("x", 100_000) + nuls(5) + "two\n", []string{strings.Repeat("x", 65_535) + "\n", "two\n"}},
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(dir, "log")
			write(t, path, tt.text)
			told := 0
			var to taker
			f, cancel, done := begin(t, Config{Path: path, FromStart: true, OnEvent: func(string, error) { told++ }}, &to)
			time.Sleep(time.Second)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got := to.got(); !slices.Equal(got, tt.want) {
				t.Errorf("%.40q of %d bytes: came %.60q", tt.text, len(tt.text), got)
			}
			if n := f.Stats().NULs; n != int64(strings.Count(tt.text, "\x00")) || told != 1 {
				t.Errorf("%.40q: counted %d NULs, told %d times", tt.text, n, told)
			}
			f.Close()
		})
	}
}

// TestLastLine: the last line of a rotated file comes once the file is closed, though it has no
// newline. A taker without room gets it later.
func TestLastLine(t *testing.T) {
	for _, full := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(dir, "log")
			var to taker
			f, cancel, done := begin(t, Config{Path: path, FromStart: true}, &to)
			defer cancel()
			write(t, path, "one\ntorn")
			time.Sleep(time.Second)
			rename(t, path)
			write(t, path, "two\n")
			time.Sleep(graceTime / 2)
			if got := to.got(); !slices.Equal(got, []string{"one\n", "two\n"}) {
				t.Errorf("came %q while the file may still grow", got)
			}
			to.mu.Lock()
			to.full = full
			to.mu.Unlock()
			time.Sleep(graceTime)
			to.mu.Lock()
			to.full = false
			to.mu.Unlock()
			time.Sleep(2 * graceTime)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got := to.got(); !slices.Equal(got, []string{"one\n", "two\n", "torn\n"}) || len(f.files) != 1 {
				t.Errorf("full %v: came %q, %d files are open", full, got, len(f.files))
			}
			f.Close()
		})
	}
}

// former returns a position of version 1, in a file with a text.
func former(path string, offset int, text string) []byte {
	b := fmt.Appendf(nil, "spreadd tail 1 %q\nfile 1 2 %d %d %x\n", path, offset, len(text), sha256.Sum256([]byte(text)))
	return summed(b)
}

// summed adds the checksum of a position.
func summed(b []byte) []byte {
	return fmt.Appendf(b, "sum %08x\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzPosition: what is read is what is written like that.
func FuzzPosition(f *testing.F) {
	f.Add((&position{path: "/var/log/a b\n", places: []place{{dev: 1, ino: 2, mtime: 5, head: digest{n: 4}, done: true, names: &LineNames{Epoch: 1 << 63, Rules: "a \"b\"", Streams: []Stream{{"g", 7}, {"g h", 1 << 60}}}}, {spot: spot{offset: 1 << 60, tail: digest{n: 1024}}}}}).encode())
	f.Add((&position{since: 1}).encode())
	f.Add(former("/var/log/a", 3, "abc"))
	f.Add([]byte("sum 00000000\n"))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		p, err := parsePosition(b)
		if err != nil {
			return
		}
		again, err := parsePosition(p.encode())
		if err != nil || again.path != p.path || again.since != p.since || !reflect.DeepEqual(again.places, p.places) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestStats: where a follower is can be seen, also while it is kept waiting.
func TestStats(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		f, err := New(Config{Path: path, State: filepath.Join(dir, "state"), FromStart: true})
		if err != nil {
			t.Fatal(err)
		}
		var to taker
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx, &to) }()
		check := func(what string, want Stats) {
			t.Helper()
			time.Sleep(2 * time.Second)
			if got := f.Stats(); got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		check("no file", Stats{Missing: true})
		write(t, path, "0123456789\n")
		check("a line", Stats{Position: 11, Safe: 11, Files: 1})
		to.mu.Lock()
		to.hold = true
		to.mu.Unlock()
		write(t, path, "another\nhalf")
		check("a line that is not safe, and half a one", Stats{Position: 19, Safe: 11, Behind: 4, Files: 1})
		to.mu.Lock()
		to.full = true
		to.mu.Unlock()
		write(t, path, "\n")
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		write(t, path, "new\n")
		check("nothing is taken over a rotation", Stats{Behind: 9, Files: 2, Rotations: 1})
		to.mu.Lock()
		to.full, to.hold = false, false
		to.mu.Unlock()
		check("all is taken", Stats{Position: 4, Safe: 4, Files: 2, Rotations: 1})
		remove(t, path)
		check("it is gone", Stats{Position: 4, Safe: 4, Files: 2, Rotations: 1, Missing: true})
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		trouble := "open " + path + ": not a regular file but a directory; name a file in it"
		check("a directory", Stats{Position: 4, Safe: 4, Files: 2, Rotations: 1, Errors: 1, Trouble: trouble})
		remove(t, path)
		check("it is gone, too", Stats{Position: 4, Safe: 4, Files: 2, Rotations: 1, Errors: 1, Missing: true})
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		f.Close()
		if got := f.Stats(); got.Position != 4 || got.Safe != 4 || got.Files != 2 || got.Rotations != 1 {
			t.Errorf("after the end: %+v", got)
		}
	})
}
