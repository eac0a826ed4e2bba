//go:build unix

package tail

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestCheck: what cannot be followed is reported with the reason, and what can come is not.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file, fifo, socket, loop, pattern := filepath.Join(dir, "file"), filepath.Join(dir, "fifo"), filepath.Join(dir, "socket"), filepath.Join(dir, "loop"), filepath.Join(dir, "a[1].log")
	write(t, file, "x\n")
	write(t, pattern, "x\n")
	link, linked := filepath.Join(dir, "link"), filepath.Join(dir, "linked")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink(loop, loop), os.Symlink("missing/access.log", link), os.Symlink("late.log", linked)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, tt := range []struct {
		path string
		want error
		text string
	}{
		{file, nil, ""},
		{pattern, nil, ""},
		{filepath.Join(dir, "late.log"), ErrLate, "it is read from its beginning once it appears"},
		{dir, fsutil.ErrNotFile, "not a regular file but a directory; name a file in it"},
		{fifo, fsutil.ErrNotFile, "but a FIFO"},
		{socket, fsutil.ErrNotFile, "but a socket"},
		{"/dev/null", fsutil.ErrNotFile, "but a device"},
		{filepath.Join(dir, "missing", "access.log"), fs.ErrNotExist, "the directory of the file does not exist: stat " + filepath.Join(dir, "missing") + ":"},
		{link, fs.ErrNotExist, "the directory of the file does not exist: stat " + filepath.Join(dir, "missing") + ":"},
		{linked, ErrLate, ""},
		{filepath.Join(file, "access.log"), syscall.ENOTDIR, ""},
		{loop, syscall.ELOOP, ""},
		{filepath.Join(dir, strings.Repeat("x", 300)), syscall.ENAMETOOLONG, ""},
	} {
		err := Check(tt.path)
		if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %v, %q", tt.path, err, tt.want, tt.text)
		}
	}
}

// TestTrouble: a file that cannot be opened is reported once for each reason, and again when it can
// be opened.
func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "log")
		replace := func(do func() error) {
			t.Helper()
			_ = os.RemoveAll(path)
			if err := do(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		var events []string
		var to taker
		loop := func() error { return os.Symlink(path, path) }
		if err := loop(); err != nil {
			t.Fatal(err)
		}
		stop := follow(t, Config{Path: path, FromStart: true, OnEvent: func(what string, err error) {
			if err != nil {
				what += ": " + err.Error()
			}
			events = append(events, what)
		}}, &to)
		time.Sleep(time.Minute)
		replace(func() error { return syscall.Mkfifo(path, 0o600) })
		replace(func() error { return os.Mkdir(path, 0o700) })
		write(t, path+".new", "a line\n")
		replace(func() error { return os.Rename(path+".new", path) })
		replace(loop)
		stop(true)
		const cannot = "cannot open file; will keep retrying: "
		want := []string{
			cannot + "stat " + path + ": too many levels of symbolic links",
			cannot + "open " + path + ": not a regular file but a FIFO; read it with stdin = true",
			cannot + "open " + path + ": not a regular file but a directory; name a file in it",
			"file can be read now",
			cannot + "stat " + path + ": too many levels of symbolic links",
		}
		if !slices.Equal(events, want) {
			t.Errorf("reported\n%s\nwant\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
		}
		if got := to.got(); !slices.Equal(got, []string{"a line\n"}) {
			t.Errorf("came %q", got)
		}
	})
}
