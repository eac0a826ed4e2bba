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
)

// cursor goes through the lines of the files of a series, one file behind the other.
type cursor struct {
	files []string
	i     int // of the file of the head
	// read tells of which files the content is read, too; nil means none.
	read func(i int) bool
	// lenient takes a file that is shorter than its index as far as it goes: it may be a copy of one
	// that was being written.
	lenient bool

	r       *reader
	index   *os.File
	content io.ReadCloser
	in      *bufio.Reader
	at      int64 // how much of the content has been read
	b       *batch
	k       int // of b.lines
	data    []byte
	bad     bool // data is not what was written
}

// head returns the line that comes next; nil at the end.
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

// nextFile ends a file. It has to have no more than its index says.
func (c *cursor) nextFile() error {
	if c.in != nil && !c.lenient {
		if _, err := c.in.Peek(1); !errors.Is(err, io.EOF) {
			return cmp.Or(err, fmt.Errorf("%s has more than its index from byte %d on: %w", c.files[c.i], c.at, ErrDamaged))
		}
	}
	c.i++
	return c.close()
}

func (c *cursor) open() (err error) {
	if c.index, err = os.Open(Path(c.files[c.i])); err != nil {
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
	if c.content, err = openContent(c.files[c.i]); err != nil {
		return err
	}
	c.in = bufio.NewReaderSize(c.content, 256<<10)
	return nil
}

// close closes what is open.
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

// isUnnamed reports whether a batch is bytes of which nothing is known.
func (b *batch) isUnnamed() bool { return len(b.lines) == 1 && b.lines[0].Name == nil }

// load reads the bytes of the batch, unless nothing is known of them.
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
	return fmt.Errorf("%s ends at byte %d, and its index goes on: %w", c.files[c.i], at, ErrDamaged)
}

// bytes returns those of the head.
func (c *cursor) bytes() []byte {
	l := &c.b.lines[c.k]
	return c.data[l.Off-c.b.start : l.Off-c.b.start+l.Len]
}

// collect adds the names of all lines of files.
func collect(files []string, to *names) error {
	c := &cursor{files: files}
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

// merger puts the lines that b has and a lacks between those of a. The order of a stays. A line that only
// b has stands behind those that it follows in b. Where both have lines that the other lacks between two that both have,
// nothing says which row came first but the numbers: a line never stands before the one with the number below. If that does not decide, those
// come first whose first name is less, so that it is the same in whichever direction it is done.
type merger struct {
	a, b           *cursor
	aNames, bNames *names
	own            *names // all that the log has, in other files too
	emitA          func(*Line) error
	emitB          func(*Line) error

	done names
	run  *cursor // whose lines are taken until a common one comes
}

func (m *merger) merge() error {
	for {
		x, err := m.a.head()
		if err != nil {
			return err
		}
		y, err := m.b.head()
		if err != nil {
			return err
		}
		bOnly := false
		if y != nil {
			if y.Name == nil || m.done.has(y) || !m.aNames.has(y) && m.own.has(y) {
				m.b.advance()
				continue
			}
			bOnly = !m.aNames.has(y)
		}
		switch {
		case x == nil && y == nil:
			return nil
		case x == nil && !bOnly: // it is in an index, but was not come upon: a changed meanwhile
			m.b.advance()
		case bOnly && (x == nil || m.bFirst(x, y)):
			if err := m.emitB(y); err != nil {
				return err
			}
			m.done.add(y)
			m.b.advance()
		default:
			if err := m.emitA(x); err != nil {
				return err
			}
			if x.Name != nil {
				m.done.add(x)
				if m.bNames.has(x) {
					m.run = nil
				}
			}
			m.a.advance()
		}
	}
}

// bFirst decides between a line of a and one that only b has.
func (m *merger) bFirst(x, y *Line) bool {
	if x.Name != nil && m.bNames.has(x) {
		return true // it is common, and stands behind y, as far as is known
	}
	switch {
	case before(y, m.aNames, &m.done):
		return false
	case x.Name != nil && before(x, m.bNames, &m.done):
		return true
	case m.run == nil:
		m.run = m.a
		if x.Name != nil && cmp.Or(cmp.Compare(y.Name.Label, x.Name.Label), cmp.Compare(y.Name.Key, x.Name.Key), cmp.Compare(y.Seq, x.Seq)) < 0 {
			m.run = m.b
		}
	}
	return m.run == m.b
}

// before reports whether the line with the number below is among others, and has not been taken.
func before(l *Line, others, done *names) bool {
	prior := Line{Name: l.Name, Seq: l.Seq - 1}
	return l.Seq > 0 && others.has(&prior) && !done.has(&prior)
}
