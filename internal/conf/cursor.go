package conf

import (
	"regexp"
	"strings"
)

// Text returns the content of a file without the byte order mark that editors of some systems put
// in front.
func Text(src []byte) string { return strings.TrimPrefix(string(src), "\ufeff") }

// Cursor moves through the text of a file and knows its place there.
type Cursor struct {
	File string // for messages
	Text string
	Off  int // of the next byte; it never goes back over a newline

	lines     int // before lineStart
	lineStart int // of the line of the last place
}

// Pos returns the place of the next byte.
func (c *Cursor) Pos() Pos {
	passed := c.Text[c.lineStart:c.Off]
	c.lines += strings.Count(passed, "\n")
	c.lineStart += strings.LastIndexByte(passed, '\n') + 1
	return Pos{File: c.File, Line: c.lines + 1, Col: c.Off - c.lineStart + 1}
}

// Rest returns what has not been passed.
func (c *Cursor) Rest() string { return c.Text[c.Off:] }

// Pass passes what an expression matches, which must begin with ^, and returns it.
func (c *Cursor) Pass(expression *regexp.Regexp) string {
	s := expression.FindString(c.Rest())
	c.Off += len(s)
	return s
}

// Take passes a sign if it is next.
func (c *Cursor) Take(sign string) bool {
	ok := strings.HasPrefix(c.Rest(), sign)
	if ok {
		c.Off += len(sign)
	}
	return ok
}

var space = regexp.MustCompile(`^(?:[ \t\r\n]|#[^\n]*)*`)

// Space passes white space and comments, which begin with # and end with their line.
func (c *Cursor) Space() { c.Pass(space) }
