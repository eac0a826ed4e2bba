package syslog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// ErrFraming means that a stream with octet counting has an invalid length. There is no way to resynchronize.
var ErrFraming = errors.New("syslog: message does not start with its length")

// framer reads the messages of a stream.
type framer struct {
	r       *bufio.Reader
	max     int
	began   bool
	counted bool
	buf     []byte
}

func newFramer(r io.Reader, most int) *framer {
	return &framer{r: bufio.NewReaderSize(r, 64<<10), max: most}
}

// next returns the next message and whether it was cut. The message is valid until the next call. The error at the end is io.EOF.
// With framing by newlines, an unfinished message at the end counts as a message.
func (f *framer) next() (message []byte, cut bool, err error) {
	if !f.began {
		if err := f.begin(); err != nil {
			return nil, false, err
		}
	}
	if f.counted {
		return f.nextCounted()
	}
	f.buf = f.buf[:0]
	for {
		c, err := f.r.ReadByte()
		switch {
		case err != nil && len(f.buf) > 0:
			return f.buf, cut, nil // the error comes again
		case err != nil:
			return nil, false, err
		case c == '\n' || c == 0:
			if len(f.buf) > 0 {
				return f.buf, cut, nil
			}
		case len(f.buf) < f.max:
			f.buf = append(f.buf, c)
		default:
			cut = true
		}
	}
}

// begin decides on the framing.
func (f *framer) begin() error {
	for n := 1; n <= 11; n++ {
		b, err := f.r.Peek(n)
		if err != nil {
			if len(b) == 0 {
				return err
			}
			break
		}
		c := b[n-1]
		if c >= '0' && c <= '9' && (n > 1 || c != '0') {
			continue
		}
		if c == ' ' && n > 1 {
			b, _ := f.r.Peek(n + 1)
			f.counted = len(b) > n && b[n] == '<'
		}
		break
	}
	f.began = true
	return nil
}

func (f *framer) nextCounted() (message []byte, cut bool, err error) {
	n, digits := 0, 0
	for {
		c, err := f.r.ReadByte()
		switch {
		case err != nil && digits == 0:
			return nil, false, err
		case err != nil:
			return nil, false, fmt.Errorf("%w: %w", ErrFraming, err)
		case c == ' ' && digits > 0:
		case digits == 0 && (c == '\n' || c == '\r'):
			continue // some send one as well
		case c < '0' || c > '9' || digits == 9 || digits == 0 && c == '0':
			return nil, false, ErrFraming
		default:
			n, digits = n*10+int(c-'0'), digits+1
			continue
		}
		break
	}
	f.buf = append(f.buf[:0], make([]byte, min(n, f.max))...)
	if _, err := io.ReadFull(f.r, f.buf); err != nil {
		return nil, false, fmt.Errorf("syslog: message of %d bytes is cut short: %w", n, err)
	}
	if n > f.max {
		_, _ = f.r.Discard(n - f.max) // the next read meets the error
	}
	return f.buf, n > f.max, nil
}
