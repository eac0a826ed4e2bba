package eventlog

import (
	"fmt"
	"os"
	"sync"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// File is a log file that can be reopened. It is safe for concurrent use.
type File struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// OpenFile opens a file for appending and creates it if necessary.
func OpenFile(path string) (*File, error) {
	l := &File{path: path}
	f, err := l.open()
	if err != nil {
		return nil, err
	}
	l.f = f
	return l, nil
}

func (l *File) open() (*os.File, error) {
	f, err := fsutil.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644, true)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log file: %w; create its directory and make it writable", err)
	}
	return f, nil
}

// Write appends to the file.
func (l *File) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(b)
}

// Reopen opens the path again after the file has been moved. If that fails, the old file stays in
// use.
func (l *File) Reopen() error {
	f, err := l.open()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.f
	l.f = f
	return old.Close()
}

// Close closes the file.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
