package fsutil

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestLock: a second opening of a file is kept out until the first is closed.
func TestLock(t *testing.T) {
	switch runtime.GOOS {
	case "plan9", "js", "wasip1", "aix", "solaris":
		t.Skip("no file locks")
	}
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	first, second := open(), open()
	if err := Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := Lock(second); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v, want ErrLocked", err)
	}
	_ = first.Close()
	if err := Lock(second); err != nil {
		t.Errorf("after the first was closed: %v", err)
	}
}

// TestSyncDir: directories are synced, and those that cannot be opened are passed over.
func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "missing")} {
		if err := SyncDir(d); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
}
