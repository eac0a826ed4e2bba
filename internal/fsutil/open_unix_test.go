//go:build unix

package fsutil

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/testskip"
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

// TestReadFile: files are read whole, and pipes below /dev, too, until the context ends.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "fifo")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(t.Context(), file); err != nil || string(b) != "text" {
		t.Errorf("read %q, %v", b, err)
	}
	if _, err := ReadFile(t.Context(), fifo); !errors.Is(err, ErrNotFile) {
		t.Errorf("a FIFO: %v", err)
	}
	for _, path := range []string{"/dev/zero", big(t, dir)} {
		if _, err := ReadFile(t.Context(), path); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := w.WriteString("secret"); err != nil {
		t.Fatal(err)
	}
	piped := fmt.Sprintf("/dev/fd/%d", r.Fd())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := ReadFile(ctx, piped); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a pipe whose writer says nothing more: %v", err)
	}
	if _, err := w.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The first part may have been read without success.
	if b, err := ReadFile(t.Context(), piped); err != nil || strings.TrimPrefix(string(b), "secret") != "more" {
		t.Errorf("a pipe: %q, %v", b, err)
	}
}

// big makes a file that is just too long.
func big(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "big")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, MaxRead)); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(t.Context(), path); err != nil || len(b) != MaxRead {
		t.Errorf("a file as long as may be: %d bytes, %v", len(b), err)
	}
	if err := os.Truncate(path, MaxRead+1); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenLinks: a file that is to be written is reached through links of root and of this process's
// user, and not through those of others.
func TestOpenLinks(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	for _, to := range []string{"file", filepath.Join(dir, "another"), "/dev/null", "/dev/stderr"} {
		if err := errors.Join(os.RemoveAll(link), os.Symlink(to, link)); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(link, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600, true)
		if err != nil {
			t.Errorf("a link to %s: %v", to, err)
			continue
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(link); err != nil {
			t.Errorf("a link to %s: %v", to, err)
		}
	}
	if os.Geteuid() != 0 {
		testskip.Skip(t, "only root can make a link of another user")
	}
	if err := os.Lchown(link, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(link, os.O_WRONLY|os.O_CREATE, 0o600, true); !errors.Is(err, ErrForeignLink) {
		t.Errorf("a link of another user: %v", err)
	}
	file, name := filepath.Join(dir, "theirs"), filepath.Join(dir, "name")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	open := func(flag int) error {
		f, err := OpenFile(name, flag, 0o600, true)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	if err := os.Link(file, name); err != nil {
		t.Fatal(err)
	}
	if err := open(os.O_WRONLY | os.O_CREATE); !errors.Is(err, ErrForeignLink) {
		t.Errorf("a file of another user with two names: %v", err)
	}
	if err := errors.Join(open(os.O_RDONLY), os.Remove(file), open(os.O_WRONLY|os.O_CREATE), os.Remove(name)); err != nil {
		t.Errorf("a file of another user with one name, or to read: %v", err)
	}
	if err := syscall.Mknod(name, syscall.S_IFCHR|0o666, 1<<8|3); err != nil { // as /dev/null
		testskip.Skip(t, "devices cannot be made here: "+err.Error())
	}
	if err := open(os.O_WRONLY | os.O_CREATE); !errors.Is(err, ErrNotFile) {
		t.Errorf("a device in the place of a file: %v", err)
	}
}
