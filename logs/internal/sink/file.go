package sink

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

const (
	// DefaultLimitBytes is what may wait in memory for a file.
	DefaultLimitBytes = 64 << 20
	// DefaultBatchBytes makes the cost of a write small beside that of its
	// bytes.
	DefaultBatchBytes = 256 << 10
	// chunkBytes bounds one write, so that what has come through is known
	// when a large buffer meets a full disk.
	chunkBytes = 1 << 20
	// keepBytes is the buffer that is kept when there is nothing to write.
	keepBytes = 2 * DefaultBatchBytes
	// closeAttempts is how often a command that does not read is waited for
	// at the end.
	closeAttempts = 4
	// fileMode is that of files that are made, less the umask.
	fileMode = 0o644
)

// Options of a file. The zero value is the default.
type Options struct {
	// LimitBytes bounds what waits in memory while the file cannot be written.
	// Zero means DefaultLimitBytes.
	LimitBytes int
	// Budget, if not nil, bounds what waits for several files together.
	Budget *Budget
	// NoLock leaves the file unlocked.
	NoLock bool
	// Base is a directory below which directories are made as they are
	// needed. It has to be there itself: what is not mounted is not to be
	// made anew elsewhere. Empty means that none are made.
	Base string
	// BatchBytes is how much is collected before a write that nobody has
	// asked for. Zero means DefaultBatchBytes.
	BatchBytes int
	// Sync says when the file is handed to the disk.
	Sync Sync
	// Journal, if not nil, is told what goes into the file.
	Journal Journal

	open func(path string, lock bool) (handle, error) // nil opens a real file
	done func() error                                 // called at the end of Close, if not nil
}

// Sync says when what was written is handed to the disk, so that it survives
// the end of the machine.
type Sync uint8

// The values of [Sync].
const (
	// SyncNever leaves that to the kernel.
	SyncNever Sync = iota
	// SyncClose does it when the file is closed, and in [File.Sync].
	SyncClose
	// SyncWrites does it after each write.
	SyncWrites
)

// handle is an open file.
type handle interface {
	io.WriteCloser
	Sync() error
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
}

// File is a file that records are appended to.
type File struct {
	path string
	opt  Options
	out  handle // nil while the file cannot be opened, or is released
	err  error  // why the last attempt failed; nil if it did not
	told bool   // err has been returned

	released bool  // opened again when there is something to write
	unsynced bool  // something was written since the last Sync
	size     int64 // of the file, and of what waits

	buf   []byte // records, not yet written from off on
	off   int
	ends  []int // where each record of buf that is not yet written as a whole ends
	first int   // of ends
	begin int   // where record first begins; off lies behind it if it is torn
	tags  []Tag // of the records of ends, if there is a journal
	noted int   // of these, how many the journal knows in the open file

	stats struct {
		records, bytes, droppedRecords, droppedBytes, errors, reopens, waiting atomic.Int64
	}
}

// OpenFile opens a file for appending, and makes it if need be. The error is an
// *[Error].
func OpenFile(path string, opt Options) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{"opening", path, err, "give a whole path"}
	}
	f := NewFile(abs, opt)
	f.released = false
	if err := f.reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// NewFile is OpenFile for a file that is opened, and made, when there is something to write; so
// it is released at first.
func NewFile(path string, opt Options) *File {
	opt.LimitBytes = cmp.Or(opt.LimitBytes, DefaultLimitBytes)
	opt.BatchBytes = cmp.Or(opt.BatchBytes, DefaultBatchBytes)
	if opt.open == nil {
		opt.open = openFile
	}
	return &File{path: path, opt: opt, released: true}
}

// Path returns the absolute path.
func (f *File) Path() string { return f.path }

// Stat describes the open file, or the one that has its path.
func (f *File) Stat() (os.FileInfo, error) {
	if f.out == nil {
		return os.Stat(f.path)
	}
	return f.out.Stat()
}

// Append adds a record, which is copied. It is written with others, at the
// latest by the next Flush.
func (f *File) Append(record []byte) { f.AppendTagged(record, Tag{}) }

// AppendTagged is Append for a record with a name.
func (f *File) AppendTagged(record []byte, tag Tag) {
	if waiting := len(f.buf) - f.off; waiting > 0 && (waiting+len(record) > f.opt.LimitBytes || f.opt.Budget.exhausted(len(record))) {
		f.stats.droppedRecords.Add(1)
		f.stats.droppedBytes.Add(int64(len(record)))
		return
	}
	f.opt.Budget.add(len(record))
	f.size += int64(len(record))
	f.buf = append(f.buf, record...)
	f.ends = append(f.ends, len(f.buf))
	if f.opt.Journal != nil {
		f.tags = append(f.tags, tag)
	}
	if len(f.buf)-f.off >= f.opt.BatchBytes && f.err == nil {
		f.write()
	}
}

// Flush writes what has been appended. It does nothing while the file cannot be
// written, for which there is [File.Retry]. It returns the error that began
// that, once, also if it came up in Append.
func (f *File) Flush() error {
	if f.err == nil {
		f.write()
	}
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
	if f.err == nil || f.told {
		return nil
	}
	f.told = true
	return f.err
}

// Failing reports whether the last attempt to write or open failed. Then
// Retry should be called from time to time.
func (f *File) Failing() bool { return f.err != nil }

// Retry tries again to write what waits, and returns why it still cannot be.
func (f *File) Retry() error {
	f.err = nil
	f.write()
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
	f.told = true
	return f.err
}

// Reopen writes what waits, closes the file, which has been moved away, and opens its path
// anew. If that fails, records wait in memory, and Retry tries again.
func (f *File) Reopen() error {
	f.err = nil
	f.write()
	err := f.shut()
	f.stats.reopens.Add(1)
	f.err = nil
	f.write()
	f.told = true
	return cmp.Or(f.err, err)
}

// Open opens a released file, so that its [File.Size] is known.
func (f *File) Open() error {
	if f.out != nil {
		return nil
	}
	if err := f.reopen(); err != nil {
		f.fail(err)
		f.told = true
		return err
	}
	return nil
}

// Rotate writes what waits, gives the file another path, and opens its own
// anew. While the file cannot be written it stays where it is.
func (f *File) Rotate(to string) error {
	f.write()
	f.told = true
	if f.err != nil {
		return f.err
	}
	if err := os.Rename(f.path, to); err != nil {
		return &Error{"rotating", f.path, err, "the file grows beyond its size until that works"}
	}
	if f.opt.Journal != nil {
		if err := f.opt.Journal.Moved(to); err != nil {
			return errors.Join(f.failed(opIndexing, err), f.Reopen())
		}
	}
	return f.Reopen()
}

// Release writes what waits and closes the file, which lets go of its lock too. It
// is opened again when there is something to write. The error is as of Flush.
func (f *File) Release() error {
	err := cmp.Or(f.Flush(), f.shut())
	f.released = true
	if len(f.buf) == f.off {
		f.empty()
	}
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
	return err
}

// empty forgets what waits.
func (f *File) empty() {
	f.buf, f.ends, f.tags = nil, nil, nil
	f.off, f.first, f.begin, f.noted = 0, 0, 0, 0
}

// Idle reports whether the file is released and nothing waits for it.
func (f *File) Idle() bool { return f.released && f.out == nil && len(f.buf) == f.off }

// IsOpen reports whether the file holds a descriptor.
func (f *File) IsOpen() bool { return f.out != nil }

// Size returns how long the file is with all that has been appended to it, as
// far as is known: a released file may have grown meanwhile.
func (f *File) Size() int64 { return f.size }

// Sync hands what was written to the disk, if anything was since the last time.
func (f *File) Sync() error {
	if !f.unsynced || f.out == nil {
		return nil
	}
	if f.opt.Journal != nil {
		if err := f.opt.Journal.Sync(); err != nil {
			return f.failed("syncing", err)
		}
	}
	if err := f.out.Sync(); err != nil {
		return f.failed("syncing", err)
	}
	f.unsynced = false
	return nil
}

// shut closes the file. What a close says of it was said by its writes, but
// not what the disk says.
func (f *File) shut() (err error) {
	f.untear()
	if f.out == nil {
		return nil
	}
	if f.opt.Sync != SyncNever {
		if err = f.Sync(); err != nil {
			f.stats.errors.Add(1)
		}
	}
	if cerr := f.closeJournal(); cerr != nil {
		f.stats.errors.Add(1)
		err = cmp.Or(err, cerr)
	}
	_ = f.out.Close()
	f.out, f.unsynced = nil, false
	return err
}

// untear takes back a record of which the file has only a part, so that it
// stands whole in the next one.
func (f *File) untear() {
	torn := f.off - f.begin
	if torn == 0 {
		return
	}
	f.off = f.begin
	f.opt.Budget.add(torn)
	if f.out == nil {
		return
	}
	if st, err := f.out.Stat(); err == nil && st.Mode().IsRegular() && st.Size() >= int64(torn) {
		_ = f.out.Truncate(st.Size() - int64(torn)) // a part of a line stays, then
	}
}

// Discard forgets what waits; the caller has it still. A record of which a part is written stays torn.
func (f *File) Discard() {
	f.opt.Budget.add(f.off - len(f.buf))
	f.buf, f.ends, f.off, f.first, f.begin = nil, nil, 0, 0, 0
}

// Close writes what waits and closes the file. An error says how much was lost.
func (f *File) Close() error {
	f.released = true // nothing is opened only to be closed
	f.err = nil
	f.write()
	for range closeAttempts {
		if errors.Is(f.err, ErrBusy) {
			f.err = nil
			f.write()
		}
	}
	err := f.err
	if f.opt.Journal != nil && f.out != nil {
		f.untear()
		if f.opt.Sync != SyncNever {
			err = cmp.Or(err, f.Sync())
		}
		err = cmp.Or(err, f.closeJournal())
	}
	if lost := len(f.ends) - f.first; lost > 0 {
		f.stats.droppedRecords.Add(int64(lost))
		f.stats.droppedBytes.Add(int64(len(f.buf) - f.begin))
		err = fmt.Errorf("%w; %d lines are lost", err, lost)
	}
	f.opt.Budget.add(f.off - len(f.buf))
	f.empty()
	f.stats.waiting.Store(0)
	if f.out != nil {
		if f.opt.Sync != SyncNever {
			err = cmp.Or(err, f.Sync())
		}
		if cerr := f.out.Close(); cerr != nil && err == nil {
			err = f.failed("closing", cerr)
		}
		f.out = nil
	}
	if f.opt.done != nil {
		err = cmp.Or(err, f.opt.done())
	}
	return err
}

// mortal is a handle that can end by itself, as a command does.
type mortal interface{ ended() bool }

// write writes all of the buffer, or sets err.
func (f *File) write() {
	if m, ok := f.out.(mortal); ok && m.ended() {
		_ = f.shut() // its last record is written to the next one, if it was torn
	}
	if f.out == nil {
		if f.released && f.off == len(f.buf) {
			return
		}
		if err := f.reopen(); err != nil {
			f.fail(err)
			return
		}
	}
	for f.off < len(f.buf) {
		end, err := f.note()
		if err != nil {
			f.fail(f.failed(opIndexing, err))
			return
		}
		n, err := f.out.Write(f.buf[f.off:min(f.off+chunkBytes, end)])
		f.wrote(n)
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			f.fail(f.failed("writing", err))
			return
		}
	}
	f.buf, f.ends, f.tags = f.buf[:0], f.ends[:0], f.tags[:0]
	f.off, f.first, f.begin, f.noted = 0, 0, 0, 0
	if cap(f.buf) > keepBytes {
		f.empty()
	}
	if f.opt.Sync == SyncWrites {
		if err := f.Sync(); err != nil {
			f.fail(err)
		}
	}
}

// wrote notes that n more bytes are in the file.
func (f *File) wrote(n int) {
	f.off += n
	f.opt.Budget.add(-n)
	f.unsynced = f.unsynced || n > 0
	done := f.first
	for f.first < len(f.ends) && f.ends[f.first] <= f.off {
		f.begin = f.ends[f.first]
		f.first++
	}
	f.stats.bytes.Add(int64(n))
	f.stats.records.Add(int64(f.first - done))
}

// fail notes that writing does not go on, and makes room for what comes.
func (f *File) fail(err error) {
	f.err, f.told = err, false
	f.stats.errors.Add(1)
	if f.begin == 0 {
		return
	}
	n := copy(f.buf, f.buf[f.begin:])
	f.buf = f.buf[:n]
	k := copy(f.ends, f.ends[f.first:])
	f.ends = f.ends[:k]
	for i := range f.ends {
		f.ends[i] -= f.begin
	}
	if f.opt.Journal != nil {
		f.tags = f.tags[:copy(f.tags, f.tags[f.first:])]
		f.noted = max(0, f.noted-f.first)
	}
	f.off -= f.begin
	f.first, f.begin = 0, 0
}

// reopen opens the path.
func (f *File) reopen() error {
	out, err := f.opt.open(f.path, !f.opt.NoLock)
	if errors.Is(err, fs.ErrNotExist) && f.opt.Base != "" {
		if err = makeDirs(f.opt.Base, filepath.Dir(f.path)); err == nil {
			out, err = f.opt.open(f.path, !f.opt.NoLock)
		}
	}
	if err != nil {
		return f.failed("opening", err)
	}
	f.out, f.released = out, false
	f.size = int64(len(f.buf) - f.off)
	st, err := out.Stat()
	if err == nil {
		f.size += st.Size()
	}
	if f.opt.Journal == nil {
		return nil
	}
	var size int64
	if err == nil {
		size, err = f.opt.Journal.Open(f.path)
	}
	if err == nil && st.Size() > size {
		f.size += size - st.Size()
		err = out.Truncate(size)
	}
	if err != nil {
		err = errors.Join(err, f.opt.Journal.Close(0), out.Close())
		f.out = nil
		return f.failed(opIndexing, err)
	}
	return nil
}
