package lineindex

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestMovedKilled: an index follows its file after a kill between the rename of the file and that of
// the index, whether or not the file is compressed before the first line or healing after the start (seeds 2026, 2163 and 2036 of logsim).
func TestMovedKilled(t *testing.T) {
	for name, saved := range map[string]bool{"touched": false, "after a checkpoint": true} {
		for _, packed := range []bool{false, true} {
			for _, next := range []string{"start", "line", "heal"} {
				if saved && next == "start" {
					continue // the ledger does not name the file; the next line or healing finds it
				}
				t.Run(fmt.Sprintf("%s, packed %t, %s", name, packed, next), func(t *testing.T) { testMovedKilled(t, saved, packed, next) })
			}
		}
	}
}

func testMovedKilled(t *testing.T, saved, packed bool, next string) {
	dir, other := t.TempDir(), t.TempDir()
	writeLog(t, other, map[string]string{"a.log": "web 1,web 2,web 3"})
	g := openLog(t, dir)
	g.add("a.log", "web 1,web 2")
	if saved {
		if err := g.l.Checkpoint(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	dir = state(t, dir) // as a kill leaves it
	g.close()
	path := filepath.Join(dir, "a.log")
	if err := os.Rename(path, path+".000001"); err != nil {
		t.Fatal(err)
	}
	if packed {
		compressFile(t, path+".000001")
	}
	rebase(t, LedgerPath(filepath.Join(dir, "%{vhost}.log"), dir), g.dir, dir)
	g = openLog(t, dir)
	switch next {
	case "line":
		g.add("a.log", "web 1,web 2,web 3")
	case "heal":
		g.closeFiles()
		if got, err := healingOf(g, other).Run(t.Context()); err != nil || got.Lines != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	g.close()
	if _, err := os.Stat(Path(path + ".000001")); err != nil {
		t.Errorf("the index has not followed: %v", err)
	}
	sum, err := Verify(fsutil.OS{}, dir, func(f *Finding) { t.Error(f) })
	want := int64(2)
	if next != "start" {
		want++
	}
	if err != nil || sum.Lines != want || len(sum.Missing) > 0 || sum.Gone > 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestHealEmptyFile: a kill between the creation of a file and that of its index leaves an empty file,
// which is filled (seed 50349 of logsim).
func TestHealEmptyFile(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	writeLog(t, other, map[string]string{"a.log": "web 1,web 2"})
	if err := os.WriteFile(filepath.Join(dir, "a.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := openLog(t, dir)
	got, err := healingOf(g, other).Run(t.Context())
	g.close()
	if text := has(t, dir, "a.log"); err != nil || got.Lines != 2 || text != "web 1,web 2" {
		t.Errorf("%+v, %v; the file has %q", got, err, text)
	}
	clean(t, dir)
}
