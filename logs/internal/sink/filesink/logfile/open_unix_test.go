//go:build unix

package logfile

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestOpenFIFO: a FIFO in the place of a log is an error at once, though nobody reads it.
func TestOpenFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lock := range []bool{false, true} {
		if _, err := openFile(path, lock); !errors.Is(err, fsutil.ErrNotFile) {
			t.Errorf("lock %v: %v, want %v", lock, err, fsutil.ErrNotFile)
		}
	}
}
