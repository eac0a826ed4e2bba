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

// TestRelease: a released file holds no descriptor and no lock, and goes on with the next line.
func TestRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("one\n"))
	if f.Size() != 4 {
		t.Errorf("size is %d before it is written", f.Size())
	}
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "one\n" || f.IsOpen() || !f.Idle() {
		t.Errorf("released, the file is %q, open %v, idle %v", got, f.IsOpen(), f.Idle())
	}
	other, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	if err := f.Flush(); err != nil || f.IsOpen() {
		t.Errorf("with nothing to write it is opened again: %v", err)
	}
	f.Append([]byte("two\n"))
	if err := f.Flush(); !errors.Is(err, ErrLocked) || f.Idle() {
		t.Errorf("another has the lock: %v, idle %v", err, f.Idle())
	}
	other.Append([]byte("other\n"))
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Retry(); err != nil || f.Size() != 14 {
		t.Errorf("%v, size %d", err, f.Size())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "one\nother\ntwo\n" {
		t.Errorf("the file is %q", got)
	}
}

// TestReleaseFailing: what waits is kept, and a torn line is taken back, because the path may lead to
// another file when it is opened again.
func TestReleaseFailing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	room := 10
	f, err := Open(path, Options{open: func(path string, lock bool) (handle, error) {
		h, err := openFile(fsutil.OS{}, path, lock)
		return &limited{handle: h, room: &room}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("line 1\n"))
	f.Append([]byte("line 2\n"))
	if err := f.Release(); !errors.Is(err, syscall.ENOSPC) || f.Idle() || f.IsOpen() {
		t.Errorf("Release: %v, idle %v, open %v", err, f.Idle(), f.IsOpen())
	}
	if got := read(t, path); got != "line 1\n" {
		t.Errorf("the file is %q", got)
	}
	if n := f.Stats().Waiting; n != 7 {
		t.Errorf("%d bytes wait", n)
	}
	room = 100
	if err := errors.Join(f.Retry(), f.Release()); err != nil || !f.Idle() {
		t.Errorf("with room: %v, idle %v", err, f.Idle())
	}
	if got := read(t, path); got != "line 1\nline 2\n" {
		t.Errorf("the file is %q", got)
	}
}

// TestDirectories are made below the base, but not the base itself.
func TestDirectories(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	path := filepath.Join(base, "www", "2027", "log")
	f := New(path, Options{Base: base})
	if _, err := os.Stat(base); err == nil || f.IsOpen() {
		t.Error("something is made before there is anything to write")
	}
	f.Append([]byte("x\n"))
	if err := f.Flush(); !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "make the directory "+base) {
		t.Errorf("without base: %v", err)
	}
	if err := os.Mkdir(base, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Retry(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "x\n" {
		t.Errorf("the file is %q", got)
	}
}

// TestBudget: files that fail together keep what is allowed together, and room is given back when
// it is written or lost.
func TestBudget(t *testing.T) {
	b := NewBudget(20)
	full, other := &disk{}, &disk{}
	f, err := Open("x", Options{Budget: b, open: full.open})
	if err != nil {
		t.Fatal(err)
	}
	g, err := Open("y", Options{Budget: b, open: other.open})
	if err != nil {
		t.Fatal(err)
	}
	line := []byte("0123456\n")
	for range 3 {
		f.Append(line)
		g.Append(line)
		_, _ = f.Flush(), g.Flush()
	}
	if b.Used() != 16 || f.Stats().DroppedRecords != 2 || g.Stats().DroppedRecords != 2 {
		t.Errorf("%d bytes wait, %d and %d lines are dropped", b.Used(), f.Stats().DroppedRecords, g.Stats().DroppedRecords)
	}
	full.room = 3
	_ = f.Retry()
	full.room = -1
	if err := f.Retry(); err != nil {
		t.Fatal(err)
	}
	waiting := int(g.Stats().Waiting)
	if b.Used() != waiting || waiting == 0 {
		t.Errorf("%d bytes wait, of which %d are accounted for", waiting, b.Used())
	}
	if err := g.Close(); err == nil {
		t.Error("nothing is said of what is lost")
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes are accounted for in the end", b.Used())
	}
}

// TestSync: when the disk is asked to take what was written, and what becomes of its refusal.
func TestSync(t *testing.T) {
	for _, tt := range []struct {
		sync            Sync
		flushed, closed int
	}{{SyncNever, 0, 0}, {SyncClose, 0, 1}, {SyncWrites, 2, 2}} {
		d := &disk{room: -1}
		f, err := Open("x", Options{Sync: tt.sync, open: d.open})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			f.Append([]byte("x\n"))
			_ = f.Flush()
			_ = f.Flush() // nothing new
		}
		if d.synced != tt.flushed {
			t.Errorf("%v: synced %d times after two writes", tt.sync, d.synced)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if d.synced != tt.closed {
			t.Errorf("%v: synced %d times in the end", tt.sync, d.synced)
		}
	}
	d := &disk{room: -1, failSync: syscall.EIO}
	f, err := Open("x", Options{Sync: SyncWrites, open: d.open})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]byte("x\n"))
	if err := f.Flush(); !errors.Is(err, syscall.EIO) || !f.Failing() || !strings.HasPrefix(err.Error(), "syncing ") {
		t.Errorf("Flush: %v", err)
	}
	d.failSync = nil
	if err := f.Retry(); err != nil || f.Failing() || d.synced != 2 {
		t.Errorf("Retry: %v, synced %d times", err, d.synced)
	}
	if got := string(d.written); got != "x\n" {
		t.Errorf("written: %q", got)
	}
	f.Append([]byte("y\n"))
	if err := errors.Join(f.Flush(), f.Sync()); err != nil || d.synced != 3 {
		t.Errorf("%v, synced %d times", err, d.synced)
	}
	d.failSync = syscall.EIO
	f.unsynced = true
	if err := f.Reopen(); !errors.Is(err, syscall.EIO) || f.Failing() {
		t.Errorf("Reopen: %v, failing %v", err, f.Failing())
	}
}
