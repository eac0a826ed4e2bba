package logfile

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// ErrLocked means that another program writes the file.
var ErrLocked = errors.New("another program has the file locked")

// Error is a failed operation on a log file.
type Error struct {
	Op     string // "opening", "writing", "syncing", "rotating", "indexing", "closing"
	Path   string
	Err    error
	Advice string // what to do about it; may be empty
}

// Error returns the whole error in one line.
func (e *Error) Error() string {
	s := e.Op + " " + e.Path + ": " + e.Err.Error()
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// opIndexing is the Op of errors of a [Journal], which has files of its own.
const opIndexing = "indexing"

// failed wraps an error of the file and adds advice.
func (f *File) failed(op string, err error) *Error {
	advice := ""
	switch {
	case errors.Is(err, ErrLocked):
		advice = "end it, or leave files unlocked if both may write"
	case errors.Is(err, fs.ErrNotExist):
		advice = "make the directory " + cmp.Or(f.opt.Base, filepath.Dir(f.path))
	case errors.Is(err, fs.ErrPermission):
		advice = "let the user of this program write there"
	case errors.Is(err, syscall.ENOSPC):
		advice = "free some space; lines wait in memory meanwhile"
	case errors.Is(err, os.ErrDeadlineExceeded):
		advice = "read the pipe; lines wait in memory meanwhile"
	case errors.Is(err, syscall.EISDIR):
		advice = "name a file in it"
	case errors.Is(err, fsutil.ErrNotFile):
		advice = "remove it, or name another file"
	}
	// The message already contains the path.
	if pe, ok := errors.AsType[*fs.PathError](err); ok && op != opIndexing {
		err = pe.Err
	}
	return &Error{op, f.path, err, advice}
}
