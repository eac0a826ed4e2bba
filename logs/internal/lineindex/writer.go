package lineindex

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// Writer writes the index of one log file. It is the [logfile.Journal] of that file.
type Writer struct {
	l    *Ledger
	file string      // the log file
	data fs.FileInfo // of it, as it was opened

	idx        fsutil.File // nil while the file is closed
	generation uint64
	off        int64 // length of the index
	base, end  int64 // logical
	unsynced   bool

	e       encoder
	section bool // the next batch begins a section
	stream  map[uint32]int
	source  uint32 // looked up last, and
	number  int    // its stream
	buf     []byte

	checkpoint uint64 // number of the ledger's checkpoint when it recorded this index

	lastAt   int64 // offset of the last batch, or of the section in front of it
	lastEnd  int64 // logical end before the last batch
	lastTags []logfile.Tag
	lastLens []int64
}

// Open implements [logfile.Journal].
func (w *Writer) Open(path string) (size int64, err error) {
	// The file that is open is no longer the one with the name after that.
	if found, err := finishSwap(w.l.disk, path); found || err != nil {
		return 0, cmp.Or(err, fmt.Errorf("%s: %w", path, ErrChanged))
	}
	x, err := repair(w.l.disk, path, false)
	if err != nil {
		return 0, err
	}
	st, err := w.l.disk.Stat(path)
	if err != nil {
		return 0, errors.Join(err, x.idx.Close())
	}
	w.file, w.data, w.idx, w.generation = path, st, x.idx, x.generation
	w.off, w.base, w.end = x.off, x.base, x.end
	w.section = true
	w.checkpoint = 0
	w.unsynced = true // repair may have changed it
	w.lastTags = w.lastTags[:0]
	w.l.open[w] = true
	return x.size, nil
}

// begin begins a section, in which streams are numbered anew.
func (w *Writer) begin(b []byte) []byte {
	w.section = false
	w.e.reset()
	if w.stream == nil {
		w.stream = make(map[uint32]int)
	}
	clear(w.stream)
	w.source, w.number = 0, 0
	return appendSection(b, w.l.template)
}

// streamOf returns the number of a source in the section; 0 for lines without a name.
func (w *Writer) streamOf(source uint32) int {
	if source == w.source {
		return w.number
	}
	n, ok := w.stream[source]
	if !ok {
		if s := w.l.bySource[source]; s != nil {
			n = w.e.declare(s.Name)
		}
		w.stream[source] = n
	}
	w.source, w.number = source, n
	return n
}

// Note implements [logfile.Journal].
func (w *Writer) Note(tags []logfile.Tag, ends []int, base int, data []byte) error {
	if w.checkpoint != w.l.checkpoint {
		// A reader that starts here must find the names of all streams.
		if err := w.l.touch(w.file, w.generation, w.off); err != nil {
			return err
		}
		w.checkpoint, w.section = w.l.checkpoint, true
	}
	w.lastTags, w.lastLens = append(w.lastTags[:0], tags...), w.lastLens[:0]
	for _, end := range ends {
		w.lastLens = append(w.lastLens, int64(end-base))
		base = end
	}
	return w.add(crc32.Checksum(data, castagnoli), true)
}

// add writes the batch of lastTags and lastLens.
func (w *Writer) add(crc uint32, checked bool) error {
	w.buf = w.buf[:0]
	if w.section {
		w.buf = w.begin(w.buf)
	}
	w.lastAt, w.lastEnd = w.off, w.end
	end := w.end
	for i, t := range w.lastTags {
		w.e.line(w.streamOf(t.Source), t.Number, w.lastLens[i])
		end += w.lastLens[i]
	}
	w.buf = w.e.batch(w.buf, w.base, w.end, crc, checked)
	if _, err := w.idx.WriteAt(w.buf, w.off); err != nil {
		w.section = true // the streams that were declared are not in the file
		return errors.Join(err, w.idx.Truncate(w.off))
	}
	w.off += int64(len(w.buf))
	w.end = end
	w.unsynced = true
	w.l.grown += int64(len(w.buf))
	return nil
}

// Moved implements [logfile.Journal].
func (w *Writer) Moved(path string) error {
	// An opening of the file before this one may have touched it.
	if t, ok := w.l.recent[w.file]; ok && t.generation == w.generation {
		// It is synced before the index goes, or a power cut could leave that under a name that the ledger does not know.
		if err := cmp.Or(w.l.touch(path, w.generation, t.off), w.l.sync()); err != nil {
			return err
		}
	}
	from := Path(w.file)
	w.file = path
	return w.l.disk.Rename(from, Path(path))
}

// Sync implements [logfile.Journal].
func (w *Writer) Sync() error {
	err := w.l.sync()
	if w.unsynced && w.idx != nil { // after Close, it was reported that this failed
		err = errors.Join(err, w.idx.Sync())
		w.unsynced = err != nil
	}
	return err
}

// Close implements [logfile.Journal].
func (w *Writer) Close(unwritten int) error {
	if w.idx == nil {
		return nil
	}
	delete(w.l.open, w)
	var errs []error
	if unwritten > 0 {
		errs = append(errs, w.takeBack(unwritten))
	}
	errs = append(errs, w.follow(), w.idx.Close())
	w.idx = nil
	return errors.Join(errs...)
}

// takeBack replaces the last batch by one without its last lines.
func (w *Writer) takeBack(unwritten int) error {
	if err := w.idx.Truncate(w.lastAt); err != nil {
		return err
	}
	w.off, w.end, w.section = w.lastAt, w.lastEnd, true
	n := max(0, len(w.lastTags)-unwritten)
	w.lastTags, w.lastLens = w.lastTags[:n], w.lastLens[:n]
	if n == 0 {
		return nil
	}
	size := int64(0)
	for _, k := range w.lastLens {
		size += k
	}
	return w.add(checksum(w.l.disk, w.file, w.end-w.base, size))
}

// follow renames the index if another program has renamed its file. If the file is no longer in its
// directory, the index is removed.
func (w *Writer) follow() error {
	if st, err := w.l.disk.Stat(w.file); err == nil && fsutil.SameFile(st, w.data) {
		return nil
	}
	entries, err := w.l.disk.ReadDir(filepath.Dir(w.file))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && fsutil.SameFile(st, w.data) {
			return w.Moved(filepath.Join(filepath.Dir(w.file), e.Name()))
		}
	}
	w.l.lost = true // the ledger needs a checkpoint before the next start
	return w.l.disk.Remove(Path(w.file))
}
