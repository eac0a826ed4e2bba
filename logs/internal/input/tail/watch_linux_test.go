package tail

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/testkit"
)

// TestWatch: each change is announced, because nothing else makes the follower look for an hour.
func TestWatch(t *testing.T) {
	for _, tt := range []struct {
		name   string
		path   string // below the directory of the test, in which the shell is
		before string
		after  string // writes the line "new" to the file at the path
	}{
		{"growth", "log", "echo old >log", "echo new >>log"},
		{"a late file", "log", "", "echo new >log"},
		{"a file that is moved into place", "log", "echo new >other", "mv other log"},
		{"late directories", "a/b/log", "", "mkdir -p a/b; echo new >a/b/log"},
		{"rename", "log", "echo old >log", "mv log log.1; echo new >log"},
		{"copy-truncate", "log", "echo an old line, which is long >log", "cp log log.1; >log; echo new >>log"},
		{"growth behind a symlink", "link", "mkdir d; echo old >d/log; ln -s d/log link", "echo new >>d/log"},
		{"another file behind a symlink", "link", "echo old >1; ln -s 1 link", "echo new >2; ln -s 2 next; mv -T next link"},
		{"another directory behind a symlink", "current/log", "mkdir -p v/1; echo old >v/1/log; ln -s ./v/../v/1 current", "mkdir v/2; echo new >v/2/log; ln -s v/2 next; mv -T next current"},
		{"a new directory", "d/log", "mkdir d; echo old >d/log", "rm -r d; mkdir d; echo new >d/log"},
		{"a directory that is renamed", "d/log", "mkdir d; echo old >d/log", "mv d d.1; mkdir d; echo new >d/log"},
		{"a directory whose parent is renamed", "p/d/log", "mkdir -p p/d; echo old >p/d/log", "mv p p.1; mkdir -p p/d; echo new >p/d/log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			shell := func(script string) {
				t.Helper()
				sh := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
				sh.Dir = dir
				if out, err := sh.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v: %s", script, err, out)
				}
			}
			shell(tt.before)
			w := &Watcher{watched: time.Hour}
			var to taker
			stop := follow(t, Config{Path: filepath.Join(dir, tt.path), FromStart: true, Watcher: w}, &to)
			// Until it has saved its position it looks anyway.
			time.Sleep(saveInterval + 2*pollInterval) //house:sleep what comes later cannot have been seen by looking
			shell(tt.after)
			testkit.Wait(t, "the line", func() bool { return slices.Contains(to.got(), "new\n") })
			stop(true)
			if w.events != nil || len(w.names) > 0 {
				t.Errorf("after the end it watches %v", w.names)
			}
		})
	}
}

// TestWatchUnannounced: a file that grows through a hard link in another directory is noticed by the
// checks.
func TestWatchUnannounced(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	path, link := filepath.Join(dir, "log"), filepath.Join(other, "log")
	write(t, path, "0\n")
	if err := os.Link(path, link); err != nil {
		t.Fatal(err)
	}
	var to taker
	stop := follow(t, Config{Path: path, FromStart: true, Watcher: new(Watcher)}, &to)
	for i := range 5 {
		testkit.Wait(t, "a line", func() bool { return len(to.got()) == 1+i })
		write(t, link, fmt.Sprint(i, "\n"))
	}
	testkit.Wait(t, "the last line", func() bool { return len(to.got()) == 6 })
	stop(true)
}

// TestWatchLimits: if the system has no more watches, files are polled, and that is reported once for
// all of them.
func TestWatchLimits(t *testing.T) {
	dir := t.TempDir()
	w := &Watcher{notifier: notifier{start: func() (int, error) { return 0, unix.EMFILE }}}
	var reports atomic.Int64
	var takers [3]taker
	var stops []func(bool)
	for i := range takers {
		path := filepath.Join(dir, fmt.Sprint(i))
		stop := follow(t, Config{Path: path, FromStart: true, Watcher: w, OnEvent: func(what string, err error) {
			reports.Add(1)
			if got := fmt.Sprint(what, ": ", err); !errors.Is(err, unix.EMFILE) || !strings.Contains(got, "fs.inotify.max_user_instances") {
				t.Error(got)
			}
		}}, &takers[i])
		stops = append(stops, stop)
		write(t, path, "a line\n")
	}
	for i := range takers {
		testkit.Wait(t, "a line", func() bool { return len(takers[i].got()) == 1 })
	}
	for _, stop := range stops {
		stop(true)
	}
	if n := reports.Load(); n != 1 {
		t.Errorf("reported %d times", n)
	}
}

// TestDispatch: events wake the followers whose files they can be about.
func TestDispatch(t *testing.T) {
	event := func(wd int32, mask uint32, name string) []byte {
		var b []byte
		b = binary.NativeEndian.AppendUint32(b, uint32(wd))
		b = binary.NativeEndian.AppendUint32(b, mask)
		b = binary.NativeEndian.AppendUint32(b, 0)
		n := (len(name) + 16) &^ 15 // with at least one zero
		b = binary.NativeEndian.AppendUint32(b, uint32(n))
		return append(append(b, name...), make([]byte, n-len(name))...)
	}
	for _, tt := range []struct {
		events  []byte
		woken   string // the followers a to d
		renamed bool
	}{
		{event(1, unix.IN_MODIFY, "access.log"), "a", false},
		{event(1, unix.IN_CREATE, "access.log"), "a", true},
		{event(1, unix.IN_MODIFY, "access.log.1"), "ab", false},
		{event(1, unix.IN_MODIFY, "access"), "b", false},
		{event(1, unix.IN_MODIFY, "error.log"), "", false},
		{event(2, unix.IN_MODIFY, "access.log"), "c", false},
		{event(3, unix.IN_MODIFY, "access.log"), "", false},
		{append(event(1, unix.IN_MODIFY, "other"), event(2, unix.IN_MODIFY, "access.log")...), "c", false},
		{event(1, unix.IN_DELETE_SELF, "")[:16:16], "", false}, // cut
		{append(event(1, unix.IN_MODIFY, "x")[:12:12], 0, 0, 0, 0), "ab", true},
		{append(event(-1, unix.IN_Q_OVERFLOW, "x")[:12:12], 0, 0, 0, 0), "abc", true},
	} {
		var a, b, c waiting
		followers := []*waiting{&a, &b, &c}
		for _, f := range followers {
			f.wake = make(chan struct{}, 1)
		}
		n := notifier{names: map[int32]map[string][]*waiting{1: {"access.log": {&a}, "access": {&b}}, 2: {"access.log": {&c}}}}
		n.dispatch(nil, tt.events)
		got, renamed := "", false
		for i, f := range followers {
			if len(f.wake) > 0 {
				got += string(rune('a' + i))
				renamed = renamed || f.renamed.Load()
			}
		}
		if got != tt.woken || renamed != tt.renamed {
			t.Errorf("%q: woke %q, renamed %v; want %q, %v", tt.events, got, renamed, tt.woken, tt.renamed)
		}
	}
}
