package lineindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// tailBytes is how far from the end of a file repair looks for part of a line.
const tailBytes = 1 << 20

// checkBytes is how far from the end of a file a power cut may have left zeros among lines: as far as a busy log grows between two
// syncs.
const checkBytes = 64 << 20

// keepBatches is how many batches at the end of an index may turn out to be wrong after a power
// cut; with more, the whole index is dropped.
const keepBatches = 1024

// index is the open index of a log file, while it is made to agree with the file.
type index struct {
	disk       fsutil.FS
	idx        fsutil.File
	generation uint64
	off        int64  // length of the index
	base       int64  // logical offset of the plain file
	end        int64  // logical end of what the index describes
	size       int64  // of the plain file, without part of a line at its end
	moved      string // where the previous index went, if its file was renamed
	last       *batch // nil if the index is empty
	template   string // of the last section, if the whole index was read
	stopped    bool   // by a crash, which may have been a power cut
}

// repair opens the index of a log file, or makes one, and makes it agree with the file, whatever
// killed the previous writer. The caller has locked the file, or knows that nobody writes to it.
func repair(disk fsutil.FS, file string, stopped bool) (*index, error) {
	if _, err := finishSwap(disk, file); err != nil {
		return nil, err
	}
	if err := finishFill(disk, file); err != nil {
		return nil, err
	}
	x := &index{disk: disk, stopped: stopped}
	if err := x.open(file); err != nil {
		return nil, err
	}
	if err := x.fit(file); err != nil {
		_ = x.idx.Close()
		return nil, err
	}
	return x, nil
}

// repairClosed makes a log file of a size and its index agree with each other. It returns where the
// index went if the file was renamed, and whether part of a line was removed. A file that another
// program has open stays as it is.
func repairClosed(disk fsutil.FS, file string, size int64) (moved string, torn bool, err error) {
	unlock, err := lockFile(disk, file)
	if errors.Is(err, logfile.ErrLocked) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	x, err := repair(disk, file, true)
	if err != nil {
		return "", false, errors.Join(err, unlock())
	}
	torn = x.size < size
	return x.moved, torn, errors.Join(x.keep(file, torn), x.idx.Close(), unlock())
}

// keep truncates a file if its end is torn, and syncs it, its index and their names. The ledger is about to count what is in them, so
// a power cut must not take it away.
func (x *index) keep(file string, torn bool) error {
	f, err := x.disk.OpenFile(file, os.O_RDWR, 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return x.idx.Sync() // all of it is compressed
	}
	if err != nil {
		return err
	}
	if torn {
		err = f.Truncate(x.size)
	}
	return errors.Join(err, f.Sync(), f.Close(), x.idx.Sync(), x.disk.SyncDir(filepath.Dir(file)))
}

func (x *index) open(file string) (err error) {
	path := Path(file)
	if x.idx, err = x.disk.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644, false); err != nil {
		return err
	}
	st, err := x.idx.Stat()
	if err == nil && st.Size() > 0 {
		var ok bool
		if x.generation, ok, err = readHeader(x.idx); err == nil && !ok {
			if err = x.setAside(path, path+".bad"); err == nil {
				return x.open(file)
			}
		}
		if err == nil && ok {
			err = x.readTail()
		}
	} else if err == nil {
		err = x.begin()
	}
	if err != nil {
		_ = x.idx.Close()
	}
	return err
}

// setAside renames the index, so that a new one can take its path.
func (x *index) setAside(path, to string) error {
	if err := x.disk.Rename(path, to); err != nil {
		return err
	}
	if err := x.disk.SyncDir(filepath.Dir(path)); err != nil { // before another index takes the name
		return err
	}
	*x = index{disk: x.disk, stopped: x.stopped, idx: x.idx, moved: x.moved}
	return x.idx.Close()
}

func (x *index) begin() error {
	head, generation := header()
	if _, err := x.idx.WriteAt(head, 0); err != nil {
		return err
	}
	x.generation, x.off = generation, headerLen
	return nil
}

// readTail finds the last batch: from the end of the index or, if that is torn, from its beginning.
// Then it cuts off what is torn.
func (x *index) readTail() error {
	st, err := x.idx.Stat()
	if err != nil {
		return err
	}
	if st.Size() == headerLen {
		x.off = headerLen
		return nil
	}
	if b, err := x.lastBatch(st.Size()); err == nil {
		x.off, x.base, x.end, x.last = st.Size(), b.base, b.end(), b
		return nil
	}
	recent, off, err := x.scan(1<<62, nil)
	if err != nil {
		return err
	}
	x.setLast(recent, off)
	return x.idx.Truncate(off)
}

func (x *index) setLast(recent []batch, off int64) {
	x.off, x.base, x.end, x.last = off, 0, 0, nil
	if n := len(recent); n > 0 {
		x.last = &recent[n-1]
		x.base, x.end = x.last.base, x.last.end()
	}
}

// lastBatch reads the last record without its lines.
func (x *index) lastBatch(size int64) (*batch, error) {
	var b [4]byte
	if _, err := x.idx.ReadAt(b[:], size-4); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(b[:]))
	at := size - n - frameLen
	if at < headerLen || n > maxPayload {
		return nil, ErrDamaged
	}
	rec := make([]byte, size-at)
	if _, err := x.idx.ReadAt(rec, at); err != nil {
		return nil, err
	}
	payload := rec[8 : 8+n]
	if int64(binary.LittleEndian.Uint32(rec)) != n || crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rec[4:]) {
		return nil, ErrDamaged
	}
	f := fields.Reader{Rest: payload}
	last := &batch{at: at, next: size}
	kind := f.Byte()
	if last.readHead(kind, &f); f.Bad || kind != kindBatch && kind != kindUnnamed {
		return nil, ErrDamaged
	}
	return last, nil
}

// scan reads the index from its beginning up to the first batch that ends beyond a logical offset.
// It returns the last batches, without their lines, and the offset of the first record behind them.
// If beyond is not nil, scan calls it with the batch that ends beyond the offset.
func (x *index) scan(limit int64, beyond func(*batch)) (recent []batch, off int64, err error) {
	r := &reader{s: newScanner(io.NewSectionReader(x.idx, headerLen, 1<<62), headerLen)}
	off = headerLen
	for {
		b, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
				return recent, off, nil
			}
			return nil, 0, err
		}
		x.template = r.d.template
		if b.end() > limit {
			if beyond != nil {
				beyond(b)
			}
			return recent, off, nil
		}
		kept := *b
		kept.lines = nil
		if len(recent) >= 2*keepBatches {
			recent = slices.Delete(recent, 0, keepBatches)
		}
		recent = append(recent, kept)
		off = b.next
	}
}

// fit makes the index describe what is in the file, and no more.
func (x *index) fit(file string) error {
	size, err := sizeOf(x.disk, file)
	if err != nil {
		return err
	}
	if size <= 0 && compressedOf(x.disk, file) != "" {
		x.base, x.size = x.end, 0 // new lines follow the compressed ones
		return nil
	}
	size = max(size, 0)
	want := x.end - x.base
	same := x.last == nil || x.last.matches(x.disk, file)
	if same && x.stopped {
		recent, _, err := x.scan(x.base+size, nil)
		if err != nil {
			return err
		}
		same = x.good(file, recent) == len(recent)
	}
	if size == want && same {
		x.size = size
		return nil
	}
	torn := false
	if x.last != nil && (size < want || !same) {
		if to := findMoved(x.disk, file, want, x.last); to != "" {
			x.moved = to
			if err := x.setAside(Path(file), Path(to)); err != nil {
				return err
			}
			if err := x.open(file); err != nil {
				return err
			}
		} else if torn, err = x.cut(file, size); err != nil {
			return err
		}
	}
	if torn {
		x.size = x.end - x.base
		return nil
	}
	return x.addUnnamed(file, size)
}

// cut truncates the index to what is in a file of a size. It reports whether the file had, from there on, what a power cut leaves of
// lines, and truncates it, too, then.
func (x *index) cut(file string, size int64) (torn bool, err error) {
	var rest *batch
	note := func(b *batch) { rest = b }
	recent, off, err := x.scan(x.base+size, note)
	if err != nil {
		return false, err
	}
	good := x.good(file, recent)
	differs := good < len(recent)
	end := int64(0)
	if differs {
		off = recent[good].at
		recent = recent[:good]
	}
	if good > 0 {
		end = recent[good-1].end()
	} else {
		off = headerLen
	}
	if differs {
		limit := end
		if good == 0 {
			limit = -1 // the first batch
		}
		if _, _, err := x.scan(limit, note); err != nil {
			return false, err
		}
	}
	whole := 0
	if rest != nil && rest.start == end && (good > 0 || rest.start == rest.base) {
		if whole, torn, err = x.wholeOf(file, rest, x.base+size); err != nil {
			return false, err
		}
		if differs && !torn {
			whole = 0 // nothing is known of its lines
		}
	}
	if torn { // before the index forgets what was there
		end := rest.start
		if whole > 0 {
			end = rest.lines[whole-1].Off + rest.lines[whole-1].Len
		}
		if err := x.truncate(file, end-rest.base); err != nil {
			return false, err
		}
	}
	if x.setLast(recent, off); whole > 0 {
		err = x.keepPart(file, rest, whole)
	}
	// Not before, or a kill in between would take the names of the lines that are kept.
	return torn, errors.Join(err, x.idx.Truncate(x.off))
}

// truncate truncates the log file, and syncs it.
func (x *index) truncate(file string, size int64) error {
	f, err := x.disk.OpenFile(file, os.O_RDWR, 0, false)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// good returns how many of the last batches are what the file has.
func (x *index) good(file string, recent []batch) int {
	good := len(recent)
	for good > 0 && !recent[good-1].matches(x.disk, file) {
		good--
	}
	if !x.stopped {
		return good
	}
	for i := range recent[:good] {
		if b := &recent[i]; b.end() > x.end-checkBytes && !b.matches(x.disk, file) {
			return i
		}
	}
	return good
}

// keepPart writes the first lines of a batch again.
func (x *index) keepPart(file string, b *batch, whole int) error {
	var e encoder
	e.reset()
	numbers := make(map[*Name]int)
	for _, l := range b.lines[:whole] {
		if l.Name != nil && numbers[l.Name] == 0 {
			numbers[l.Name] = e.declare(*l.Name)
		}
		e.line(numbers[l.Name], l.Seq, l.Len)
	}
	end := b.lines[whole-1].Off + b.lines[whole-1].Len
	crc, ok := checksum(x.disk, file, b.start-b.base, end-b.start)
	rec := e.batch(appendSection(nil, x.template), b.base, b.start, crc, ok)
	if _, err := x.idx.WriteAt(rec, x.off); err != nil {
		return err
	}
	x.off += int64(len(rec))
	x.base, x.end = b.base, end
	x.last = &batch{base: b.base, start: b.start, n: end - b.start, crc: crc, checked: ok}
	return nil
}

// wholeOf returns how many lines at the start of a batch a file has, which ends at a logical offset. A line with zeros is torn: a
// power cut leaves them where a file was extended and not written. No line of a web server has one.
func (x *index) wholeOf(file string, b *batch, limit int64) (n int, torn bool, err error) {
	f, err := x.disk.OpenFile(file, os.O_RDONLY, 0, false)
	if err != nil {
		return 0, false, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	data := make([]byte, min(b.n, max(0, limit-b.start)))
	if _, err := f.ReadAt(data, b.start-b.base); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	for i, l := range b.lines {
		if l.Off+l.Len > limit {
			return i, bytes.IndexByte(data[l.Off-b.start:], 0) >= 0, nil
		}
		if l.Name != nil && bytes.IndexByte(data[l.Off-b.start:][:l.Len], 0) >= 0 {
			return i, true, nil
		}
	}
	return len(b.lines), false, nil
}

// addUnnamed adds the bytes behind what the index describes, except part of a line at the end of
// the file.
func (x *index) addUnnamed(file string, size int64) error {
	known := x.end - x.base
	if x.size = known; size <= known {
		x.size = size
		return nil
	}
	whole, err := wholeLines(x.disk, file, known, size)
	if err != nil {
		return err
	}
	if x.size = whole; whole == known {
		return nil
	}
	rec := appendUnnamed(nil, x.base, x.end, whole-known)
	if _, err := x.idx.WriteAt(rec, x.off); err != nil {
		return err
	}
	x.off += int64(len(rec))
	x.last = &batch{base: x.base, start: x.end, n: whole - known}
	x.end = x.base + whole
	return nil
}

// sizeOf returns the size of a log file; -1 if it does not exist.
func sizeOf(disk fsutil.FS, file string) (int64, error) {
	st, err := disk.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return -1, nil
	case err != nil:
		return 0, err
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("%s is not a plain file and cannot have an index", file)
	}
	return st.Size(), nil
}

// matches reports whether a plain file contains what the batch describes, as far as that is known.
func (b *batch) matches(disk fsutil.FS, file string) bool {
	if !b.checked || b.start < b.base {
		return true
	}
	crc, ok := checksum(disk, file, b.start-b.base, b.n)
	return ok && crc == b.crc
}

// checksum returns the checksum of part of a file; false if the file does not have that part.
func checksum(disk fsutil.FS, file string, at, n int64) (crc uint32, ok bool) {
	f, err := disk.OpenFile(file, os.O_RDONLY, 0, false)
	if err != nil {
		return 0, false
	}
	defer f.Close() //nolint:errcheck // it is only read
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		k, err := f.ReadAt(buf[:min(n, int64(len(buf)))], at)
		if k == 0 && err != nil {
			return 0, false
		}
		crc = crc32.Update(crc, castagnoli, buf[:k])
		at, n = at+int64(k), n-int64(k)
	}
	return crc, true
}

// wholeLines returns where the last whole line ends between two offsets. A line begins at the first
// of them.
func wholeLines(disk fsutil.FS, file string, from, to int64) (int64, error) {
	f, err := disk.OpenFile(file, os.O_RDONLY, 0, false)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	at := max(from, to-tailBytes)
	b := make([]byte, to-at)
	if _, err := f.ReadAt(b, at); err != nil {
		return 0, err
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return at + int64(i) + 1, nil
	}
	if at > from {
		return to, nil // nothing that long is a line
	}
	return from, nil
}

// finishFill completes or undoes a fill that was interrupted: the new index takes its place if the
// new file has.
func finishFill(disk fsutil.FS, file string) error {
	next := nextPath(file)
	f, err := disk.OpenFile(next, os.O_RDWR, 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	x := &index{disk: disk, idx: f}
	_, ok, err := readHeader(f)
	if err == nil && ok {
		err = x.readTail()
	}
	defer func() {
		for _, ext := range append([]string{""}, compressedExts...) {
			_ = disk.Remove(hidden(plain(file)+ext, fillExt)) // usually none exists
		}
	}()
	taken := false
	if err == nil && ok && x.last != nil {
		size, serr := contentSize(disk, file)
		if serr != nil && !errors.Is(serr, fs.ErrNotExist) {
			err = serr
		}
		taken = serr == nil && size == x.end
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if taken {
		return disk.Rename(next, Path(file))
	}
	return disk.Remove(next)
}
