package logfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

const (
	// DefaultLimitBytes bounds the memory of records that wait for one file.
	DefaultLimitBytes = 64 << 20
	// DefaultBatchBytes makes the cost of a system call small compared to that of its bytes.
	DefaultBatchBytes = 256 << 10
)

// Options of a file. The zero value is the default.
type Options struct {
	// LimitBytes bounds what waits in memory while the file cannot be written. Zero means
	// DefaultLimitBytes.
	LimitBytes int
	// Budget, if not nil, bounds what waits for several files together.
	Budget *Budget
	// NoLock leaves the file unlocked.
	NoLock bool
	// Base is the directory below which directories are made as needed. It must exist: a file
	// system that is not mounted must not be replaced by a new directory. Empty means that no
	// directories are made.
	Base string
	// BatchBytes is how much is collected before Append writes without a Flush. Zero means
	// DefaultBatchBytes.
	BatchBytes int
	// Sync says when the file is flushed to the disk.
	Sync Sync
	// OnTorn, if not nil, is called when the last line of a file was torn and has been "ended" or,
	// with a Journal, "removed".
	OnTorn func(path, how string)
	// Journal, if not nil, learns of each record before it is written.
	Journal Journal

	// Disk has the file. Nil means [fsutil.OS].
	Disk fsutil.FS

	open func(path string, lock bool) (handle, error) // nil opens a file of Disk
}

// Sync says when written data is flushed to the disk, so that it survives a crash of the machine.
type Sync uint8

// The values of [Sync].
const (
	// SyncNever leaves it to the kernel.
	SyncNever Sync = iota
	// SyncClose flushes when the file is closed, and in [File.Sync].
	SyncClose
	// SyncWrites flushes after each write.
	SyncWrites
)

// handle is an open file.
type handle interface {
	io.WriteCloser
	Sync() error
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
}

// File is a log file.
type File struct {
	path     string
	opt      Options
	out      handle // nil while the file cannot be opened, or is released
	err      error  // why the last attempt failed; nil if it succeeded
	reported bool   // err has been returned

	released bool        // reopened when there is something to write
	torn     bool        // the open file ends in the middle of a line, which the next write ends
	left     os.FileInfo // of the file that was open last, if it ended with a whole record
	unsynced bool        // written to since the last Sync
	size     int64       // of the file and of what waits for it

	buf   []byte // records; those before off are written
	off   int
	ends  []int // where each record in buf ends that is not yet wholly written
	first int   // index in ends of the first such record
	begin int   // where record first begins; off lies behind it if the record is torn
	tags  []Tag // of the records of ends, if there is a journal
	noted int   // how many of these the journal knows in the open file

	stats struct {
		records, bytes, droppedRecords, droppedBytes, errors, reopens, waiting, torn atomic.Int64
	}
}

// Open opens a file for appending, and makes it if needed. The error is an *[Error]. On a full disk
// there is none: the file is failing, and Retry opens it.
func Open(path string, opt Options) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{"opening", path, err, "use an absolute path"}
	}
	f := New(abs, opt)
	f.released = false
	if err := f.reopen(); errors.Is(err, syscall.ENOSPC) {
		f.fail(err)
	} else if err != nil {
		return nil, err
	}
	return f, nil
}

// New returns a released file: it is opened, and made if needed, when there is something to write.
func New(path string, opt Options) *File {
	opt.LimitBytes = cmp.Or(opt.LimitBytes, DefaultLimitBytes)
	opt.BatchBytes = cmp.Or(opt.BatchBytes, DefaultBatchBytes)
	if opt.Disk == nil {
		opt.Disk = fsutil.OS{}
	}
	if opt.open == nil {
		opt.open = func(path string, lock bool) (handle, error) { return openFile(opt.Disk, path, lock) }
	}
	return &File{path: path, opt: opt, released: true}
}

// Path returns the absolute path.
func (f *File) Path() string { return f.path }

// Stat describes the open file, or the one at its path.
func (f *File) Stat() (os.FileInfo, error) {
	if f.out == nil {
		return f.opt.Disk.Stat(f.path)
	}
	return f.out.Stat()
}

// Failing reports whether the last attempt to open or write failed. Then Retry should be called
// from time to time.
func (f *File) Failing() bool { return f.err != nil }

// Idle reports whether the file is released and nothing waits for it.
func (f *File) Idle() bool { return f.released && f.out == nil && len(f.buf) == f.off }

// IsOpen reports whether the file holds a descriptor.
func (f *File) IsOpen() bool { return f.out != nil }

// Size returns the length of the file including what waits for it. A released file may have grown
// meanwhile.
func (f *File) Size() int64 { return f.size }

// Stats returns the counters. It may be called at any time from any goroutine.
func (f *File) Stats() sink.Stats {
	return sink.Stats{
		Records:        f.stats.records.Load(),
		Bytes:          f.stats.bytes.Load(),
		DroppedRecords: f.stats.droppedRecords.Load(),
		DroppedBytes:   f.stats.droppedBytes.Load(),
		Errors:         f.stats.errors.Load(),
		Reopens:        f.stats.reopens.Load(),
		Waiting:        f.stats.waiting.Load(),
		Torn:           f.stats.torn.Load(),
	}
}

// Open opens a released file, so that its [File.Size] is known.
func (f *File) Open() error {
	if f.out != nil {
		return nil
	}
	if err := f.reopen(); err != nil {
		f.fail(err)
		f.reported = true
		return err
	}
	return nil
}

// Reopen writes what waits, closes the file, which has been renamed, and opens its path again. If
// that fails, records wait in memory until Retry succeeds.
func (f *File) Reopen() error {
	f.err = nil
	f.write()
	err := f.shut()
	f.stats.reopens.Add(1)
	f.err = nil
	f.write()
	f.reported = true
	return cmp.Or(f.err, err)
}

// Rotate writes what waits, renames the file, and opens its path again. A file that cannot be
// written stays where it is.
func (f *File) Rotate(to string) error {
	f.write()
	f.reported = true
	if f.err != nil {
		return f.err
	}
	if f.opt.Sync != SyncNever {
		// The index finds a renamed file by its content, of which a power cut must not take anything.
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.opt.Disk.Rename(f.path, to); err != nil {
		return &Error{"rotating", f.path, err, "the file grows beyond its size until this succeeds"}
	}
	// On the disk, the index must not move before its file, nor the new file take the name before the old one has its own.
	err := f.syncDir()
	if f.opt.Journal != nil && err == nil {
		if err := f.opt.Journal.Moved(to); err != nil {
			return errors.Join(f.failed(opIndexing, err), f.Reopen())
		}
		err = f.syncDir()
	}
	return errors.Join(err, f.Reopen())
}

// Release writes what waits and closes the file, which gives up its lock. The file is opened again
// when there is something to write. The error is that of Flush.
func (f *File) Release() error {
	err := cmp.Or(f.Flush(), f.shut())
	f.released = true
	if len(f.buf) == f.off {
		f.empty()
	}
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
	return err
}

// Sync flushes written data to the disk, if there is any since the last call.
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

// Close writes what waits and closes the file. The error says how many lines are lost.
func (f *File) Close() error {
	f.released = true // do not open a file only to close it
	f.err = nil
	f.write()
	err := f.err
	f.untear()
	if f.opt.Journal != nil && f.out != nil {
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
	return err
}
