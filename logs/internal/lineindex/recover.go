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

	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// tailBytes is how far from the end of a file a part of a line is looked for.
const tailBytes = 1 << 20

// keepBatches is how many batches at the end of an index may prove wrong, after the end of the machine, before
// it is given up.
const keepBatches = 1024

// account is an index that fits its file.
type account struct {
	idx        *os.File
	generation uint64
	off        int64 // length of the index
	base       int64
	end        int64 // logical, of what is known
	size       int64 // of the plain file, without a part of a line at its end
	moved      string
	last       *batch
	template   string // of the last section, if the whole index was read
}

// reconcile opens the index of a log file, or makes one, and has it fit the file, whatever ended who wrote
// them. The caller has the file locked, or knows that nobody writes.
func reconcile(file string) (*account, error) {
	if err := finishNext(file); err != nil {
		return nil, err
	}
	a := &account{}
	if err := a.open(file); err != nil {
		return nil, err
	}
	if err := a.fit(file); err != nil {
		_ = a.idx.Close()
		return nil, err
	}
	return a, nil
}

// settle has a log file of a size and its index fit each other. It returns where the index went, if the file
// has another name by now. A file that another program has open stays as it is.
func settle(file string, size int64) (moved string, err error) {
	unlock, err := lockFile(file)
	if errors.Is(err, logfile.ErrLocked) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	a, err := reconcile(file)
	if err != nil {
		return "", errors.Join(err, unlock())
	}
	if a.size < size {
		err = os.Truncate(file, a.size)
	}
	return a.moved, errors.Join(err, a.idx.Close(), unlock())
}

func (a *account) open(file string) (err error) {
	path := Path(file)
	if a.idx, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	st, err := a.idx.Stat()
	if err == nil && st.Size() > 0 {
		var ok bool
		if a.generation, ok, err = readHeader(a.idx); err == nil && !ok {
			if err = a.setAside(path, path+".bad"); err == nil {
				return a.open(file)
			}
		}
		if err == nil && ok {
			err = a.readTail()
		}
	} else if err == nil {
		err = a.begin()
	}
	if err != nil {
		_ = a.idx.Close()
	}
	return err
}

// setAside gives the index another path, and leaves its own to a new one.
func (a *account) setAside(path, to string) error {
	if err := os.Rename(path, to); err != nil {
		return err
	}
	*a = account{idx: a.idx, moved: a.moved}
	return a.idx.Close()
}

// begin makes a new index.
func (a *account) begin() error {
	head, generation := header()
	if _, err := a.idx.WriteAt(head, 0); err != nil {
		return err
	}
	a.generation, a.off = generation, headerLen
	return nil
}

// readTail finds what the index knows: from its end, or, if that is torn, from its beginning.
func (a *account) readTail() error {
	st, err := a.idx.Stat()
	if err != nil {
		return err
	}
	if st.Size() == headerLen {
		a.off = headerLen
		return nil
	}
	if b, err := a.lastBatch(st.Size()); err == nil {
		a.off, a.base, a.end, a.last = st.Size(), b.base, b.end(), b
		return nil
	}
	recent, off, err := a.scan(1<<62, nil)
	if err != nil {
		return err
	}
	a.take(recent, off)
	return a.idx.Truncate(off)
}

func (a *account) take(recent []batch, off int64) {
	a.off, a.base, a.end, a.last = off, 0, 0, nil
	if n := len(recent); n > 0 {
		a.last = &recent[n-1]
		a.base, a.end = a.last.base, a.last.end()
	}
}

// lastBatch reads the last record, without its lines.
func (a *account) lastBatch(size int64) (*batch, error) {
	var b [4]byte
	if _, err := a.idx.ReadAt(b[:], size-4); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(b[:]))
	at := size - n - frameLen
	if at < headerLen || n > maxPayload {
		return nil, ErrDamaged
	}
	rec := make([]byte, size-at)
	if _, err := a.idx.ReadAt(rec, at); err != nil {
		return nil, err
	}
	payload := rec[8 : 8+n]
	if int64(binary.LittleEndian.Uint32(rec)) != n || crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rec[4:]) {
		return nil, ErrDamaged
	}
	f := fields{b: payload}
	last := &batch{at: at, next: size}
	switch f.byte() {
	case kindBatch:
		last.checked = f.byte()&flagCRC != 0
		last.base, last.start, last.n = f.size(), f.size(), f.size()
		last.crc = f.uint32()
	case kindUnnamed:
		last.base, last.start, last.n = f.size(), f.size(), f.size()
	default:
		f.fail()
	}
	if f.bad {
		return nil, ErrDamaged
	}
	return last, nil
}

// scan reads the index from its beginning up to the first batch that ends beyond a logical offset. It
// returns the last batches, without their lines, and where the first record behind them is; and calls beyond, if that is not nil, with the
// one that goes beyond.
func (a *account) scan(limit int64, beyond func(*batch)) (recent []batch, off int64, err error) {
	r := &reader{s: newScanner(io.NewSectionReader(a.idx, headerLen, 1<<62), headerLen)}
	off = headerLen
	for {
		b, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
				return recent, off, nil
			}
			return nil, 0, err
		}
		a.template = r.d.template
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

// fit has the index say what is in the file, and no more.
func (a *account) fit(file string) error {
	size, err := sizeOf(file)
	if err != nil {
		return err
	}
	if size <= 0 && compressedOf(file) != "" {
		a.base, a.size = a.end, 0 // what comes is appended to that
		return nil
	}
	size = max(size, 0)
	want := a.end - a.base
	same := a.last == nil || a.last.matches(file)
	if size == want && same {
		a.size = size
		return nil
	}
	if a.last != nil && (size < want || !same) {
		if to := findMoved(file, want, a.last); to != "" {
			a.moved = to
			if err := a.setAside(Path(file), Path(to)); err != nil {
				return err
			}
			if err := a.open(file); err != nil {
				return err
			}
		} else if err := a.cut(file, size); err != nil {
			return err
		}
	}
	return a.name(file, size)
}

// cut has the index forget what is not in a file of a size.
func (a *account) cut(file string, size int64) error {
	var rest *batch
	recent, off, err := a.scan(a.base+size, func(b *batch) { rest = b })
	if err != nil {
		return err
	}
	for n := len(recent); n > 0 && !recent[n-1].matches(file); n-- {
		off, rest = recent[n-1].at, nil
		recent = recent[:n-1]
	}
	base := a.base
	if len(recent) == 0 {
		off = headerLen
	}
	if err := a.idx.Truncate(off); err != nil {
		return err
	}
	a.take(recent, off)
	if rest != nil && rest.start == a.end && (len(recent) > 0 || rest.start == rest.base) {
		return a.keepPart(file, rest, base+size)
	}
	return nil
}

// keepPart writes the lines of a batch again that end at or before a logical offset.
func (a *account) keepPart(file string, b *batch, limit int64) error {
	var e encoder
	e.reset()
	numbers := make(map[*Name]int)
	end := b.start
	for _, l := range b.lines {
		if l.Off+l.Len > limit {
			break
		}
		if l.Name != nil && numbers[l.Name] == 0 {
			numbers[l.Name] = e.declare(*l.Name)
		}
		e.line(numbers[l.Name], l.Seq, l.Len)
		end = l.Off + l.Len
	}
	if end == b.start {
		return nil
	}
	crc, ok := checksum(file, b.start-b.base, end-b.start)
	rec := e.batch(appendSection(nil, a.template), b.base, b.start, crc, ok)
	if _, err := a.idx.WriteAt(rec, a.off); err != nil {
		return err
	}
	a.off += int64(len(rec))
	a.base, a.end = b.base, end
	a.last = &batch{base: b.base, start: b.start, n: end - b.start, crc: crc, checked: ok}
	return nil
}

// name notes bytes of which nothing is known, and leaves out a part of a line at the end.
func (a *account) name(file string, size int64) error {
	known := a.end - a.base
	if a.size = known; size <= known {
		a.size = size
		return nil
	}
	whole, err := wholeLines(file, known, size)
	if err != nil {
		return err
	}
	if a.size = whole; whole == known {
		return nil
	}
	rec := appendUnnamed(nil, a.base, a.end, whole-known)
	if _, err := a.idx.WriteAt(rec, a.off); err != nil {
		return err
	}
	a.off += int64(len(rec))
	a.last = &batch{base: a.base, start: a.end, n: whole - known}
	a.end = a.base + whole
	return nil
}

// sizeOf returns the size of a log file; -1 if it is not there.
func sizeOf(file string) (int64, error) {
	st, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return -1, nil
	case err != nil:
		return 0, err
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("%s is no plain file, and cannot have an index", file)
	}
	return st.Size(), nil
}

// matches reports whether a plain file has what the batch says, as far as that is known.
func (b *batch) matches(file string) bool {
	if !b.checked || b.start < b.base {
		return true
	}
	crc, ok := checksum(file, b.start-b.base, b.n)
	return ok && crc == b.crc
}

// checksum returns that of a part of a file; false if it is not there.
func checksum(file string, at, n int64) (crc uint32, ok bool) {
	f, err := os.Open(file)
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

// findMoved looks for what a log file is called by now, beside where it was: a file that has what its index says,
// and no index of its own.
func findMoved(file string, size int64, last *batch) string {
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return ""
	}
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(file), e.Name())
		if path == file || !e.Type().IsRegular() || e.Name()[0] == '.' {
			continue
		}
		if st, err := e.Info(); err != nil || st.Size() != size {
			continue
		}
		if _, err := os.Lstat(Path(path)); err == nil {
			continue
		}
		if last.checked && last.matches(path) {
			return path
		}
	}
	return ""
}

// wholeLines returns where the last line ends between two offsets, the first of which is one where a
// line begins.
func wholeLines(file string, from, to int64) (int64, error) {
	f, err := os.Open(file)
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
		return to, nil // a line as long as that is none
	}
	return from, nil
}

// finishNext ends what a fill was about when it was interrupted: the new index is taken if the new file
// was.
func finishNext(file string) error {
	next := nextPath(file)
	f, err := os.OpenFile(next, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a := &account{idx: f}
	_, ok, err := readHeader(f)
	if err == nil && ok {
		err = a.readTail()
	}
	defer func() {
		for _, ext := range append([]string{""}, compressedExts...) {
			_ = os.Remove(hidden(plain(file)+ext, fillExt)) // mostly there is none
		}
	}()
	taken := false
	if err == nil && ok && a.last != nil {
		size, serr := contentSize(file)
		if serr != nil && !errors.Is(serr, fs.ErrNotExist) {
			err = serr
		}
		taken = serr == nil && size == a.end
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if taken {
		return os.Rename(next, Path(file))
	}
	return os.Remove(next)
}
