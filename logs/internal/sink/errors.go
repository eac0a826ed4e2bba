package sink

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// ErrLocked means that another program writes the file.
var ErrLocked = errors.New("another program has the file locked")

// Error is what went wrong with a file.
type Error struct {
	Op     string // "opening", "writing", "syncing", "rotating", "indexing", "closing"
	Path   string
	Err    error
	Advice string // what to do about it; may be empty
}

// Error says all of it in one line.
func (e *Error) Error() string {
	s := e.Op + " " + e.Path + ": " + e.Err.Error()
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// opIndexing is the Op of what goes wrong with a journal, which has files of its own.
const opIndexing = "indexing"

// failed wraps an error of the file with advice.
func (f *File) failed(op string, err error) *Error {
	advice := ""
	switch {
	case errors.Is(err, ErrLocked):
		advice = "end it, or leave files unlocked if both may write"
	case errors.Is(err, fs.ErrNotExist):
		advice = "make the directory " + cmp.Or(f.opt.Base, filepath.Dir(f.path))
	case errors.Is(err, fs.ErrPermission):
		advice = "let the user of this program write there"
	case errors.Is(err, ErrBusy):
		advice = "lines wait in memory meanwhile"
	case errors.Is(err, syscall.ENOSPC):
		advice = "free some space; lines wait in memory meanwhile"
	case errors.Is(err, syscall.EISDIR):
		advice = "name a file in it"
	}
	// The path stands in our message already.
	if pe, ok := errors.AsType[*fs.PathError](err); ok && op != opIndexing {
		err = pe.Err
	}
	return &Error{op, f.path, err, advice}
}
