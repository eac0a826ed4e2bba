package logpub

import "bytes"

// cutter makes whole lines out of what is read, none longer than max bytes.
type cutter struct {
	max       int
	buf       []byte // lines, then the beginning of one whose end has not come
	start     int    // where that one begins in buf
	lines     int    // whole ones in buf
	truncated int    // of these
	long      bool   // the one that has begun is over max, and the rest of it is passed over
}

// add appends what was read.
func (c *cutter) add(chunk []byte) {
	for len(chunk) > 0 {
		text, rest, ended := bytes.Cut(chunk, []byte{'\n'})
		if room := c.max - 1 - (len(c.buf) - c.start); len(text) > room {
			text, c.long = text[:room], true
		}
		c.buf = append(c.buf, text...)
		if ended {
			c.end()
		}
		chunk = rest
	}
}

// end ends the line that has begun.
func (c *cutter) end() {
	c.buf = append(c.buf, '\n')
	c.start = len(c.buf)
	c.lines++
	if c.long {
		c.truncated++
		c.long = false
	}
}

// finish ends the last line, if its newline did not come.
func (c *cutter) finish() {
	if len(c.buf) > c.start {
		c.end()
	}
}

// whole returns the lines that are whole, until the next call of forget.
func (c *cutter) whole() []byte { return c.buf[:c.start] }

// forget removes the whole lines.
func (c *cutter) forget() {
	c.buf = append(c.buf[:0], c.buf[c.start:]...)
	c.start, c.lines, c.truncated = 0, 0, 0
}
