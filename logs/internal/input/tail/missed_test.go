package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// pack compresses a file as gzip and zstd do: the copy has its time, and replaces it.
func pack(t *testing.T, path, ending string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(path+ending, packText(t, text, ending), 0o600),
		os.Chtimes(path+ending, info.ModTime(), info.ModTime()),
		os.Remove(path),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// cutOff compresses a file and cuts the copy off. Its time stays, as that of a file that gzip has left.
func cutOff(t *testing.T, path string, size int64) {
	t.Helper()
	pack(t, path, ".gz")
	path += ".gz"
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Truncate(path, size), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

func packText(t testing.TB, text []byte, ending string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if ending == ".zst" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dated moves a file to a name with a number that grows.
func dated(t *testing.T, from, format string, n int) string {
	t.Helper()
	to := fmt.Sprintf(format, n)
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// rotations are the ways in which a log is rotated the nth time.
func rotations(dir string) map[string]func(t *testing.T, path string, n int) {
	// later compresses what was rotated before, as delaycompress.
	later := func(t *testing.T, path, ending string) {
		t.Helper()
		if _, err := os.Stat(path + ".2"); err == nil {
			pack(t, path+".2", ending)
		}
	}
	return map[string]func(t *testing.T, path string, n int){
		"rename":       func(t *testing.T, path string, _ int) { rename(t, path) },
		"copytruncate": func(t *testing.T, path string, _ int) { copyTruncate(t, path) },
		"gzip": func(t *testing.T, path string, _ int) {
			rename(t, path)
			pack(t, path+".1", ".gz")
		},
		"delayed gzip": func(t *testing.T, path string, _ int) {
			rename(t, path)
			later(t, path, ".gz")
		},
		"delayed zstd after copytruncate": func(t *testing.T, path string, _ int) {
			copyTruncate(t, path)
			later(t, path, ".zst")
		},
		"dates": func(t *testing.T, path string, n int) { dated(t, path, path+"-202601%02d", n) },
		"dates inside, gzip": func(t *testing.T, path string, n int) {
			pack(t, dated(t, path, strings.TrimSuffix(path, ".log")+"-2026-01-%02dT10-00-00.000.log", n), ".gz")
		},
		"seconds, zstd": func(t *testing.T, path string, n int) { pack(t, dated(t, path, path+".%d", 1_795_000_000+n), ".zst") },
		"upwards": func(t *testing.T, path string, n int) {
			to := dated(t, path, path+".%d", n)
			later := time.Date(2100, 1, 1, 0, 0, n, 0, time.UTC)
			if err := os.Chtimes(to, later, later); err != nil {
				t.Fatal(err)
			}
		},
		"link to another name": func(t *testing.T, path string, n int) {
			target := filepath.Join(dir, "data", "application.out")
			if n == 1 { // the first file has to get there
				if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.Rename(path, target), os.Symlink(target, path)); err != nil {
					t.Fatal(err)
				}
			}
			rename(t, target)
			if err := os.WriteFile(target, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"link to the highest": func(t *testing.T, path string, n int) {
			if n == 1 {
				dated(t, path, path+".%d", 0)
			} else if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			to := fmt.Sprintf("%s.%d", path, n)
			if err := errors.Join(os.WriteFile(to, nil, 0o600), os.Symlink(to, path)); err != nil {
				t.Fatal(err)
			}
		},
		"link to the newest": func(t *testing.T, path string, n int) {
			name := func(n int) string { return fmt.Sprintf("web1.access.2026-01-%02d.out", n) }
			if n == 1 {
				if err := os.Rename(path, filepath.Join(dir, name(0))); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(filepath.Join(dir, name(n)), nil, 0o600), os.Symlink(name(n), path)); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// TestMissed: all files that were rotated while no follower ran, or while the taker waited, are read, in
// order, also a compressed one. What was read before is not read again.
func TestMissed(t *testing.T) {
	for _, running := range []bool{false, true} {
		for _, times := range []int{1, 2, 25} {
			for name := range rotations("") {
				t.Run(fmt.Sprintf("%s, running %v, %d times", name, running, times), func(t *testing.T) {
					testMissed(t, name, running, times)
				})
			}
		}
	}
}

func testMissed(t *testing.T, name string, running bool, times int) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	rotate := rotations(dir)[name]
	// A foreign log beside it, and a copy from before, whose lines nobody wants.
	write(t, filepath.Join(dir, "access.log-8080"), "foreign\n")
	write(t, path+".99", "old\n")
	if err := os.Chtimes(path+".99", time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var e events
		cfg := Config{Path: path, State: filepath.Join(dir, "state"), FromStart: true, OnEvent: e.add}
		line := func(n int) string { return fmt.Sprintf("line %03d of a file that is to be rotated\n", n) }
		var to taker
		var want []string
		write(t, path, line(0))
		want = append(want, line(0))
		stop := follow(t, cfg, &to)
		time.Sleep(5 * time.Second)
		if running {
			to.mu.Lock()
			to.gate = make(chan struct{})
			to.mu.Unlock()
			write(t, path, line(1))
			time.Sleep(5 * time.Second)
		} else {
			stop(true)
			write(t, path, line(1))
		}
		want = append(want, line(1))
		for n := range times {
			rotate(t, path, n+1)
			text := line(2 + 2*n)
			write(t, path, text)
			write(t, path, line(3+2*n))
			want = append(want, text, line(3+2*n))
		}
		if running {
			close(to.gate)
		} else {
			stop = follow(t, cfg, &to)
		}
		for range 300 {
			time.Sleep(time.Second)
			if len(to.got()) >= len(want) {
				break
			}
		}
		stop(true)
		if got := to.got(); !slices.Equal(got, want) {
			t.Errorf("%d lines came, want %d: %q", len(got), len(want), got)
		}
		if n := e.losses(t); n != 0 {
			t.Errorf("losses: %q", e.all)
		}
		stop = follow(t, cfg, &to) // nothing comes again
		time.Sleep(5 * time.Second)
		stop(true)
		if got := to.got(); len(got) != len(want) {
			t.Errorf("%d lines came again", len(got)-len(want))
		}
	})
}

// TestMissedLost: what cannot be read is named in a warning; the rest comes, and nothing twice.
func TestMissedLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, path string) // to .3, which was read in part, .2 and .1
		want string                          // the digits of the files whose lines come
		lost []string
	}{
		{"all there", func(*testing.T, string) {}, "3210", nil},
		{"middle gone", func(_ *testing.T, path string) { _ = os.Remove(path + ".2") }, "310", []string{"no files with the numbers [2]"}},
		{"first gone", func(_ *testing.T, path string) { _ = os.Remove(path + ".3") }, "210", []string{"read up to byte 29"}},
		{"xz", func(_ *testing.T, path string) { _ = os.Rename(path+".2", path+".2.xz") }, "310", []string{"log.2.xz: files that end in .xz are not read"}},
		{"first in xz", func(t *testing.T, path string) { pack(t, path+".3", ".xz") }, "210", []string{"log.3.xz: files that end in .xz are not read"}},
		{"not compressed", func(_ *testing.T, path string) { _ = os.Rename(path+".2", path+".2.gz") }, "310", []string{"log.2.gz: gzip: invalid header"}},
		{"cut off behind a line", func(t *testing.T, path string) { cutOff(t, path+".2", 50) }, "3210", []string{"log.2.gz: unexpected EOF"}},
		{"cut off in a line", func(t *testing.T, path string) { cutOff(t, path+".2", 28) }, "310", []string{"log.2.gz: unexpected EOF"}},
		{"being compressed", func(t *testing.T, path string) {
			text, err := os.ReadFile(path + ".2")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".2.gz", packText(t, text, ".gz")[:30], 0o600); err != nil {
				t.Fatal(err)
			}
		}, "3210", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(dir, "log")
				var e events
				cfg := Config{Path: path, State: filepath.Join(dir, "state"), FromStart: true, OnEvent: e.add}
				line := func(n int, what string) string { return fmt.Sprintf("line of the file %d %s\n", n, what) }
				var before, to taker
				write(t, path, line(3, "before me"))
				stop := follow(t, cfg, &before)
				time.Sleep(5 * time.Second)
				stop(true)
				for n := 3; n > 0; n-- {
					write(t, path, line(n, "a"))
					rename(t, path)
				}
				write(t, path, line(0, "a"))
				tt.do(t, path)
				stop = follow(t, cfg, &to)
				time.Sleep(5 * time.Second)
				stop(true)
				var want []string
				for _, n := range tt.want {
					want = append(want, line(int(n-'0'), "a"))
				}
				got := to.got()
				if !slices.Equal(got, want) {
					t.Errorf("came %q, want %q", got, want)
				}
				if n := e.losses(t); n != len(tt.lost) {
					t.Errorf("%d losses, want %d: %q", n, len(tt.lost), e.all)
				}
				for _, l := range tt.lost {
					if !strings.Contains(strings.Join(e.all, "\n"), l) {
						t.Errorf("no event has %q: %q", l, e.all)
					}
				}
			})
		})
	}
}

// TestSchemeChanges: files are read in order also if the naming of rotated files changes while no
// follower runs, as by the option dateext of logrotate. Older files of the other scheme, and a copy of
// the file that was read last, do not come again.
func TestSchemeChanges(t *testing.T) {
	first := strings.Repeat("a first line that is long enough to know a copy by it\n", 20)
	for _, tt := range []struct {
		name, first, second string // what is added to the log's name
		pack                string
		want                []string
		lost                string
	}{
		{"to dates", ".1", "-20261129", "", []string{"2\n", "3\n", "4\n"}, ""},
		{"to numbers", "-20261128", ".1", "", []string{"2\n", "3\n", "4\n"}, ""},
		{"to inner dates", ".1", "-20261129.log", "", []string{"2\n", "3\n", "4\n"}, ""},
		{"zstd", ".1", "-20261129", ".zst", []string{"2\n", "3\n", "4\n"}, ""},
		{"xz", ".1", "-20261129", ".xz", []string{"2\n", "4\n"}, "-20261129.xz: files that end in .xz are not read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(dir, "a.log")
				rotated := func(added string) string {
					if strings.HasSuffix(added, ".log") {
						return strings.TrimSuffix(path, ".log") + added
					}
					return path + added
				}
				var e events
				var before, to taker
				cfg := Config{Path: path, State: filepath.Join(dir, "state"), FromStart: true, OnEvent: e.add}
				for _, old := range []string{".7", "-20250101"} {
					write(t, path+old, "old\n")
					if err := os.Chtimes(path+old, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
						t.Fatal(err)
					}
				}
				write(t, path, first)
				stop := follow(t, cfg, &before)
				time.Sleep(5 * time.Second)
				stop(true)
				tick(t)
				write(t, path, "2\n")
				if err := os.Rename(path, rotated(tt.first)); err != nil {
					t.Fatal(err)
				}
				tick(t)
				write(t, path, "3\n")
				if err := os.Rename(path, rotated(tt.second)); err != nil {
					t.Fatal(err)
				}
				if tt.pack != "" {
					pack(t, rotated(tt.second), tt.pack)
				}
				tick(t)
				write(t, path, "4\n")
				if tt.first == ".1" {
					write(t, path+"-20261130", first+"2\n")
				}
				stop = follow(t, cfg, &to)
				time.Sleep(5 * time.Second)
				stop(true)
				if got := to.got(); !slices.Equal(got, tt.want) {
					t.Errorf("came %q, want %q", got, tt.want)
				}
				if n := e.losses(t); (n > 0) != (tt.lost != "") || !strings.Contains(strings.Join(e.all, "\n"), tt.lost) {
					t.Errorf("%d losses, want %q: %q", n, tt.lost, e.all)
				}
			})
		})
	}
}

// TestDone: the end of a rotated file that was read to its end is no loss.
func TestDone(t *testing.T) {
	for _, whole := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(dir, "log")
			var e events
			var to taker
			cfg := Config{Path: path, State: dir, FromStart: true, OnEvent: e.add}
			write(t, path, "the first line\n")
			stop := follow(t, cfg, &to)
			time.Sleep(time.Second)
			rename(t, path)
			write(t, path, "the second line\n")
			if !whole {
				write(t, path+".1", "beg")
			}
			time.Sleep(5 * time.Second)
			stop(true)
			if err := os.Remove(path + ".1"); err != nil {
				t.Fatal(err)
			}
			stop = follow(t, cfg, &to)
			time.Sleep(5 * time.Second)
			stop(true)
			if n := e.losses(t); (n == 0) != whole || len(to.got()) != 2 {
				t.Errorf("whole %v: %d losses, %q", whole, n, e.all)
			}
		})
	}
}

// TestInterrupted: a follower that is ended while it reads a compressed file ends at once, and the next
// one goes on where it was.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		var e events
		cfg := Config{Path: path, State: dir, FromStart: true, OnEvent: e.add}
		lines := numbered(1, 100_000)
		to := taker{gate: make(chan struct{})}
		write(t, path, strings.Join(lines, ""))
		stop := follow(t, cfg, &to)
		time.Sleep(time.Second)
		close(to.gate)
		stop(true)
		rename(t, path)
		pack(t, path+".1", ".gz")
		write(t, path, "line 100001\n")
		f, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // at the worst moment
		before := len(to.got())
		if err := f.Run(ctx, &to); err != nil {
			t.Error(err)
		}
		f.Close()
		if n := len(to.got()) - before; n != 0 {
			t.Errorf("%d lines came after the end", n)
		}
		stop = follow(t, cfg, &to)
		time.Sleep(5 * time.Minute)
		stop(true)
		if got := to.got(); !slices.Equal(got, append(lines, "line 100001\n")) {
			t.Errorf("%d lines came, %d before the compression", len(got), before)
		}
		if n := e.losses(t); n != 0 {
			t.Errorf("losses: %q", e.all)
		}
	})
}

// TestQuietLog: a rotated file that got a line after the creation of the next one, which stays empty, was
// not missed.
func TestQuietLog(t *testing.T) {
	for _, then := range []string{"restart", "kill", "rotate", "rotate and pack"} {
		t.Run(then, func(t *testing.T) {
			top := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(top, "log")
				cfg := Config{Path: path, State: filepath.Join(top, "state"), FromStart: true}
				var to taker
				write(t, path, strings.Join(numbered(1, 2), ""))
				stop := follow(t, cfg, &to)
				time.Sleep(5 * time.Second)
				rename(t, path)
				write(t, path, "")
				tick(t)
				write(t, path+".1", "line 000003\n")
				time.Sleep(2 * graceTime)
				if strings.HasPrefix(then, "rotate") {
					rename(t, path)
					if then != "rotate" {
						pack(t, path+".2", ".gz")
					}
					write(t, path, "")
				} else {
					stop(then == "restart")
					stop = follow(t, cfg, &to)
				}
				time.Sleep(5 * time.Second)
				stop(true)
				if got := to.got(); !slices.Equal(got, numbered(1, 3)) {
					t.Errorf("came %q", got)
				}
			})
		})
	}
}
