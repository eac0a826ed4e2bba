package lineindex

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// cursor iterates over the lines of the files of a series, one file after the other.
type cursor struct {
	src   Source
	files []Entry
	i     int // index of the current file
	// whole reports which files are read as a whole, so that nothing behind their index is
	// overlooked; nil means none.
	whole func(i int) bool
	limit int64 // how many lines are read, with or without a name; zero means all

	n       int64 // how many have been read
	r       *reader
	index   io.ReadCloser
	content io.ReadCloser
	in      *bufio.Reader // content
	at      int64         // how much of the content has been read
	b       *batch
	k       int // index of the current line in b.lines
	loaded  *batch
	data    []byte // of the loaded batch
	bad     bool   // data differs from what was written
}

// head returns the current line; nil at the end or the limit.
func (c *cursor) head() (*Line, error) {
	if c.limit > 0 && c.n >= c.limit {
		return nil, nil
	}
	for c.b == nil || c.k >= len(c.b.lines) {
		if c.i >= len(c.files) {
			return nil, nil
		}
		if c.r == nil {
			if err := c.open(); err != nil {
				return nil, err
			}
		}
		c.loaded = nil
		b, err := c.r.next()
		if err == nil {
			c.b, c.k = b, 0
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

// name returns the name of the current file.
func (c *cursor) name() string { return c.files[c.i].Name }

func (c *cursor) advance() { c.k, c.n = c.k+1, c.n+1 }

// nextFile ends a file. One that is read as a whole must not be longer than its index describes.
func (c *cursor) nextFile() error {
	if c.in != nil && c.whole != nil && c.whole(c.i) {
		if c.b != nil {
			if err := c.seek(c.b.end()); err != nil { // its last lines may not have been read
				return err
			}
		}
		if _, err := c.in.Peek(1); !errors.Is(err, io.EOF) {
			return cmp.Or(err, fmt.Errorf("%s is longer than its index, which ends at byte %d: %w", c.files[c.i].Name, c.at, ErrDamaged))
		}
	}
	c.i++
	return c.close()
}

func (c *cursor) open() (err error) {
	if c.index, err = c.src.Index(c.files[c.i]); err != nil {
		return err
	}
	var head [headerLen]byte
	if _, err := io.ReadFull(c.index, head[:]); err != nil || string(head[:len(magic)]) != magic {
		return fmt.Errorf("the index of %s: %w", c.files[c.i].Name, ErrDamaged)
	}
	c.r = &reader{s: newScanner(c.index, headerLen)}
	if c.whole != nil && c.whole(c.i) {
		return c.seek(0)
	}
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
	c.index, c.content, c.in, c.r, c.b, c.loaded = nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// isUnnamed reports whether a batch is bytes without names.
func (b *batch) isUnnamed() bool { return len(b.lines) == 1 && b.lines[0].Name == nil }

// skipBytes is how much of the content is read and discarded rather than opened anew behind it.
const skipBytes = 1 << 20

// seek moves to an offset of the content.
func (c *cursor) seek(to int64) error {
	if c.in != nil && to >= c.at && to-c.at < skipBytes {
		n, err := io.CopyN(io.Discard, c.in, to-c.at)
		if c.at += n; err != nil {
			return c.short(err)
		}
		return nil
	}
	if c.content != nil {
		if err := c.content.Close(); err != nil {
			return err
		}
	}
	content, err := c.src.Content(c.files[c.i], to)
	if c.content = content; err != nil {
		c.content, c.in = nil, nil
		return err
	}
	c.in, c.at = bufio.NewReaderSize(content, 256<<10), to
	return nil
}

// load reads the bytes of the batch, unless they have no names.
func (c *cursor) load() error {
	if err := c.seek(c.b.start); err != nil || c.b.isUnnamed() {
		return err
	}
	c.data = slices.Grow(c.data[:0], int(c.b.n))[:c.b.n]
	n, err := io.ReadFull(c.in, c.data)
	if c.at += int64(n); err != nil {
		return c.short(err)
	}
	c.bad = c.b.checked && crc32.Checksum(c.data, castagnoli) != c.b.crc
	c.loaded = c.b
	return nil
}

func (c *cursor) short(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading %s: %w", c.files[c.i].Name, err)
	}
	return fmt.Errorf("%s ends at byte %d, before its index does: %w", c.files[c.i].Name, c.at, ErrDamaged)
}

// bytes returns the current line. Its bytes are valid until the next call of head.
func (c *cursor) bytes() ([]byte, error) {
	if c.loaded != c.b {
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	l := &c.b.lines[c.k]
	return c.data[l.Off-c.b.start : l.Off-c.b.start+l.Len], nil
}

// collect adds all lines of files that have names.
func collect(src Source, files []Entry, to lineSet) error {
	return (&cursor{src: src, files: files}).collect(to)
}

// collect adds all lines that have names, and closes the cursor.
func (c *cursor) collect(to lineSet) error {
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
