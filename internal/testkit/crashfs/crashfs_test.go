package crashfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened opens a file.
func opened(t *testing.T, d *Disk, path string, flag int) fsutil.File {
	t.Helper()
	f, err := d.OpenFile(path, flag, 0o600, false)
	must(t, err)
	return f
}

// tree lists the files of a disk, with what is in them.
func tree(d *Disk) string {
	var all []string
	_ = fsutil.WalkDir(d, "/", func(path string, e fs.DirEntry, _ error) error {
		if e.IsDir() {
			all = append(all, path)
			return nil
		}
		b, err := d.ReadFile(path)
		if err != nil {
			b = []byte(err.Error())
		}
		all = append(all, fmt.Sprintf("%s=%q", path, b))
		return nil
	})
	return strings.Join(all, " ")
}

// TestDisk: before a crash, a disk is like any other.
func TestDisk(t *testing.T) {
	d := New()
	must(t, d.MkdirAll("/a/b", 0o700))
	f := opened(t, d, "/a/b/f", os.O_RDWR|os.O_CREATE)
	for _, err := range []error{
		second(f.Write([]byte("hello"))), second(f.WriteAt([]byte("p"), 3)), f.Truncate(4), second(f.Write([]byte("!"))), f.Lock(),
	} {
		must(t, err)
	}
	if b, err := d.ReadFile("/a/b/f"); err != nil || string(b) != "help\x00!" {
		t.Errorf("%q, %v", b, err)
	}
	g := opened(t, d, "/a/b/f", os.O_WRONLY|os.O_APPEND)
	if err := g.Lock(); !errors.Is(err, fsutil.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	must(t, f.Close())
	must(t, errors.Join(g.Lock(), second(g.Write([]byte("more")))))
	must(t, errors.Join(d.Rename("/a/b/f", "/a/b/g"), d.Link("/a/b/g", "/a/h")))
	st, err := d.Stat("/a/h")
	must(t, err)
	if now, err := g.Stat(); err != nil || !fsutil.SameFile(st, now) || st.Size() != 10 || !st.Mode().IsRegular() {
		t.Errorf("%v, %v", now, err)
	}
	must(t, d.Remove("/a/b/g"))
	for what, err := range map[string]error{
		"open":   second(d.OpenFile("/a/b/g", os.O_RDONLY, 0, false)),
		"stat":   second(d.Stat("/x/y")),
		"remove": d.Remove("/x"),
		"rename": d.Rename("/x", "/y"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := d.Remove("/a"); err == nil {
		t.Error("a directory with files was removed")
	}
	if err := second(d.OpenFile("/a/h", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0, false)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("O_EXCL: %v", err)
	}
	r := opened(t, d, "/a/h", os.O_RDONLY)
	if b, err := io.ReadAll(r); err != nil || string(b) != "help\x00!more" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("a file that is open for reading was written")
	}
	opened(t, d, "/a/h", os.O_WRONLY|os.O_TRUNC)
	if got := tree(d); got != `/ /a /a/b /a/h=""` {
		t.Error(got)
	}
}

func second[T any](_ T, err error) error { return err }

// TestPowerCut: what was synced survives each power cut, and what was not is lost, kept and torn in
// each way.
func TestPowerCut(t *testing.T) {
	d := New()
	f := opened(t, d, "/f", os.O_RDWR|os.O_CREATE)
	must(t, errors.Join(second(f.Write([]byte("safe"))), f.Sync(), d.SyncDir("/")))
	must(t, errors.Join(second(f.Write([]byte("123"))), second(f.Write([]byte("4")))))
	g := opened(t, d, "/g.new", os.O_RDWR|os.O_CREATE)
	must(t, errors.Join(second(g.Write([]byte("new"))), g.Sync(), d.Rename("/g.new", "/g")))
	seen := make(map[string]int)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		next := d.After(d.Cut(rng))
		for part := range strings.FieldsSeq(tree(next)) {
			seen[part]++
		}
		if again := tree(next.After(next.Cut(rng))); again != tree(next) {
			t.Fatalf("a second power cut makes %s of %s", again, tree(next))
		}
	}
	for _, want := range []string{`/f="safe"`, `/f="safe1234"`, `/f="safe123"`, `/f="safe\x00\x00\x004"`, `/f="safe1"`, `/g="new"`, `/g.new="new"`} {
		if seen[want] == 0 {
			t.Errorf("%s was never left; left were %v", want, seen)
		}
	}
	for part := range seen {
		if strings.HasPrefix(part, "/f=") && !strings.HasPrefix(part, `/f="safe`) {
			t.Errorf("%s was left", part)
		}
	}
	if seen[`/g="new"`]+seen[`/g.new="new"`] >= 1000 {
		t.Error("a name that was not synced was never lost")
	}
	if killed := tree(d.After(nil)); killed != `/ /f="safe1234" /g="new"` {
		t.Errorf("a kill leaves %s", killed)
	}
	if cut := d.After(nil); len(cut.Cut(rng)) != len(d.Cut(rng)) {
		t.Error("a power cut after a kill forgets less than one before it")
	}
}

// TestCrash: a disk that has crashed does nothing, and a new start finds what was done.
func TestCrash(t *testing.T) {
	for step := 1; step <= 4; step++ {
		d := New()
		d.CrashAt(step, 5000)
		f, err := d.OpenFile("/f", os.O_RDWR|os.O_CREATE, 0o600, false)
		if err == nil {
			_, _ = f.Write(make([]byte, 6000))
			_ = f.Sync()
			_, err = f.WriteAt([]byte("x"), 0)
		}
		if !errors.Is(err, ErrCrashed) || !d.Crashed() {
			t.Errorf("step %d: %v", step, err)
		}
		b, _ := d.After(nil).ReadFile("/f")
		if want := []int{0, 4096, 6000, 6000}[step-1]; len(b) != want {
			t.Errorf("step %d: %d bytes, want %d", step, len(b), want)
		}
	}
}

// TestExplore: each crash of a fault is found and explained, and what is right passes.
func TestExplore(t *testing.T) {
	work := func(sync bool) func() Work {
		return func() Work {
			done := 0
			return Work{
				Run: func(d *Disk) {
					for i := range 3 {
						f, err := d.OpenFile("/log", os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600, false)
						if err == nil {
							_, err = f.Write([]byte{byte('0' + i)})
						}
						if err == nil && sync {
							err = errors.Join(f.Sync(), d.SyncDir("/"))
						}
						if err != nil {
							panic(err)
						}
						done++
					}
				},
				Check: func(d *Disk, _ bool) error {
					if b, _ := d.ReadFile("/log"); !strings.HasPrefix(string(b), "012"[:done]) {
						return fmt.Errorf("%q after %d", b, done)
					}
					return nil
				},
			}
		}
	}
	Explore(t, 20, work(true))
	found := ""
	x := &explorer{start: work(false), rng: rand.New(rand.NewPCG(1, 0)), failed: func(story string) { found = story }}
	x.explore(20)
	if !strings.Contains(found, "and a power cut that forgets\n\t") {
		t.Errorf("found is %q", found)
	}
}
