package spuser

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxInput is how many bytes of a line are read; the rest is skipped.
const maxInput = 128 << 10

// Console is where commands come from and text goes to. [Run] calls its
// methods from one goroutine.
type Console interface {
	// Ask shows a prompt and starts to read a line, which comes from Lines.
	// Nothing more is asked before it has come.
	Ask(prompt string)
	// Lines gives each line that was asked for.
	Lines() <-chan Line
	// Print shows text. If a line is being asked for, that is given up: no
	// line is taken any more, and none asked for.
	Print(text string)
	// Interject shows text while a line is being asked for, and then the
	// last line of the prompt again, with what is typed of an answer.
	Interject(text string)
	// Close gives back what the console holds. Nothing is asked any more.
	Close()
}

// Line is one line of input.
type Line struct {
	// Text is the line with its newline, which only the last of an input
	// may lack.
	Text string
	// Err is io.EOF at the end of input, or why it cannot be read.
	Err error
}

// plainConsole reads from a pipe or file, or from a terminal without help.
type plainConsole struct {
	out    io.Writer
	asked  chan struct{}
	lines  chan Line
	prompt string // its last line
}

// NewPlainConsole returns a console that reads in and writes prompts and text
// to out as the original does. A read under way does not keep Run from
// returning.
func NewPlainConsole(in io.Reader, out io.Writer) Console {
	// The buffers let the reader go on when Run takes no line any more.
	c := &plainConsole{out: out, asked: make(chan struct{}, 1), lines: make(chan Line, 1)}
	go func() {
		r := bufio.NewReaderSize(in, maxInput)
		for range c.asked {
			c.lines <- readLine(r)
		}
	}()
	return c
}

func readLine(r *bufio.Reader) Line {
	b, err := r.ReadSlice('\n')
	text := string(b)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if text != "" && errors.Is(err, io.EOF) {
		err = nil // the end comes with the next line
	}
	return Line{text, err}
}

// Ask implements [Console].
func (c *plainConsole) Ask(prompt string) {
	c.Print(prompt)
	c.prompt = lastLine(prompt)
	c.asked <- struct{}{}
}

// Lines implements [Console].
func (c *plainConsole) Lines() <-chan Line { return c.lines }

// Interject implements [Console].
func (c *plainConsole) Interject(text string) { c.Print(text + "\n" + c.prompt) }

// Close implements [Console].
func (c *plainConsole) Close() { close(c.asked) }

// Print implements [Console].
func (c *plainConsole) Print(text string) {
	_, _ = io.WriteString(c.out, text) // nobody is left to be told
}

// lastLine returns what a prompt has behind its last newline.
func lastLine(prompt string) string {
	return prompt[strings.LastIndexByte(prompt, '\n')+1:]
}
