package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// numbered returns lines from first to last.
func numbered(first, last int) (lines []string) {
	for i := first; i <= last; i++ {
		lines = append(lines, fmt.Sprintf("line %06d\n", i))
	}
	return lines
}

// events collects what a follower reports.
type events struct{ all []string }

func (e *events) add(what string, err error) { e.all = append(e.all, fmt.Sprintf("%s: %v", what, err)) }

// losses returns how many events of losses there were, and fails the test if one has no error: these
// would not be warnings.
func (e *events) losses(t *testing.T) (n int) {
	t.Helper()
	for _, what := range e.all {
		if strings.Contains(what, "lost") || strings.Contains(what, "not read") {
			n++
			if strings.HasSuffix(what, ": <nil>") {
				t.Errorf("a loss without an error: %s", what)
			}
		}
	}
	return n
}

// TestKept: the position of a file that is not there at the start is kept, also by a follower that
// never sees the file, until the file is mounted or another one is in its place.
func TestKept(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(dir, path string) error // while nobody has the file
		want []string
		lost int
	}{
		{"mounted", func(dir, _ string) error { return os.Rename(dir+".away", dir) }, numbered(1001, 1002), 0},
		{"another file", func(dir, path string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, []byte("other 000001\n"), 0o600))
		}, []string{"other 000001\n"}, 1},
		{"a longer one", func(dir, path string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, []byte(strings.Repeat("other\n", 10_000)), 0o600))
		}, slices.Repeat([]string{"other\n"}, 10_000), 1},
		{"rotated", func(dir, path string) error {
			err := os.Rename(dir+".away", dir)
			return errors.Join(err, os.Rename(path, path+".1"), os.WriteFile(path, []byte("new 000000001\n"), 0o600))
		}, append(numbered(1001, 1002), "new 000000001\n"), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(top, "mnt")
				path := filepath.Join(dir, "log")
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				var e events
				cfg := Config{Path: path, State: top, FromStart: true, OnEvent: e.add}
				var before, to taker
				write(t, path, strings.Join(numbered(1, 1000), ""))
				stop := follow(t, cfg, &before)
				time.Sleep(5 * time.Second)
				stop(true)
				write(t, path, "line 001001\n")
				if err := os.Rename(dir, dir+".away"); err != nil {
					t.Fatal(err)
				}
				for range 2 { // one that does not see it, and another after it
					stop = follow(t, cfg, &to)
					time.Sleep(5 * time.Second)
					stop(true)
				}
				stop = follow(t, cfg, &to)
				time.Sleep(5 * time.Second)
				if f, err := os.OpenFile(filepath.Join(dir+".away", "log"), os.O_WRONLY|os.O_APPEND, 0); err == nil {
					_, err = f.WriteString("line 001002\n")
					if err = errors.Join(err, f.Close()); err != nil {
						t.Fatal(err)
					}
				}
				if err := tt.then(dir, path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				stop(true)
				if got := to.got(); !slices.Equal(got, tt.want) {
					t.Errorf("%d lines came, want %d: %.200q", len(got), len(tt.want), got)
				}
				if n := e.losses(t); n != tt.lost || len(before.got()) != 1000 {
					t.Errorf("%d losses, want %d: %q", n, tt.lost, e.all)
				}
			})
		})
	}
}

// TestAppears: without a position and without FromStart, only new lines come: those of a file that was
// created after the start, and those that are written to an old one that is moved to the path.
func TestAppears(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			top := t.TempDir()
			for _, old := range []bool{false, true} {
				path := filepath.Join(top, fmt.Sprint("log ", old))
				write(t, path+".away", "old 000001\nold 000002\n")
				long := time.Now().Add(-time.Hour)
				if err := os.Chtimes(path+".away", long, long); err != nil {
					t.Fatal(err)
				}
				synctest.Test(t, func(t *testing.T) {
					var to taker
					cfg := Config{Path: path, State: top}
					stop := follow(t, cfg, &to)
					time.Sleep(5 * time.Second)
					if restart {
						stop(true)
					}
					want := []string{"new 000001\n", "new 000002\n"}
					if old {
						if err := os.Rename(path+".away", path); err != nil {
							t.Fatal(err)
						}
						want = want[1:]
					} else {
						write(t, path, "new 000001\n")
					}
					if restart {
						stop = follow(t, cfg, &to)
					}
					time.Sleep(5 * time.Second)
					write(t, path, "new 000002\n")
					time.Sleep(5 * time.Second)
					stop(true)
					if got := to.got(); !slices.Equal(got, want) {
						t.Errorf("old %v: came %q, want %q", old, got, want)
					}
				})
			}
		})
	}
}

// TestFormerPosition: a position of version 1 is used.
func TestFormerPosition(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	write(t, path, "line 000001\nline 000002\n")
	b := former(path, 12, "line 000001\nline 000002\n")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	dev, ino := inode(info)
	b = []byte(strings.Replace(string(b), "file 1 2 ", fmt.Sprintf("file %d %d ", dev, ino), 1))
	b = summed(b[:strings.Index(string(b), "sum ")])
	if err := os.WriteFile(statePath(dir, path), b, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var to taker
		var e events
		stop := follow(t, Config{Path: path, State: dir, OnEvent: e.add}, &to)
		time.Sleep(5 * time.Second)
		write(t, path, "line 000003\n")
		time.Sleep(5 * time.Second)
		stop(true)
		if got := to.got(); !slices.Equal(got, []string{"line 000002\n", "line 000003\n"}) || len(e.all) > 0 {
			t.Errorf("came %q, %q", got, e.all)
		}
	})
}

// TestHeader: files that begin with the same header, longer than what is compared of the start, are told
// apart, whether or not the new one has the inode of the old one.
func TestHeader(t *testing.T) {
	header := "#Fields: " + strings.Repeat("date time s-ip ", 300) + "\n"
	for name, rotate := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 0) },
		"removed":   os.Remove,
		"renamed":   func(path string) error { return os.Rename(path, path+".1") },
		"copied": func(path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".1", b, 0o600), os.Truncate(path, 0))
		},
	} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", running), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					path := filepath.Join(dir, "log")
					cfg := Config{Path: path, State: dir, FromStart: true}
					var to taker
					write(t, path, header+"first 0001\n")
					stop := follow(t, cfg, &to)
					time.Sleep(5 * time.Second)
					if !running {
						stop(true)
					}
					if err := rotate(path); err != nil {
						t.Fatal(err)
					}
					write(t, path, header+"other 0001\n") // as long as the old one
					if !running {
						stop = follow(t, cfg, &to)
					}
					time.Sleep(5 * time.Second)
					write(t, path, "other 0002\n")
					time.Sleep(5 * time.Second)
					stop(true)
					want := []string{header, "first 0001\n", header, "other 0001\n", "other 0002\n"}
					if got := to.got(); !slices.Equal(got, want) {
						t.Errorf("%d lines came: %.40q", len(got), got)
					}
				})
			})
		}
	}
}

// TestSeenEmpty: without a position and without FromStart, all lines of a file come that was empty at
// the start, though it is older than the follower.
func TestSeenEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "")
	f, err := New(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var to taker
	f.to = &to
	testkit.Wait(t, "a time after that of the file, which may be ahead of the clock by a tick", func() bool {
		info, err := os.Stat(path)
		return err == nil && FileClock() > info.ModTime().UnixNano()
	})
	f.begin(t.Context())
	write(t, path, "line 000001\n")
	f.poll(t.Context())
	f.Close()
	if got := to.got(); !slices.Equal(got, numbered(1, 1)) {
		t.Errorf("came %q", got)
	}
}
