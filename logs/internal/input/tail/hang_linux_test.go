package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/hangfs"
)

// TestHang: a file system that does not answer holds neither the counters nor other followers, also not one
// that has to look at directories again. A follower that was given up writes no position.
func TestHang(t *testing.T) {
	m := hangfs.Mount(t)
	dir := t.TempDir()
	w := &Watcher{watched: time.Millisecond}
	var hanging, other taker
	start := func(path, state string, to *taker) (f *Follower, stop func()) {
		t.Helper()
		write(t, path, "one\n")
		f, cancel, done := begin(t, Config{Path: path, State: state, FromStart: true, Watcher: w}, to)
		testkit.Wait(t, "the first line", func() bool { return len(to.got()) == 1 })
		return f, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}
	state := filepath.Join(dir, "state")
	f, stop := start(filepath.Join(m.Dir, "log"), state, &hanging)
	g, stopOther := start(filepath.Join(dir, "log"), "", &other)
	testkit.Wait(t, "the position", func() bool {
		_, err := os.Stat(f.state)
		return err == nil
	})
	m.Hang()
	write(t, g.cfg.Path, "two\n")
	testkit.Wait(t, "the second line", func() bool { return len(other.got()) == 2 })
	if err := os.Rename(g.cfg.Path, g.cfg.Path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, g.cfg.Path, "three\n")
	testkit.Wait(t, "the third line", func() bool { return len(other.got()) == 3 })
	for range 3 {
		if st := f.Stats(); st.Position != 4 || st.Behind != 0 {
			t.Errorf("%+v", st)
		}
		_ = g.Stats()
	}
	stopOther()
	before, err := os.ReadFile(f.state)
	if err != nil {
		t.Fatal(err)
	}
	f.Leave()
	m.Resume()
	write(t, f.cfg.Path, "two\n")
	testkit.Wait(t, "the line after the file system answers", func() bool { return len(hanging.got()) == 2 })
	stop()
	if after, err := os.ReadFile(f.state); err != nil || string(after) != string(before) {
		t.Errorf("the position is %s, %v, was %s", after, err, before)
	}
}
