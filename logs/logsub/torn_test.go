package logsub

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestTornFiles: a line that a kill has left torn at the end of a file is ended, or with an index
// removed, and that is logged and counted.
func TestTornFiles(t *testing.T) {
	dir := t.TempDir()
	plain, indexed := filepath.Join(dir, "plain.log"), filepath.Join(dir, "indexed.log")
	logs := []Log{{Group: "a", File: plain}, {Group: "a", File: indexed, Envelope: EnvelopeIndex}}
	bubble(t, Config{}, logs, func(f *farm) {
		f.send(sealed("web", 1, 0, 0, "good\n"), "a")
		if n := f.sub.Stats().Sink("files").Torn; n != 0 {
			t.Errorf("%d torn lines in new files", n)
		}
	})
	for _, path := range []string{plain, indexed} {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("part"); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	bubble(t, Config{}, logs, func(f *farm) {
		f.send(sealed("web", 1, 1, 1, "new\n"), "a")
		f.wantLog(fmt.Sprintf("level=WARN msg=\"file ended in the middle of a line\" file=%s line=ended", plain))
		f.wantLog(fmt.Sprintf("level=WARN msg=\"file ended in the middle of a line\" file=%s line=removed", indexed))
		if n := f.sub.Stats().Sink("files").Torn; n != 2 {
			t.Errorf("%d torn lines, want 2", n)
		}
	})
	if got := read(t, plain); got != "good\npart\nnew\n" {
		t.Errorf("the file has %q", got)
	}
	if got := read(t, indexed); got != "good\nnew\n" {
		t.Errorf("the file with an index has %q", got)
	}
	if sum := verify(t, dir); sum.Lines != 2 || sum.Unnamed != 0 {
		t.Errorf("%+v", sum)
	}
}
