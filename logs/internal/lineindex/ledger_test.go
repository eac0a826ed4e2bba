package lineindex

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
)

// TestUnsavedLedger: a ledger that cannot be saved at the start, as on a full disk, is used all the
// same, and what it learns is there after the next starts.
func TestUnsavedLedger(t *testing.T) {
	for _, before := range []string{"", "torn magic", "ledger", "torn ledger"} {
		t.Run(before, func(t *testing.T) {
			dir := t.TempDir()
			path := LedgerPath(filepath.Join(dir, "%{vhost}.log"), dir)
			first := 0
			switch before {
			case "torn magic":
				if err := os.WriteFile(path, []byte(ledgerMagic[:3]), 0o600); err != nil {
					t.Fatal(err)
				}
			case "ledger", "torn ledger":
				writeLog(t, dir, map[string]string{"x.log": "a 0"})
				first = 1
			}
			if before == "torn ledger" {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(b, "\x20\x00\x00\x00 torn"...), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			inTheWay := path + ".tmp"
			if err := os.Mkdir(inTheWay, 0o700); err != nil {
				t.Fatal(err)
			}
			for n := first; n < 3; n++ {
				g := openLog(t, dir)
				if g.l.Unsaved == nil || !g.l.Due() {
					t.Errorf("unsaved: %v, a checkpoint is due: %v", g.l.Unsaved, g.l.Due())
				}
				for i := range n + 1 {
					g.add("x.log", fmt.Sprintf("a %d", i))
				}
				if err := g.file("x.log").Close(); err != nil {
					t.Error(err)
				}
				if n == 2 {
					if err := os.Remove(inTheWay); err != nil {
						t.Fatal(err)
					}
					if err := g.l.Checkpoint(time.Now()); err != nil || g.l.Due() {
						t.Errorf("a checkpoint: %v, another is due: %v", err, g.l.Due())
					}
				}
				if err := g.l.Close(false, time.Now()); err != nil {
					t.Error(err)
				}
			}
			writeLog(t, dir, map[string]string{"x.log": "a 0,a 1,a 2,a 3"})
			if got := has(t, dir, "x.log"); got != "a 0,a 1,a 2,a 3" {
				t.Errorf("written: %s", got)
			}
			clean(t, dir)
		})
	}
}

// TestManyFilesKilled: a start after a kill knows lines of which each file has every other one, and more of them
// than a ledger has ranges.
func TestManyFilesKilled(t *testing.T) {
	dir := t.TempDir()
	g := openLog(t, dir)
	for n := range 3 * envelope.MaxSpans {
		g.add(fmt.Sprintf("%d.log", n%2), fmt.Sprint("a ", n))
	}
	g.closeFiles()
	if err := g.l.Close(false, time.Now()); err != nil {
		t.Fatal(err)
	}
	g = openLog(t, dir)
	defer g.close()
	if spans := g.l.Stream(Name{"g", key("a")}, time.Now()).Have.Spans(); len(spans) != 1 || spans[0].First != 0 {
		t.Errorf("the ledger has %v", spans)
	}
}

// TestLedgerSetAside: a file that is no ledger is moved aside, and what was written is known from the
// indexes, though not that of another log in the same directory.
func TestLedgerSetAside(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, map[string]string{"x.log": "a 1,a 2", "y.log": "b 1"})
	path := LedgerPath(filepath.Join(dir, "%{vhost}.log"), dir)
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := openLog(t, dir)
	if g.l.SetAside != path+".bad" {
		t.Errorf("set aside: %q", g.l.SetAside)
	}
	g.add("x.log", "a 1,a 2,a 3")
	g.add("y.log", "b 1,b 2")
	g.close()
	if x, y := has(t, dir, "x.log"), has(t, dir, "y.log"); x != "a 1,a 2,a 3" || y != "b 1,b 2" {
		t.Errorf("%s; %s", x, y)
	}
	if b, err := os.ReadFile(path + ".bad"); err != nil || string(b) != "something else\n" {
		t.Errorf("%q, %v", b, err)
	}
	clean(t, dir)
}

// TestStore: a ledger keeps its number for as long as it exists.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	store := func() uint64 {
		t.Helper()
		l := openLog(t, dir).l
		if err := l.Close(true, time.Now()); err != nil {
			t.Fatal(err)
		}
		return l.Store()
	}
	first := store()
	if again := store(); first == 0 || again != first {
		t.Errorf("the ledger is %d, and %d after a restart", first, again)
	}
	if err := os.Remove(LedgerPath(filepath.Join(dir, "%{vhost}.log"), dir)); err != nil {
		t.Fatal(err)
	}
	if other := store(); other == 0 || other == first {
		t.Errorf("the ledger was %d, and another one is %d", first, other)
	}
}
