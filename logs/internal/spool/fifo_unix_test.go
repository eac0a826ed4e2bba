//go:build unix

package spool

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestFIFO: a FIFO in the place of a spool's file is an error, and does not block.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lock", positionName, filepath.Base(segmentPath(dir, 7))} {
		path := filepath.Join(dir, name)
		_ = os.Remove(path)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(Config{Dir: dir}); !errors.Is(err, fsutil.ErrNotFile) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
