package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
)

func open(t *testing.T, dir, publisher string, epoch uint64) *Chain {
	t.Helper()
	c, err := Open(Config{Dir: dir, Publisher: publisher, Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kill ends a process without a Close.
func kill(t *testing.T, c *Chain) {
	t.Helper()
	c.flush()
	if err := c.f.Close(); err != nil {
		t.Fatal(err)
	}
}

func ended(c *Chain) string {
	var b strings.Builder
	list, _ := c.Ended()
	for _, e := range list {
		fmt.Fprintf(&b, "%d%v ", e.Epoch, e.Streams)
	}
	return b.String()
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, dirName))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestChain: the numbers of killed processes, and of files that ended, are known to the next process; those of
// running ones and of other publishers are left alone.
func TestChain(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, "web", 1)
	n, m := a.Stream(0, "g"), a.Stream(1, "g h")
	n.Add(3)
	m.Add(1)
	n.Add(4)
	if err := a.End(7, []Stream{{0, "file", 100}}); err != nil {
		t.Fatal(err)
	}
	n.Add(1)
	a.Stream(2, "late").Add(5)
	other := open(t, dir, "mail", 2)
	other.Stream(0, "g").Add(9)
	b := open(t, dir, "web", 3)
	if got := ended(b); got != "" {
		t.Errorf("of running processes: %s", got)
	}
	kill(t, a)
	kill(t, other)
	version := b.Version()
	if err := b.Adopt(); err != nil {
		t.Error(err)
	}
	want := "1[{0 g 8} {1 g h 1} {2 late 5}] 7[{0 file 100}] "
	if got := ended(b); got != want || b.Version() == version {
		t.Errorf("adopted %s, want %s", got, want)
	}
	if n := files(t, dir); n != 2 {
		t.Errorf("%d files, want ours and that of the other publisher", n)
	}
	b.Stream(0, "g").Add(2)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	c := open(t, dir, "web", 4)
	if got := ended(c); got != strings.Replace(want, " 7[", " 3[{0 g 2}] 7[", 1) {
		t.Errorf("adopted %s", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	var none *Counter
	none.Add(1)
}

// TestUnused: a process that numbered nothing leaves no file.
func TestUnused(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir, "web", 1).Close(); err != nil {
		t.Error(err)
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files", n)
	}
}

// TestBounds: the oldest epochs are forgotten, and counted.
func TestBounds(t *testing.T) {
	c := open(t, t.TempDir(), "web", 1<<40)
	for i := range MaxEpochs + 10 {
		if err := c.End(uint64(i+1), []Stream{{0, "g", 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if list, _ := c.Ended(); len(list) != MaxEpochs || list[0].Epoch != 11 || c.Forgotten() != 10 {
		t.Errorf("%d epochs from %d, %d forgotten", len(list), list[0].Epoch, c.Forgotten())
	}
	if err := c.End(1<<30, make([]Stream, MaxStreams)); err != nil {
		t.Fatal(err)
	}
	if list, _ := c.Ended(); len(list) != 1 || c.Forgotten() != MaxEpochs+10 {
		t.Errorf("%d epochs, %d forgotten", len(list), c.Forgotten())
	}
	c.cfg.Now = func() time.Time { return time.Now().Add(2 * KeepFor) }
	if err := c.End(1<<31, []Stream{{0, "g", 1}}); err != nil {
		t.Fatal(err)
	}
	if list, _ := c.Ended(); len(list) != 1 || list[0].Epoch != 1<<31 {
		t.Errorf("after a long time there are %v", list)
	}
}

// TestDamage: what is in front of the damage is taken over, and the rest is reported.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, "web", 1)
	a.Stream(0, "g").Add(3)
	a.Stream(1, "h").Add(3)
	kill(t, a)
	b, err := os.ReadFile(a.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := Open(Config{Dir: dir, Publisher: "web", Epoch: 2})
	if err == nil || !strings.Contains(err.Error(), "damaged") || ended(next) != "1[{0 g 3}] " {
		t.Errorf("%v, %s", err, ended(next))
	}
}

// FuzzParse: what is read is what is written like that.
func FuzzParse(f *testing.F) {
	e := Former{1 << 60, 1e9, []Stream{{0, "g", 7}, {1 << 31, "g h", 1 << 63}}}
	f.Add(e.append([]byte(magic), "web"))
	f.Add([]byte(magic))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		publisher, epochs, _ := parse(b)
		again := []byte(magic)
		for i := range epochs {
			again = epochs[i].append(again, publisher)
		}
		_, got, err := parse(again)
		if err != nil || !reflect.DeepEqual(got, epochs) {
			t.Errorf("%+v became %+v, %v", epochs, got, err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	c, err := Open(Config{Dir: b.TempDir(), Publisher: "web", Epoch: 1})
	if err != nil {
		b.Fatal(err)
	}
	n := c.Stream(0, "g")
	for b.Loop() {
		n.Add(1)
		c.flush()
	}
	_ = c.Close()
}

// TestPowerCut: a power cut does not take the directory with all that was synced in it.
func TestPowerCut(t *testing.T) {
	d := crashfs.New()
	if err := errors.Join(d.MkdirAll("/spool", 0o700), d.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: "/spool", Publisher: "p", Epoch: 1, Disk: d}); err != nil {
		t.Fatal(err)
	}
	all := make(crashfs.Cut, 100)
	for i := range all {
		all[i] = true
	}
	if _, err := d.After(all).Stat("/spool/epochs"); err != nil {
		t.Error(err)
	}
}
