package conf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a file.
type Pos struct {
	File string
	Line int // from 1; 0 if not known
	Col  int // from 1, in bytes
}

// String returns "file:line:col".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}

// Error is one mistake.
type Error struct {
	Pos     Pos
	Problem string
	Advice  string // what to do about it; may be empty
}

// Error implements error: "file:line:col: problem; advice".
func (e *Error) Error() string {
	s := e.Pos.String() + ": " + e.Problem
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Errors are all mistakes, in the order of the file.
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

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}

// resembling returns the key that an unknown one may be meant for: one that
// differs in case or in hyphens, or by one letter.
func resembling(word string, known []string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
	}
	for _, k := range known {
		if plain(k) == plain(word) {
			return k
		}
	}
	for _, k := range known {
		if len(word) > 2 && oneEdit(plain(word), plain(k)) {
			return k
		}
	}
	return ""
}

// oneEdit reports whether a becomes b by one letter that is wrong, missing or
// too many.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}
