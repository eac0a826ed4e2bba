package show

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// Style colors text, or leaves it alone. The zero value does that.
type Style struct{ on bool }

// The colors are those of the terminal's palette.
const (
	bold   = "1"
	faint  = "2"
	red    = "1;31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s Style) paint(color, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// Strong makes what matters stand out.
func (s Style) Strong(text string) string { return s.paint(bold, text) }

// Good colors what agrees.
func (s Style) Good(text string) string { return s.paint(green, text) }

// Bad colors what differs.
func (s Style) Bad(text string) string { return s.paint(red, text) }

// NewStyle returns the style for "always", "never" or "auto": on a terminal, unless NO_COLOR is set.
func NewStyle(when string, out io.Writer) Style {
	switch when {
	case "always":
		return Style{true}
	case "never":
		return Style{}
	}
	return Style{Terminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// ParseWhen reads a value of -color.
func ParseWhen(text string) (string, error) {
	switch text {
	case "auto", "always", "never":
		return text, nil
	}
	return "", errors.New("want auto, always or never")
}

// Terminal reports whether a stream is a terminal.
func Terminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
