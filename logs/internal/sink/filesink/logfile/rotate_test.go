package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

func TestRotate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f, err := Open(path, Options{Sync: SyncClose})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("one\n"))
	if err := f.Rotate(path + ".1"); err != nil || f.Size() != 0 {
		t.Fatalf("%v, size %d", err, f.Size())
	}
	f.Append([]byte("two\n"))
	if err := f.Rotate(filepath.Join(dir, "no", "log")); !errors.Is(err, fs.ErrNotExist) || f.Failing() || !strings.Contains(err.Error(), "grows") {
		t.Errorf("with nowhere to go: %v", err)
	}
	f.Append([]byte("three\n"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, path+".1"), read(t, path); a != "one\n" || b != "two\nthree\n" {
		t.Errorf("files are %q and %q", a, b)
	}
}

// TestRotateFull: half a line is not left behind in the old file.
func TestRotateFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	room := 6
	f, err := Open(path, Options{open: func(path string, lock bool) (handle, error) {
		h, err := openFile(fsutil.OS{}, path, lock)
		return &limited{handle: h, room: &room}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("one\n"))
	f.Append([]byte("two\n"))
	if err := f.Rotate(path + ".1"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if _, err := os.Stat(path + ".1"); err == nil {
		t.Error("the file has gone")
	}
	room = 100
	if err := errors.Join(f.Retry(), f.Rotate(path+".1"), f.Close()); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, path+".1"), read(t, path); a != "one\ntwo\n" || b != "" {
		t.Errorf("files are %q and %q", a, b)
	}
}

func TestOpenTellsTheSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := New(path, Options{})
	if err := f.Open(); err != nil || f.Size() != 7 {
		t.Errorf("%v, size %d", err, f.Size())
	}
	f.Append([]byte("x\n"))
	if f.Size() != 9 {
		t.Errorf("size is %d", f.Size())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	dir := New(t.TempDir(), Options{})
	if err := dir.Open(); !errors.Is(err, syscall.EISDIR) || !dir.Failing() {
		t.Errorf("a directory: %v", err)
	}
}

// TestReplacedWhileLocked: the file that another had locked, and removed when it let go, is not
// written to.
func TestReplacedWhileLocked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			// As compressing does: lock it, remove it, let go.
			if f, err := os.Open(path); err == nil {
				if Lock(fsutil.OSFile{File: f}) == nil {
					if b, err := os.ReadFile(path); err == nil && len(b) == 0 {
						_ = os.Remove(path)
					}
				}
				_ = f.Close()
			}
		}
	}()
	var want strings.Builder
	for range 300 {
		h, err := openFile(fsutil.OS{}, path, true)
		if errors.Is(err, ErrLocked) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		want.WriteString("x")
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != want.String() {
			t.Fatalf("%d bytes in the file, want %d", len(got), want.Len())
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		want.Reset()
	}
	close(stop)
	<-done
}
