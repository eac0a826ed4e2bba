package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const pageSize = 4096

// file is an open file.
type file struct {
	d      *Disk
	n      *node
	path   string
	flag   int
	at     int64
	closed bool
}

// begin locks the disk.
func (f *file) begin(op string) error {
	f.d.mu.Lock()
	err := f.d.check()
	if err == nil && f.closed {
		err = fs.ErrClosed
	}
	if err != nil {
		return pathError(op, f.path, err)
	}
	return nil
}

// Name implements [fsutil.File].
func (f *file) Name() string { return f.path }

// Stat implements [fsutil.File].
func (f *file) Stat() (fs.FileInfo, error) {
	defer f.d.mu.Unlock()
	if err := f.begin("stat"); err != nil {
		return nil, err
	}
	return f.n.info(f.path), nil
}

// Read implements [io.Reader].
func (f *file) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.at)
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// ReadAt implements [io.ReaderAt].
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	defer f.d.mu.Unlock()
	if err := f.begin("read"); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, pathError("read", f.path, fs.ErrInvalid)
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Seek implements [io.Seeker].
func (f *file) Seek(off int64, whence int) (int64, error) {
	defer f.d.mu.Unlock()
	if err := f.begin("seek"); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		off += f.at
	case io.SeekEnd:
		off += int64(len(f.n.data))
	}
	if off < 0 {
		return 0, pathError("seek", f.path, fs.ErrInvalid)
	}
	f.at = off
	return off, nil
}

// Write implements [io.Writer].
func (f *file) Write(b []byte) (int, error) {
	defer f.d.mu.Unlock()
	if err := f.begin("write"); err != nil {
		return 0, err
	}
	if f.flag&os.O_APPEND != 0 {
		f.at = int64(len(f.n.data))
	}
	n, err := f.write(b, f.at)
	f.at += int64(n)
	return n, err
}

// WriteAt implements [io.WriterAt].
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	defer f.d.mu.Unlock()
	if err := f.begin("write"); err != nil {
		return 0, err
	}
	if f.flag&os.O_APPEND != 0 || off < 0 {
		return 0, pathError("write", f.path, fs.ErrInvalid)
	}
	return f.write(b, off)
}

func (f *file) write(b []byte, off int64) (int, error) {
	if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return 0, pathError("write", f.path, fs.ErrPermission)
	}
	if len(b) == 0 {
		return 0, nil
	}
	d := f.d
	if d.full {
		return 0, pathError("write", f.path, syscall.ENOSPC)
	}
	if d.steps+1 == d.crashAt && !d.crashed {
		// A system sees that the process was killed when it has copied a page.
		end := off + int64(d.part%uint64(len(b)))
		if end -= end % pageSize; end > off {
			d.write(f.n, write{d.crashAt, off, slices.Clone(b[:end-off]), 0})
		}
	}
	if err := d.step("write %s, %d bytes at %d", f.path, len(b), off); err != nil {
		return 0, pathError("write", f.path, err)
	}
	d.write(f.n, write{d.steps, off, slices.Clone(b), 0})
	return len(b), nil
}

// write does a write or truncates.
func (d *Disk) write(n *node, w write) {
	n.data = w.apply(n.data)
	n.writes = append(n.writes, w)
	n.time = time.Now()
}

// apply does a write, and changes data in place where it has room.
func (w *write) apply(data []byte) []byte {
	end := w.at + int64(len(w.data))
	if w.data == nil {
		end = w.size
		data = data[:min(end, int64(len(data)))]
	}
	if more := int(end) - len(data); more > 0 {
		data = append(data, make([]byte, more)...)
	}
	copy(data[w.at:], w.data)
	return data
}

// Truncate implements [fsutil.File].
func (f *file) Truncate(size int64) error {
	defer f.d.mu.Unlock()
	if err := f.begin("truncate"); err != nil {
		return err
	}
	if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 || size < 0 {
		return pathError("truncate", f.path, fs.ErrInvalid)
	}
	if err := f.d.step("truncate %s to %d", f.path, size); err != nil {
		return pathError("truncate", f.path, err)
	}
	f.d.write(f.n, write{step: f.d.steps, size: size})
	return nil
}

// Sync implements [fsutil.File].
func (f *file) Sync() error {
	defer f.d.mu.Unlock()
	if err := f.begin("sync"); err != nil {
		return err
	}
	if err := f.d.step("sync %s", f.path); err != nil {
		return pathError("sync", f.path, err)
	}
	f.n.synced, f.n.writes = slices.Clone(f.n.data), nil
	return nil
}

// Lock implements [fsutil.File].
func (f *file) Lock() error {
	defer f.d.mu.Unlock()
	if err := f.begin("lock"); err != nil {
		return err
	}
	if f.n.lock != nil && f.n.lock != f {
		return fsutil.ErrLocked
	}
	f.n.lock = f
	return nil
}

// Close implements [io.Closer].
func (f *file) Close() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.closed {
		return pathError("close", f.path, fs.ErrClosed)
	}
	f.closed = true
	if f.n.lock == f {
		f.n.lock = nil
	}
	if f.d.crashed {
		return errors.Join(ErrCrashed)
	}
	return nil
}
