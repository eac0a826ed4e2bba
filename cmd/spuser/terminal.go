package main

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// newConsole returns a console with line editing and history if in and out are a terminal,
// otherwise a plain one ([newPlainConsole]). The history is kept in the file, or only in memory if
// the name is empty or the file cannot be used.
func newConsole(in io.Reader, out io.Writer, historyFile string) console {
	inFD, ok1 := terminalFD(in)
	outFD, ok2 := terminalFD(out)
	if !ok1 || !ok2 || os.Getenv("TERM") == "dumb" {
		return newPlainConsole(in, out)
	}
	c := &terminalConsole{
		out: out, inFD: inFD, outFD: outFD,
		history: openHistory(historyFile),
		lines:   make(chan inputLine, 1), // a canceled line stays there
	}
	c.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, editorOutput{c}}, "")
	c.editor.History = c.history
	return c
}

// terminalFD returns the descriptor of a file if it is a terminal.
func terminalFD(file any) (int, bool) {
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// terminalConsole edits lines on a terminal. The terminal is in raw mode only while a line is being
// asked for. At any other time the interrupt key works as usual and ends a blocked receive.
type terminalConsole struct {
	out         io.Writer
	inFD, outFD int
	editor      *term.Terminal
	history     *history
	lines       chan inputLine

	mu      sync.Mutex
	cooked  *term.State // the state before raw mode; nil outside of it
	givenUp bool        // the editor must not write any more
}

// editorOutput is the writer of the editor. The editor cannot be stopped: it may be about to show
// its prompt when the line is canceled.
type editorOutput struct{ *terminalConsole }

func (c editorOutput) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.givenUp {
		return len(b), nil
	}
	return c.out.Write(b)
}

func (c *terminalConsole) Ask(prompt string) {
	last := lastLine(prompt)
	c.Print(strings.TrimSuffix(prompt, last))
	c.history.keep = prompt == commandPrompt
	state, err := term.MakeRaw(c.inFD)
	if err != nil {
		c.lines <- inputLine{Err: err}
		return
	}
	c.mu.Lock()
	c.cooked = state
	c.mu.Unlock()
	c.editor.SetPrompt(last)
	c.resize()
	go func() {
		text, err := c.editor.ReadLine()
		c.restore()
		c.lines <- inputLine{text + "\n", err}
	}()
}

func (c *terminalConsole) Lines() <-chan inputLine { return c.lines }

func (c *terminalConsole) Interject(text string) {
	c.resize()
	_, _ = io.WriteString(c.editor, text+"\n") // there is no other place to report an error
}

func (c *terminalConsole) Print(text string) {
	if c.restore() {
		c.mu.Lock()
		c.givenUp = true
		c.mu.Unlock()
		text = "\n" + text // below the line that was being typed
	}
	_, _ = io.WriteString(c.out, text)
}

func (c *terminalConsole) Close() { c.restore() }

// restore ends raw mode and reports whether it was on.
func (c *terminalConsole) restore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cooked == nil {
		return false
	}
	_ = term.Restore(c.inFD, c.cooked) // on error the terminal is gone
	c.cooked = nil
	return true
}

// resize sets the width of the terminal in the editor.
func (c *terminalConsole) resize() {
	if width, height, err := term.GetSize(c.outFD); err == nil && width > 0 {
		_ = c.editor.SetSize(width, height)
	}
}
