package lineindex

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Source is where log files and their indexes are read: a directory ([Dir]), or another log host
// (package peer).
type Source interface {
	// List returns the log files that have an index, sorted by name.
	List() ([]Entry, error)
	// Index opens the index of a file.
	Index(name string) (io.ReadCloser, error)
	// Content opens the content of a file, unpacked, from a logical offset on.
	Content(name string, off int64) (io.ReadCloser, error)
}

// Entry is a log file with an index.
type Entry struct {
	// Name is the path below the directory, with slashes, without the extension of a compressed
	// file.
	Name string
	// IndexBytes is the length of the index.
	IndexBytes int64
	// Age is how long ago the index was changed.
	Age time.Duration
}

// Dir is the [Source] of a directory.
type Dir struct {
	Disk fsutil.FS
	Root string
	// Match, if not nil, selects files by their paths.
	Match func(path string) bool
}

// OSDir returns a directory of the file system of the operating system.
func OSDir(root string) Dir { return Dir{Disk: fsutil.OS{}, Root: root} }

// List implements [Source].
func (d Dir) List() ([]Entry, error) {
	files, err := list(d.Disk, d.Root, false)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(files))
	for _, file := range files {
		st, err := d.Disk.Stat(Path(file))
		name, rerr := filepath.Rel(d.Root, file)
		if err != nil || rerr != nil || d.Match != nil && !d.Match(file) {
			continue // it was removed meanwhile
		}
		entries = append(entries, Entry{filepath.ToSlash(name), st.Size(), time.Since(st.ModTime())})
	}
	return entries, nil
}

func (d Dir) path(name string) string { return filepath.Join(d.Root, filepath.FromSlash(name)) }

// Index implements [Source].
func (d Dir) Index(name string) (io.ReadCloser, error) {
	return d.Disk.OpenFile(Path(d.path(name)), os.O_RDONLY, 0, false)
}

// Content implements [Source].
func (d Dir) Content(name string, off int64) (io.ReadCloser, error) {
	r, err := openContent(d.Disk, d.path(name))
	if err != nil {
		return nil, err
	}
	if f, ok := r.(io.Seeker); ok {
		_, err = f.Seek(off, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, off)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func names(entries []Entry) []string {
	list := make([]string, len(entries))
	for i := range entries {
		list[i] = entries[i].Name
	}
	return list
}

// isBelow reports whether a name of an [Entry] stays below its directory.
func isBelow(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && !strings.HasPrefix(filepath.Base(name), ".")
}

// String returns the directory.
func (d Dir) String() string { return d.Root }
