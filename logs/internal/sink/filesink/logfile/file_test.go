package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// disk is a file that takes as much as a test lets it.
type disk struct {
	written []byte
	room    int   // bytes that it still takes; negative means any number
	short   bool  // takes what there is room for, and says nothing of an error
	fail    error // of the next opening
	opened  int
	closed  int
	synced  int

	failSync error
}

func (d *disk) Write(p []byte) (int, error) {
	if d.room < 0 || len(p) <= d.room {
		d.written = append(d.written, p...)
		if d.room > 0 {
			d.room -= len(p)
		}
		return len(p), nil
	}
	n := d.room
	d.written = append(d.written, p[:n]...)
	d.room = 0
	if d.short && n > 0 {
		return n, nil
	}
	return n, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
}

func (d *disk) Close() error               { d.closed++; return nil }
func (d *disk) Sync() error                { d.synced++; return d.failSync }
func (d *disk) Stat() (os.FileInfo, error) { return nil, errors.ErrUnsupported }
func (d *disk) Truncate(int64) error       { return errors.ErrUnsupported }

func (d *disk) open(string, bool) (handle, error) {
	if err := d.fail; err != nil {
		return nil, err
	}
	d.opened++
	return d, nil
}

func onDisk(t *testing.T, d *disk, limit int) *File {
	t.Helper()
	f, err := Open("x", Options{LimitBytes: limit, open: d.open})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("one\n"))
	f.Append([]byte("two\n"))
	if got := read(t, path); got != "before\n" {
		t.Errorf("the file is %q before it was flushed: not in batches", got)
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "before\none\ntwo\n" {
		t.Errorf("the file is %q", got)
	}
	f.Append([]byte("three\n"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "before\none\ntwo\nthree\n" {
		t.Errorf("the file is %q after Close", got)
	}
	if st := f.Stats(); st != (sink.Stats{Records: 3, Bytes: 14}) {
		t.Errorf("counters are %+v", st)
	}
}

// TestDiskFull: what does not fit waits, and goes on at the very byte where it stopped.
func TestDiskFull(t *testing.T) {
	for _, short := range []bool{false, true} {
		for room := range 24 {
			d := &disk{room: room, short: short}
			f := onDisk(t, d, 1000)
			var want strings.Builder
			for i := range 4 {
				f.Append(fmt.Appendf(nil, "line %d\n", i)) // 7 bytes
				fmt.Fprintf(&want, "line %d\n", i)
				err := f.Flush()
				full := want.Len() > room
				if f.Failing() != full {
					t.Fatalf("room for %d bytes, %d appended: failing %v", room, want.Len(), f.Failing())
				}
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("error is %v", err)
				}
			}
			if got := string(d.written); got != want.String()[:room] {
				t.Fatalf("room for %d bytes: %q is written", room, got)
			}
			if st := f.Stats(); int(st.Records) != room/7 || st.DroppedRecords != 0 || int(st.Waiting) != want.Len()-room {
				t.Errorf("room for %d bytes: counters are %+v", room, st)
			}
			d.room = 3
			if err := f.Retry(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("retrying on a full disk: %v", err)
			}
			d.room = -1
			if err := f.Retry(); err != nil || f.Failing() {
				t.Errorf("retrying with room: %v", err)
			}
			if got := string(d.written); got != want.String() {
				t.Fatalf("room for %d bytes: %q in the end", room, got)
			}
			if st := f.Stats(); st.Records != 4 || st.Waiting != 0 || st.DroppedRecords != 0 {
				t.Errorf("counters are %+v", st)
			}
		}
	}
}

// TestReopenWithRoom: once there is room, reopening a file writes what waited for it.
func TestReopenWithRoom(t *testing.T) {
	d := &disk{room: 3}
	f := onDisk(t, d, 1000)
	f.Append([]byte("line 0\n"))
	if err := f.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a full disk: %v", err)
	}
	d.room = -1
	if err := f.Reopen(); err != nil || f.Failing() {
		t.Errorf("reopening with room: %v", err)
	}
	if st := f.Stats(); string(d.written) != "line 0\n" || st.Waiting != 0 {
		t.Errorf("%q is written, counters are %+v", d.written, st)
	}
}

// TestErrorIsToldOnce: the caller hears of an error once, and then when it asks.
func TestErrorIsToldOnce(t *testing.T) {
	d := &disk{}
	f := onDisk(t, d, 1000)
	f.Append([]byte("x\n"))
	err := f.Flush()
	if e, ok := errors.AsType[*Error](err); !ok || e.Op != "writing" || !strings.HasSuffix(e.Path, "/x") || e.Advice == "" {
		t.Errorf("error is %#v", err)
	}
	f.Append([]byte("y\n"))
	if err := f.Flush(); err != nil {
		t.Errorf("second Flush says %v again", err)
	}
	if err := f.Retry(); err == nil {
		t.Error("Retry says nothing")
	}
	if n := f.Stats().Errors; n != 2 {
		t.Errorf("%d errors counted, want 2", n)
	}
}

// TestErrorInAppend: a write that Append made fails; the next Flush says so.
func TestErrorInAppend(t *testing.T) {
	f := onDisk(t, &disk{}, DefaultLimitBytes)
	f.Append(make([]byte, DefaultBatchBytes))
	if !f.Failing() {
		t.Fatal("a full batch was not written")
	}
	if err := f.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Flush says %v", err)
	}
}

func TestBound(t *testing.T) {
	d := &disk{}
	f := onDisk(t, d, 20)
	for i := range 5 {
		f.Append(fmt.Appendf(nil, "line %d\n", i)) // 7 bytes
	}
	_ = f.Flush()
	if st := f.Stats(); st.DroppedRecords != 3 || st.DroppedBytes != 21 || st.Waiting != 14 {
		t.Errorf("counters are %+v", st)
	}
	d.room = -1
	if err := f.Retry(); err != nil {
		t.Fatal(err)
	}
	f.Append(make([]byte, 100)) // longer than the bound, but alone
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := string(d.written[:14]); got != "line 0\nline 1\n" || len(d.written) != 114 {
		t.Errorf("written: %q, %d bytes; the newest should have gone", got, len(d.written))
	}
}

// TestBoundIsOnWhatWaits: what is written makes room, even in a buffer that is not empty.
func TestBoundIsOnWhatWaits(t *testing.T) {
	d := &disk{room: 10}
	f := onDisk(t, d, 20)
	total := 0
	for range 100 {
		f.Append([]byte("0123456789"))
		_ = f.Flush()
		d.room = 10
		_ = f.Retry()
		total += 10
		if cap(f.buf) > 4096 {
			t.Fatalf("the buffer has grown to %d bytes", cap(f.buf))
		}
	}
	if len(d.written) != total {
		t.Errorf("%d bytes written, want %d", len(d.written), total)
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	f, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("one\n"))
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("two\n"))
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "" {
		t.Errorf("the new file has %q", got)
	}
	f.Append([]byte("three\n"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, moved), read(t, path); a != "one\ntwo\n" || b != "three\n" {
		t.Errorf("files are %q and %q", a, b)
	}
}

// TestReopenFails: the directory is gone for a while; lines wait.
func TestReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	path := filepath.Join(dir, "log")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, fs.ErrNotExist) || !f.Failing() {
		t.Fatalf("reopening without a directory: %v", err)
	}
	f.Append([]byte("one\n"))
	if err := f.Retry(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("retrying: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Retry(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "one\n" {
		t.Errorf("the file is %q", got)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestReopenMendsTornRecord: a record of which half is in the full old file stands whole in the new
// one, and not at all in the old one.
func TestReopenMendsTornRecord(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	room := 10
	f, err := Open(path, Options{open: func(path string, lock bool) (handle, error) {
		h, err := openFile(fsutil.OS{}, path, lock)
		if err != nil {
			return nil, err
		}
		return &limited{handle: h, room: &room}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("line 1\n"))
	f.Append([]byte("line 2\n"))
	_ = f.Flush()
	if got := read(t, path); got != "line 1\nlin" {
		t.Fatalf("the old file is %q", got)
	}
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	_ = f.Reopen() // no room there either
	room = 100
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, moved), read(t, path); a != "line 1\n" || b != "line 2\n" {
		t.Errorf("files are %q and %q", a, b)
	}
}

// limited is a real file on a disk with little room.
type limited struct {
	handle
	room *int
}

func (l *limited) Write(p []byte) (int, error) {
	n, err := l.handle.Write(p[:min(len(p), *l.room)])
	*l.room -= n
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	d := &disk{room: 7}
	f := onDisk(t, d, 1000)
	for i := range 3 {
		f.Append(fmt.Appendf(nil, "line %d\n", i))
	}
	err := f.Close()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "2 lines are lost") {
		t.Errorf("Close: %v", err)
	}
	if st := f.Stats(); st.Records != 1 || st.DroppedRecords != 2 || st.DroppedBytes != 14 || d.closed != 1 {
		t.Errorf("counters are %+v, closed %d times", st, d.closed)
	}
}

func TestZeroWriteIsAnError(t *testing.T) {
	f := onDisk(t, &disk{}, 0)
	f.out = nothing{}
	f.Append([]byte("x"))
	if err := f.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a device that takes nothing: %v", err)
	}
}

type nothing struct{}

func (nothing) Write([]byte) (int, error)  { return 0, nil }
func (nothing) Close() error               { return nil }
func (nothing) Sync() error                { return nil }
func (nothing) Stat() (os.FileInfo, error) { return nil, errors.ErrUnsupported }
func (nothing) Truncate(int64) error       { return nil }

// TestFullDevice has the kernel say that the disk is full.
func TestFullDevice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full is Linux's")
	}
	f, err := Open("/dev/full", Options{NoLock: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("x\n"))
	if err := f.Flush(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "writing /dev/full: no space left on device: free some space") {
		t.Errorf("Flush: %v", err)
	}
	if err := f.Close(); err == nil {
		t.Error("Close says nothing of the lost line")
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		path string
		want error
		text string
	}{
		{filepath.Join(dir, "no", "log"), fs.ErrNotExist, "make the directory " + filepath.Join(dir, "no")},
		{dir, syscall.EISDIR, "name a file in it"},
	} {
		_, err := Open(tt.path, Options{})
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("Open(%s): %v, want %q", tt.path, err, tt.text)
		}
		if strings.Count(err.Error(), tt.path) > 1 && tt.path == dir {
			t.Errorf("the path stands twice in %q", err)
		}
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("second OpenFile: %v, want ErrLocked", err)
	}
	g, err := Open(path, Options{NoLock: true})
	if err != nil {
		t.Fatalf("without lock: %v", err)
	}
	if err := errors.Join(f.Close(), g.Close()); err != nil {
		t.Error(err)
	}
	if h, err := Open(path, Options{}); err != nil {
		t.Errorf("after Close: %v", err)
	} else if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// TestLockOfChild: a child process that has our files open for a moment, until it runs its program,
// keeps us from no file that we had.
func TestLockOfChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	locked := 0
	opt := Options{open: func(path string, lock bool) (handle, error) {
		if locked > 0 {
			locked--
			return nil, ErrLocked
		}
		return openFile(fsutil.OS{}, path, lock)
	}}
	f, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	locked = 3
	if err := f.Reopen(); err != nil || locked > 0 {
		t.Errorf("Reopen: %v, with %d attempts left", err, locked)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	locked = 1
	if _, err := Open(path, opt); !errors.Is(err, ErrLocked) {
		t.Errorf("a file that we did not have: %v", err)
	}
}

func TestRelativePathIsResolvedOnce(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f, err := Open("log", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Remove(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("x\n"))
	if err := errors.Join(f.Reopen(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
		t.Errorf("the file was reopened elsewhere: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "log"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 199) + "\n")
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		f.Append(line)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// TestOpenFull: a file that cannot be made because the disk is full is opened later.
func TestOpenFull(t *testing.T) {
	full, d := true, &disk{room: 100}
	f, err := Open("x", Options{open: func(path string, lock bool) (handle, error) {
		if full {
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
		}
		return d.open(path, lock)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Retry(); !errors.Is(err, syscall.ENOSPC) || !f.Failing() {
		t.Errorf("while it is full: %v, failing %v", err, f.Failing())
	}
	full = false
	if err := f.Retry(); err != nil || f.Failing() || !f.IsOpen() {
		t.Errorf("later: %v, failing %v, open %v", err, f.Failing(), f.IsOpen())
	}
}
