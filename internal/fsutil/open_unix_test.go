//go:build unix

package fsutil

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenFile: what is no file is refused at once, whoever is at its other end; files and, if asked
// for, devices are opened.
func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	fifo, file, socket, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "file"), filepath.Join(dir, "socket"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, []byte("x"), 0o600), os.Symlink(fifo, link)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREATE} {
		for _, tt := range []struct {
			path    string
			devices bool
			want    error
		}{
			{fifo, true, ErrNotFile},
			{link, true, ErrNotFile},
			{socket, true, ErrNotFile},
			{dir, true, map[bool]error{true: ErrNotFile, false: syscall.EISDIR}[flag == os.O_RDONLY]},
			{"/dev/null", false, ErrNotFile},
			{"/dev/null", true, nil},
			{file, false, nil},
		} {
			f, err := OpenFile(tt.path, flag, 0o600, tt.devices)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s, flag %#x: %v, want %v", tt.path, flag, err, tt.want)
			}
			if err == nil {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if _, err := OpenFile(filepath.Join(dir, "none"), os.O_RDONLY, 0, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
}
