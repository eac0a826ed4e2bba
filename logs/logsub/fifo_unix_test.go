//go:build unix

package logsub

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

// fifo makes a FIFO that nobody else opens, so that opening it would wait for ever.
func fifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFIFOs: a FIFO in the place of a log, its index, its ledger or a spool is refused at the
// start, instead of waiting for the process at its other end.
func TestFIFOs(t *testing.T) {
	for what, path := range map[string]func(log string) string{
		"log":    func(log string) string { return log },
		"index":  lineindex.Path,
		"ledger": func(log string) string { return lineindex.LedgerPath(log, filepath.Dir(log)) },
	} {
		log := filepath.Join(t.TempDir(), "a.log")
		fifo(t, path(log))
		_, err := New(Config{Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", File: log, Envelope: EnvelopeIndex}}}}})
		if !errors.Is(err, fsutil.ErrNotFile) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestFIFOsBesideLogs: FIFOs among the logs stop neither the verification of indexes, nor their
// filling, nor the compression of closed logs.
func TestFIFOsBesideLogs(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "2020.log")
	bubble(t, Config{}, []Log{{Group: "a", File: filepath.Join(dir, "a.log"), Envelope: EnvelopeIndex}}, func(f *farm) {
		f.send(sealed("web", 1, 0, 0, "line\n"), "a")
	})
	fifo(t, filepath.Join(dir, "b.log"))
	fifo(t, lineindex.Path(filepath.Join(dir, "b.log")))
	if sum := verify(t, dir); sum.Lines != 1 {
		t.Errorf("beside a log: %+v", sum)
	}
	fifo(t, log)
	files := Log{Group: "a", File: filepath.Join(dir, "%Y.log"), Keep: Keeping{Compress: archive.Gzip, Count: 1}}
	bubble(t, Config{}, []Log{files}, func(f *farm) { f.send("[21/Nov/2026:10:00:00 +0000] line\n", "a") })
	if _, err := os.Stat(log + ".gz"); err == nil {
		t.Error("a FIFO is compressed")
	}
	// A log that has become a FIFO.
	path := filepath.Join(dir, "a.log")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	fifo(t, path)
	if _, err := lineindex.Verify(fsutil.OS{}, dir, func(*lineindex.Finding) {}); !errors.Is(err, fsutil.ErrNotFile) {
		t.Errorf("Verify: %v", err)
	}
	to := t.TempDir()
	bubble(t, Config{}, []Log{{Group: "a", File: filepath.Join(to, "a.log"), Envelope: EnvelopeIndex}}, func(f *farm) {
		f.send(sealed("web", 1, 0, 3, "line\n"), "a")
	})
	var found []string
	_, err := lineindex.Fill(lineindex.OSDir(to), lineindex.OSDir(dir), func(f *lineindex.Finding) { found = append(found, f.String()) })
	if !errors.Is(err, fsutil.ErrNotFile) && len(found) == 0 {
		t.Error("Fill reports nothing")
	}
}

// TestFIFOList: a FIFO in the place of a groups_file is reported, and nobody waits for it.
func TestFIFOList(t *testing.T) {
	list := filepath.Join(t.TempDir(), "groups")
	fifo(t, list)
	logs := []Log{{GroupsFile: list, File: "list.log"}, {Group: "a", File: "a.log"}}
	bubble(t, Config{}, logs, func(f *farm) {
		f.wantLog("cannot read groups_file")
		f.wantLog("not a regular file")
		f.send("line\n", "a")
		f.want("a.log", "line\n")
	})
}
