package logfile

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"time"
)

const (
	// lockRetries and lockPause bound the wait for the lock of a file that this process has just had.
	lockRetries = 10
	lockPause   = 2 * time.Millisecond
	// chunkBytes bounds one write, so that progress is known when a large buffer meets a full disk.
	chunkBytes = 1 << 20
	// keepBytes is the largest buffer that is kept when there is nothing to write.
	keepBytes = 2 * DefaultBatchBytes
)

// Append adds a copy of a record. It is written together with others, by the next Flush at the
// latest.
func (f *File) Append(record []byte) { f.AppendTagged(record, Tag{}) }

// Fits reports whether there is room for a record of n bytes.
func (f *File) Fits(n int) bool {
	waiting := len(f.buf) - f.off
	return waiting == 0 || waiting+n <= f.opt.LimitBytes && !f.opt.Budget.exhausted(n)
}

// AppendTagged is Append for a record with a tag for the journal. It returns false if there is no room, and counts the record as
// dropped.
func (f *File) AppendTagged(record []byte, tag Tag) bool {
	if !f.Fits(len(record)) {
		f.stats.droppedRecords.Add(1)
		f.stats.droppedBytes.Add(int64(len(record)))
		return false
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
	return true
}

// Flush writes what has been appended. While the file cannot be written it does nothing; use
// [File.Retry] then. It returns the error that started the failure once, also if the failure came
// up in Append.
func (f *File) Flush() error {
	if f.err == nil {
		f.write()
	}
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
	if f.err == nil || f.reported {
		return nil
	}
	f.reported = true
	return f.err
}

// Retry tries again to write what waits, and returns why that still fails.
func (f *File) Retry() error {
	f.err = nil
	f.write()
	f.reported = true
	return f.err
}

// write writes the whole buffer, or sets err.
func (f *File) write() {
	f.writeBuffer()
	f.stats.waiting.Store(int64(len(f.buf) - f.off))
}

func (f *File) writeBuffer() {
	if f.out == nil {
		if f.released && f.off == len(f.buf) {
			return
		}
		if err := f.reopen(); err != nil {
			f.fail(err)
			return
		}
	}
	if f.torn && f.off < len(f.buf) {
		if err := f.endLine(); err != nil {
			f.fail(f.failed("writing", err))
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

// fail notes an error and moves the unwritten records to the front of the buffer.
func (f *File) fail(err error) {
	f.err, f.reported = err, false
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

// empty drops the buffers.
func (f *File) empty() {
	f.buf, f.ends, f.tags = nil, nil, nil
	f.off, f.first, f.begin, f.noted = 0, 0, 0, 0
}

// reopen opens the path.
func (f *File) reopen() error {
	out, err := f.opt.open(f.path, !f.opt.NoLock)
	// A command that is being started holds the locks of all open files until it runs.
	for i := 0; i < lockRetries && f.left != nil && errors.Is(err, ErrLocked); i++ {
		time.Sleep(lockPause)
		out, err = f.opt.open(f.path, !f.opt.NoLock)
	}
	if errors.Is(err, fs.ErrNotExist) && f.opt.Base != "" {
		if err = f.makeDirs(); err == nil {
			out, err = f.opt.open(f.path, !f.opt.NoLock)
		}
	}
	if err != nil {
		return f.failed("opening", err)
	}
	f.out, f.released, f.torn = out, false, false
	f.size = int64(len(f.buf) - f.off)
	st, err := out.Stat()
	if err == nil {
		f.size += st.Size()
	}
	if f.opt.Journal == nil {
		if f.torn = err == nil && f.isTorn(st); f.torn {
			f.size++
		}
		if err == nil {
			err = f.keepName(st)
			if err != nil {
				f.out = nil
				return f.failed("syncing the name of", errors.Join(err, out.Close()))
			}
		}
		return nil
	}
	var size int64
	if err == nil {
		size, err = f.opt.Journal.Open(f.path)
	}
	if err == nil && st.Size() > size {
		f.size += size - st.Size()
		if err = out.Truncate(size); err == nil {
			f.tornLine("removed")
		}
	}
	if err == nil {
		err = f.keepName(st)
	}
	if err != nil {
		err = errors.Join(err, f.opt.Journal.Close(0), out.Close())
		f.out = nil
		return f.failed(opIndexing, err)
	}
	return nil
}

// shut closes the file. Close errors are ignored because earlier writes reported them; only Sync
// can report a failing disk.
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
	f.left = nil
	if st, serr := f.out.Stat(); serr == nil && !f.torn && f.off == f.begin {
		f.left = st
	}
	_ = f.out.Close()
	f.out, f.unsynced = nil, false
	return err
}

// untear takes back a record that was written in part, so that it is written whole to the next
// file.
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
	st, err := f.out.Stat()
	if err != nil || !st.Mode().IsRegular() || st.Size() < int64(torn) {
		return
	}
	// Without a lock, others may have written behind the part.
	if f.opt.NoLock || f.out.Truncate(st.Size()-int64(torn)) != nil {
		f.torn = true // the next opening ends the line
	}
}
