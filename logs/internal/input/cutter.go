package input

import "bytes"

// Cutter makes whole lines of at most Max bytes, newline included, out of what is read. Longer lines are cut.
type Cutter struct {
	Max       int
	Lines     int // whole ones at present
	Truncated int // of these, those that were cut

	buf   []byte // whole lines, then the start of one whose end has not come
	start int    // where that one starts in buf
	long  bool   // it has reached Max, and the rest of it is skipped
}

// Add appends what was read.
func (c *Cutter) Add(read []byte) {
	for len(read) > 0 {
		text, rest, ended := bytes.Cut(read, []byte{'\n'})
		if room := c.Max - 1 - (len(c.buf) - c.start); len(text) > room {
			text, c.long = text[:room], true
		}
		c.buf = append(c.buf, text...)
		if ended {
			c.end()
		}
		read = rest
	}
}

// end ends the line that has started.
func (c *Cutter) end() {
	c.buf = append(c.buf, '\n')
	c.start = len(c.buf)
	c.Lines++
	if c.long {
		c.Truncated++
		c.long = false
	}
}

// Finish ends a last line that has no newline.
func (c *Cutter) Finish() {
	if len(c.buf) > c.start {
		c.end()
	}
}

// Whole returns the whole lines. They stay valid until Forget.
func (c *Cutter) Whole() []byte { return c.buf[:c.start] }

// Forget removes the whole lines.
func (c *Cutter) Forget() {
	c.buf = append(c.buf[:0], c.buf[c.start:]...)
	c.start, c.Lines, c.Truncated = 0, 0, 0
}
