package lineindex

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// cursor iterates over the lines of the files of a series, one file after the other.
type cursor struct {
	disk  fsutil.FS
	files []string
	i     int // index of the current file
	// read reports for which files the content is read, too; nil means none.
	read func(i int) bool
	// lenient accepts a file that is shorter than its index: it may be a copy of a file that was
	// being written.
	lenient bool

	r       *reader
	index   fsutil.File
	content io.ReadCloser
	in      *bufio.Reader
	at      int64 // how much of the content has been read
	b       *batch
	k       int // index of the current line in b.lines
	data    []byte
	bad     bool // data differs from what was written
}

// head returns the current line; nil at the end.
func (c *cursor) head() (*Line, error) {
	for c.b == nil || c.k >= len(c.b.lines) {
		if c.i >= len(c.files) {
			return nil, nil
		}
		if c.r == nil {
			if err := c.open(); err != nil {
				return nil, err
			}
		}
		b, err := c.r.next()
		if err == nil {
			if c.b, c.k = b, 0; c.in != nil {
				if err = c.load(); err != nil && !(c.lenient && errors.Is(err, ErrDamaged)) {
					return nil, err
				}
			}
		} else if !errors.Is(err, io.EOF) && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		if err != nil {
			if err := c.nextFile(); err != nil {
				return nil, err
			}
		}
	}
	return &c.b.lines[c.k], nil
}

func (c *cursor) advance() { c.k++ }

// nextFile ends a file. The file must not be longer than its index describes.
func (c *cursor) nextFile() error {
	if c.in != nil && !c.lenient {
		if _, err := c.in.Peek(1); !errors.Is(err, io.EOF) {
			return cmp.Or(err, fmt.Errorf("%s is longer than its index, which ends at byte %d: %w", c.files[c.i], c.at, ErrDamaged))
		}
	}
	c.i++
	return c.close()
}

func (c *cursor) open() (err error) {
	if c.index, err = c.disk.OpenFile(Path(c.files[c.i]), os.O_RDONLY, 0, false); err != nil {
		return err
	}
	if _, ok, err := readHeader(c.index); err != nil || !ok {
		return cmp.Or(err, fmt.Errorf("the index of %s: %w", c.files[c.i], ErrDamaged))
	}
	c.r = &reader{s: newScanner(io.NewSectionReader(c.index, headerLen, 1<<62), headerLen)}
	c.at = 0
	if c.read == nil || !c.read(c.i) {
		return nil
	}
	if c.content, err = openContent(c.disk, c.files[c.i]); err != nil {
		return err
	}
	c.in = bufio.NewReaderSize(c.content, 256<<10)
	return nil
}

func (c *cursor) close() error {
	var errs []error
	if c.index != nil {
		errs = append(errs, c.index.Close())
	}
	if c.content != nil {
		errs = append(errs, c.content.Close())
	}
	c.index, c.content, c.in, c.r, c.b = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// isUnnamed reports whether a batch is bytes without names.
func (b *batch) isUnnamed() bool { return len(b.lines) == 1 && b.lines[0].Name == nil }

// load reads the bytes of the batch, unless they have no names.
func (c *cursor) load() error {
	if n, err := io.CopyN(io.Discard, c.in, c.b.start-c.at); err != nil && c.b.start > c.at {
		return c.short(c.at+n, err)
	}
	if c.at = c.b.start; c.b.isUnnamed() {
		return nil
	}
	c.data = slices.Grow(c.data[:0], int(c.b.n))[:c.b.n]
	if n, err := io.ReadFull(c.in, c.data); err != nil {
		return c.short(c.at+int64(n), err)
	}
	c.at = c.b.end()
	c.bad = c.b.checked && crc32.Checksum(c.data, castagnoli) != c.b.crc
	return nil
}

func (c *cursor) short(at int64, err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading %s: %w", c.files[c.i], err)
	}
	return fmt.Errorf("%s ends at byte %d, before its index does: %w", c.files[c.i], at, ErrDamaged)
}

func (c *cursor) bytes() []byte {
	l := &c.b.lines[c.k]
	return c.data[l.Off-c.b.start : l.Off-c.b.start+l.Len]
}

// collect adds all lines of files that have names.
func collect(disk fsutil.FS, files []string, to lineSet) error {
	c := &cursor{disk: disk, files: files}
	for {
		l, err := c.head()
		if err != nil || l == nil {
			return errors.Join(err, c.close())
		}
		if l.Name != nil {
			to.add(l)
		}
		c.advance()
	}
}
