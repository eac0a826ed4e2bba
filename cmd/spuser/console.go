package main

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxInput is the number of bytes of a line that are read. The rest is skipped.
const maxInput = 128 << 10

// console is the source of commands and the destination of text. Its methods are called from one
// goroutine.
type console interface {
	// Ask shows a prompt and starts to read a line, which Lines then returns. Only one line is
	// asked for at a time.
	Ask(prompt string)
	// Lines returns each line that was asked for.
	Lines() <-chan inputLine
	// Print shows text. It cancels a line that is being asked for, and no other may be asked for
	// afterwards.
	Print(text string)
	// Interject shows text while a line is being asked for, then the last line of the prompt again,
	// with the answer as far as it is typed.
	Interject(text string)
	// Close restores the terminal. No line may be asked for afterwards.
	Close()
}

// inputLine is one line of input.
type inputLine struct {
	// Text is the line with its newline, which only the last line of an input may lack.
	Text string
	// Err is io.EOF at the end of the input, or the error of reading it.
	Err error
}

// plainConsole reads a pipe or file, or a terminal without line editing.
type plainConsole struct {
	out    io.Writer
	asked  chan struct{}
	lines  chan inputLine
	prompt string // its last line
}

// newPlainConsole returns a console that reads in and writes prompts and text to out as the
// original does. A pending read does not keep the program from ending.
func newPlainConsole(in io.Reader, out io.Writer) console {
	// The buffers let the reader go on when nobody takes its line any more.
	c := &plainConsole{out: out, asked: make(chan struct{}, 1), lines: make(chan inputLine, 1)}
	go func() {
		r := bufio.NewReaderSize(in, maxInput)
		for range c.asked {
			c.lines <- readLine(r)
		}
	}()
	return c
}

func readLine(r *bufio.Reader) inputLine {
	b, err := r.ReadSlice('\n')
	text := string(b)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if text != "" && errors.Is(err, io.EOF) {
		err = nil // the next read reports the end
	}
	return inputLine{text, err}
}

func (c *plainConsole) Ask(prompt string) {
	c.Print(prompt)
	c.prompt = lastLine(prompt)
	c.asked <- struct{}{}
}

func (c *plainConsole) Lines() <-chan inputLine { return c.lines }

func (c *plainConsole) Interject(text string) { c.Print(text + "\n" + c.prompt) }

func (c *plainConsole) Close() { close(c.asked) }

func (c *plainConsole) Print(text string) {
	_, _ = io.WriteString(c.out, text) // there is no other place to report an error
}

// lastLine returns the part of a prompt after its last newline.
func lastLine(prompt string) string {
	return prompt[strings.LastIndexByte(prompt, '\n')+1:]
}
