package spreadlogdconf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a configuration file. The zero value is no place.
type Pos struct {
	File string
	Line int // from 1
	Col  int // from 1, in bytes
}

// IsValid reports whether p is a place.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String returns "file:line:col".
func (p Pos) String() string {
	if !p.IsValid() {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}

func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Error is one mistake in a configuration.
type Error struct {
	Pos     Pos
	Problem string // what is wrong, e.g. `expected "{" after Spread, found "Port"`
	Advice  string // what to do about it; may be empty
}

// Error implements error: "file:line:col: problem; advice".
func (e *Error) Error() string { return diagnostic(e.Pos, e.Problem, e.Advice) }

// Errors are all mistakes that were found, in the order of their places. A
// mistake in the grammar is always the last: what follows it is not read.
type Errors []*Error

// Error implements error, with a line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single mistakes.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// Warning tells of something that is accepted, but may not mean what its
// author thinks, or does not mean the same to spreadlogd.
type Warning struct {
	Pos  Pos
	Text string
}

// String returns "file:line:col: warning: text".
func (w Warning) String() string { return diagnostic(w.Pos, "warning: "+w.Text, "") }

func diagnostic(pos Pos, text, advice string) string {
	if s := pos.String(); s != "" {
		text = s + ": " + text
	}
	if advice != "" {
		text += "; " + advice
	}
	return text
}

func sortErrors(e Errors) {
	slices.SortStableFunc(e, func(a, b *Error) int { return a.Pos.compare(b.Pos) })
}

func sortWarnings(w []Warning) {
	slices.SortStableFunc(w, func(a, b Warning) int { return a.Pos.compare(b.Pos) })
}
