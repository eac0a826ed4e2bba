package conf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a file. The zero value is no place.
type Pos struct {
	File string // as named by the caller
	Line int    // from 1; 0 if the place in the file is not known
	Col  int    // from 1, in bytes
}

// IsValid reports whether the line is known.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String returns "FILE:LINE:COLUMN", or "FILE" if the line is not known.
func (p Pos) String() string {
	if !p.IsValid() {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}

// Compare orders the places of one file.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Code names a kind of error for programs. The texts are stable.
type Code string

// Error is one mistake in a file: where it is, what is wrong and what to do about it. Only Problem
// is always set.
type Error struct {
	Pos      Pos
	Token    string // the offending text as it is in the file
	Code     Code
	Problem  string
	Expected string // what would have been valid there
	Advice   string // what to do
	Err      error  // the cause, if it came from outside, such as the resolver
}

// Error returns "FILE:LINE:COLUMN: problem, expected EXPECTED: cause; advice".
func (e *Error) Error() string {
	s := e.Problem
	if at := e.Pos.String(); at != "" {
		s = at + ": " + s
	}
	if e.Expected != "" {
		s += ", expected " + e.Expected
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors are all mistakes in a file, in the order of their places.
type Errors []*Error

// Error returns one line for each mistake.
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

// Sort orders the mistakes by their places.
func (e Errors) Sort() {
	slices.SortStableFunc(e, func(a, b *Error) int { return a.Pos.Compare(b.Pos) })
}

// Warning is about something that is accepted, but may not mean what its author thinks.
type Warning struct {
	Pos  Pos
	Code Code // may be empty
	Text string
}

// String returns "FILE:LINE:COLUMN: warning: text (code)".
func (w Warning) String() string {
	s := "warning: " + w.Text
	if at := w.Pos.String(); at != "" {
		s = at + ": " + s
	}
	if w.Code != "" {
		s += " (" + string(w.Code) + ")"
	}
	return s
}

// SortWarnings orders warnings by their places.
func SortWarnings(list []Warning) {
	slices.SortStableFunc(list, func(a, b Warning) int { return a.Pos.Compare(b.Pos) })
}
