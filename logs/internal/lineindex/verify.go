package lineindex

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
)

// Finding is something wrong with a log file or its index.
type Finding struct {
	File string
	// Off is the offset in the content of the file; -1 if it concerns the whole file.
	Off  int64
	What string
}

// String returns the whole finding in one line.
func (f *Finding) String() string {
	if f.Off < 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s: at byte %d: %s", f.File, f.Off, f.What)
}

// Summary is the result of [Verify].
type Summary struct {
	Files   int
	Bytes   int64
	Lines   int64 // with names
	Repeats int64 // of these, duplicates
	Unnamed int64 // bytes without names, such as lines without envelope
	Damaged int64 // bytes that differ from what was written, or that no index describes
	// Missing are the lines that are in no file, and have not come as far as the ledgers know.
	Missing []Missing
	// Gone is the number of lines that are in no file, but have come: a filter left them out, or their
	// files were removed.
	Gone uint64
	// NoLedger are the logs without a ledger. Of these only gaps between lines in the files are known.
	NoLedger []string
}

// Missing is a range of lines that are in no file of a log.
type Missing struct {
	Template string
	Label    string
	Origin   envelope.Origin
	envelope.Span
}

// Verify compares the log files below a directory, or one file, with their indexes. It calls report
// with what is wrong; gaps are in the summary. The error is a read error. A file that is being
// written may be ahead of its index or behind it.
func Verify(disk fsutil.FS, path string, report func(*Finding)) (Summary, error) {
	indexes, err := list(disk, path, false)
	if err != nil {
		return Summary{}, err
	}
	if len(indexes) == 0 {
		return Summary{}, errNoIndexes(path)
	}
	v := &verifier{disk: disk, root: path, report: report, logs: make(map[string]lineSet), ledger: make(map[string]*Ledger)}
	for _, file := range indexes {
		if err := v.file(file); err != nil {
			return v.sum, fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := v.readLedgers(); err != nil {
		return v.sum, err
	}
	v.missing()
	return v.sum, nil
}

func errNoIndexes(path string) error {
	return fmt.Errorf("%s has no indexes: set envelope = \"index\" to write them (as .FILE%s)", path, indexExt)
}

// list returns the log files below a path that have an index, sorted. With unfinished, these
// include files whose new index an interrupted fill has not yet put in place.
func list(disk fsutil.FS, path string, unfinished bool) ([]string, error) {
	st, err := disk.Stat(path)
	if err != nil && compressedOf(disk, path) == "" {
		return nil, err
	}
	if err != nil || !st.IsDir() {
		if _, err := disk.Stat(Path(path)); err != nil {
			return nil, fmt.Errorf("%s has no index: set envelope = \"index\" to write one: %w", path, err)
		}
		return []string{plain(path)}, nil
	}
	var files []string
	err = fsutil.WalkDir(disk, path, func(p string, d fs.DirEntry, err error) error {
		if next, ok := strings.CutSuffix(p, nextExt); ok && unfinished {
			p = next + indexExt
		}
		if file, ok := fileOf(p); err == nil && ok && d.Type().IsRegular() {
			files = append(files, file)
		}
		return err
	})
	slices.Sort(files)
	return slices.Compact(files), err
}

type verifier struct {
	disk   fsutil.FS
	root   string
	report func(*Finding)
	sum    Summary
	logs   map[string]lineSet // by logKey
	ledger map[string]*Ledger // the same
}

func (v *verifier) reportf(file string, off int64, format string, args ...any) {
	v.report(&Finding{file, off, fmt.Sprintf(format, args...)})
}

func (v *verifier) file(file string) error {
	v.sum.Files++
	f, err := v.disk.OpenFile(Path(file), os.O_RDONLY, 0, false)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	if _, ok, err := readHeader(f); err != nil || !ok {
		v.reportf(file, -1, "its index is not an index")
		return err
	}
	content, err := openContent(v.disk, file)
	if errors.Is(err, fs.ErrNotExist) {
		v.reportf(file, -1, "the index has no file")
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // it is only read
	c := &comparison{
		verifier: v, file: file, in: bufio.NewReaderSize(content, 256<<10),
		r: &reader{s: newScanner(io.NewSectionReader(f, headerLen, 1<<62), headerLen)},
	}
	ended, err := c.batches()
	if err != nil || ended {
		return err
	}
	rest, err := io.Copy(io.Discard, c.in)
	if rest > 0 {
		v.reportf(file, c.at, "%d bytes are not in the index", rest)
		v.sum.Damaged += rest
	}
	v.sum.Bytes += c.at + rest
	return err
}

type comparison struct {
	*verifier
	file string
	in   *bufio.Reader // the content
	at   int64         // how much of it has been read
	r    *reader       // the index
	data []byte
}

// batches compares all batches with the content. It reports whether the content ended before the
// index.
func (c *comparison) batches() (ended bool, err error) {
	for {
		b, err := c.r.next()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case errors.Is(err, ErrDamaged):
			c.reportf(c.file, c.at, "the index is damaged from here on: %v", err)
			return false, nil
		case err != nil:
			return false, err
		}
		if b.start != c.at {
			c.reportf(c.file, c.at, "the index continues at byte %d", b.start)
			c.sum.Damaged += max(0, b.start-c.at)
			if b.start < c.at {
				return true, nil
			}
			if _, err := io.CopyN(io.Discard, c.in, b.start-c.at); err != nil && !errors.Is(err, io.EOF) {
				return false, err
			}
		}
		n, err := c.compare(b)
		if err != nil {
			return false, err
		}
		if c.at = b.start + n; n < b.n {
			return true, nil
		}
	}
}

// compare compares a batch with the content, and returns how many bytes of the batch that has.
func (c *comparison) compare(b *batch) (n int64, err error) {
	if b.isUnnamed() {
		n, err := io.CopyN(io.Discard, c.in, b.n)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		c.sum.Unnamed += n
		if n < b.n {
			c.short(c.file, b.start+n, b.n-n)
		}
		return n, nil
	}
	c.data = slices.Grow(c.data[:0], int(b.n))[:b.n]
	k, err := io.ReadFull(c.in, c.data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return int64(k), err
	}
	c.lines(b, c.data[:k])
	return int64(k), nil
}

// short reports that a file lacks bytes that its index describes.
func (v *verifier) short(file string, at, n int64) {
	v.reportf(file, at, "the file ends here; its index describes %d more bytes", n)
	v.sum.Damaged += n
}

// lines compares the lines of a batch with the content in its place.
func (c *comparison) lines(b *batch, data []byte) {
	v, file := c.verifier, c.file
	switch {
	case int64(len(data)) < b.n:
		v.short(file, b.start+int64(len(data)), b.n-int64(len(data)))
	case b.checked && crc32.Checksum(data, castagnoli) != b.crc:
		v.reportf(file, b.start, "%d bytes differ from what was written", b.n)
		v.sum.Damaged += b.n
	}
	key := c.r.d.template
	if name, err := filepath.Rel(v.root, file); err == nil && name != "." {
		key = logKey(name, key)
	}
	seen := v.logs[key]
	if seen == nil {
		seen = lineSet{}
		v.logs[key] = seen
	}
	for i := range b.lines {
		l := &b.lines[i]
		if l.Name == nil {
			v.sum.Unnamed += l.Len
			continue
		}
		v.sum.Lines++
		if end := l.Off + l.Len - b.start; end <= int64(len(data)) && (l.Len == 0 || data[end-1] != '\n') {
			v.reportf(file, l.Off, "no line ends where the index says")
		}
		if !seen.add(l) {
			v.sum.Repeats++
			o, _ := envelope.ParseOrigin([]byte(l.Name.Key))
			v.reportf(file, l.Off, "line %d of stream %d of %s (epoch %d) is a duplicate", l.Seq, o.Stream, o.Publisher, o.Epoch)
		}
	}
}

// logKey identifies the log of a file, wherever its tree is on this host: it is the end of the
// template, with as many elements as the name of the file.
func logKey(name, template string) string {
	return lastElements(template, depth(name))
}

// lastElements returns the last n elements of a path.
func lastElements(path string, n int) string {
	elements := strings.Split(path, "/")
	return strings.Join(elements[len(elements)-min(len(elements), n):], "/")
}
