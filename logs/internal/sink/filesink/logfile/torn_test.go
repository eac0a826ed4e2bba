package logfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// opened opens a file that has a text, with as much room as *room says.
func opened(t *testing.T, text string, room *int, opt Options) (f *File, path string, torn *[]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	torn = new([]string)
	opt.OnTorn = func(_, how string) { *torn = append(*torn, how) }
	opt.open = func(path string, lock bool) (handle, error) {
		h, err := openFile(fsutil.OS{}, path, lock)
		if err != nil {
			return nil, err
		}
		return &limited{handle: h, room: room}, nil
	}
	f, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return f, path, torn
}

// TestTornLine: a record never follows part of a line on its line.
func TestTornLine(t *testing.T) {
	for _, tt := range []struct {
		before, want string
		torn         int64
	}{
		{"good\npart", "good\npart\nNEW\nNEW\n", 1},
		{"part", "part\nNEW\nNEW\n", 1},
		{"good\n", "good\nNEW\nNEW\n", 0},
		{"", "NEW\nNEW\n", 0},
	} {
		for _, lock := range []bool{true, false} {
			room := 100
			f, path, torn := opened(t, tt.before, &room, Options{NoLock: !lock})
			if got := read(t, path); got != tt.before {
				t.Errorf("%q: opening it makes it %q", tt.before, got)
			}
			for range 2 {
				f.Append([]byte("NEW\n"))
				if err := f.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if got := read(t, path); got != tt.want || f.Size() != int64(len(got)) {
				t.Errorf("%q becomes %q, want %q; its size is %d", tt.before, got, tt.want, f.Size())
			}
			if n := f.Stats().Torn; n != tt.torn || len(*torn) != int(n) {
				t.Errorf("%q: %d torn lines, and %q are reported", tt.before, n, *torn)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestTornLineDiskFull: the line is ended once there is room.
func TestTornLineDiskFull(t *testing.T) {
	room := 0
	f, path, torn := opened(t, "part", &room, Options{})
	f.Append([]byte("NEW\n"))
	if err := f.Flush(); !errors.Is(err, syscall.ENOSPC) || len(*torn) > 0 {
		t.Errorf("on a full disk: %v, torn %q", err, *torn)
	}
	room = 100
	if err := f.Retry(); err != nil {
		t.Error(err)
	}
	if got := read(t, path); got != "part\nNEW\n" || len(*torn) != 1 {
		t.Errorf("the file is %q, torn %q", got, *torn)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseOnFullDisk: what is lost at the end leaves no part in the file.
func TestCloseOnFullDisk(t *testing.T) {
	room := 10
	f, path, _ := opened(t, "", &room, Options{})
	f.Append([]byte("line 1\n"))
	f.Append([]byte("line 2\n"))
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
	if got := read(t, path); got != "line 1\n" {
		t.Errorf("the file is %q", got)
	}
}

// TestRecordWithoutNewline: a message without a newline is no torn line, also when the file is
// closed in between.
func TestRecordWithoutNewline(t *testing.T) {
	room := 100
	f, path, torn := opened(t, "", &room, Options{})
	f.Append([]byte("one"))
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("two"))
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("three\n"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "onetwothree\n" || len(*torn) > 0 {
		t.Errorf("the file is %q, torn %q", got, *torn)
	}
}
