//go:build unix

package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
		if _, err := openFile(fsutil.OS{}, path, lock); !errors.Is(err, fsutil.ErrNotFile) {
			t.Errorf("lock %v: %v, want %v", lock, err, fsutil.ErrNotFile)
		}
	}
}

// TestUnreadPipe: a pipe that nobody reads, as /dev/stdout may be, is an error soon; nothing is lost or
// damaged once it is read.
func TestUnreadPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	f, err := Open(fmt.Sprintf("/dev/fd/%d", w.Fd()), Options{NoLock: true})
	if err != nil {
		t.Skip(err)
	}
	var want bytes.Buffer
	for i := range 20_000 {
		f.Append(fmt.Appendf(nil, "line %d\n", i))
		fmt.Fprintf(&want, "line %d\n", i)
	}
	if err := f.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "read the pipe") {
		t.Errorf("Flush: %v", err)
	}
	got := make([]byte, want.Len())
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(r, got)
		done <- err
	}()
	for f.Retry() != nil {
	}
	if err := errors.Join(<-done, f.Close()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("what was read differs")
	}
}
