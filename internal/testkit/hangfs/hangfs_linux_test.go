package hangfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestMount: the file system does what a directory does, and while it hangs nothing.
func TestMount(t *testing.T) {
	m := Mount(t)
	dir := filepath.Join(m.Dir, "a")
	file := filepath.Join(dir, "file")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("a longer text"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(", and more"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(f.Sync(), os.Rename(file, file+".1")); err != nil {
		t.Error(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 23 {
		t.Errorf("after a rename: %v, %v", info, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a rename: %v", err)
	}
	if err := os.Truncate(file+".1", 17); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "file.1" {
		t.Errorf("the directory has %v, %v", entries, err)
	}

	m.Hang()
	read := make(chan string)
	go func() {
		b, err := os.ReadFile(file + ".1")
		if err != nil {
			t.Error(err)
		}
		read <- string(b)
	}()
	select {
	case text := <-read:
		t.Errorf("read %q while it hangs", text)
	case <-time.After(50 * time.Millisecond):
	}
	m.Resume()
	if text := <-read; text != "a longer text, an" {
		t.Errorf("read %q", text)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// TestResume: to end a hang that there is not changes nothing, whatever is being read at that moment.
func TestResume(t *testing.T) {
	m := Mount(t)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for range 2000 {
			if _, err := os.ReadDir(m.Dir); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for {
		m.Resume()
		select {
		case <-read:
			return
		default:
		}
	}
}
