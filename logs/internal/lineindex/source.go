package lineindex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	Index(e Entry) (io.ReadCloser, error)
	// Content opens the content of a file, unpacked, from a logical offset on.
	Content(e Entry, off int64) (io.ReadCloser, error)
}

// Entry is a log file with an index.
type Entry struct {
	// Name is the path below the directory, with slashes, without the extension of a compressed
	// file.
	Name string
	// Generation is that of the index, by which the file is found again after it was renamed; 0
	// stands for whatever has the name.
	Generation uint64
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
		name, err := filepath.Rel(d.Root, file)
		if err != nil || d.Match != nil && !d.Match(file) {
			continue
		}
		e := Entry{Name: filepath.ToSlash(name)}
		st, err := d.Disk.Stat(Path(file))
		if err == nil {
			e.Age = time.Since(st.ModTime())
			e.Generation, err = d.generation(file)
		}
		if err == nil {
			entries = append(entries, e)
		} else if !errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			return nil, err
		}
	}
	return entries, nil
}

func (d Dir) path(name string) string { return filepath.Join(d.Root, filepath.FromSlash(name)) }

// generation returns the generation of the index of a file; 0 if it is damaged.
func (d Dir) generation(file string) (uint64, error) {
	f, err := d.Disk.OpenFile(Path(file), os.O_RDONLY, 0, false)
	if err != nil {
		return 0, err
	}
	generation, _, err := readHeader(f)
	return generation, errors.Join(err, f.Close())
}

// find returns the path of a file, which may have been renamed or compressed since it was listed.
func (d Dir) find(e Entry) (string, error) {
	path := d.path(e.Name)
	if e.Generation == 0 {
		return path, nil
	}
	if g, err := d.generation(path); err == nil && g == e.Generation {
		return path, nil
	}
	entries, err := d.Disk.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if file, ok := fileOf(filepath.Join(filepath.Dir(path), entry.Name())); ok && (d.Match == nil || d.Match(file)) {
			if g, err := d.generation(file); err == nil && g == e.Generation {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("%s: %w", path, ErrChanged)
}

// Index implements [Source].
func (d Dir) Index(e Entry) (io.ReadCloser, error) {
	path, err := d.find(e)
	if err != nil {
		return nil, err
	}
	return d.Disk.OpenFile(Path(path), os.O_RDONLY, 0, false)
}

// renameWait is how long the rename of a log file and that of its index may lie apart.
const renameWait = 200 * time.Millisecond

// Content implements [Source].
func (d Dir) Content(e Entry, off int64) (io.ReadCloser, error) {
	for began := time.Now(); ; time.Sleep(renameWait / 20) {
		r, err := d.content(e, off)
		if !errors.Is(err, fs.ErrNotExist) || time.Since(began) >= renameWait {
			return r, err
		}
	}
}

func (d Dir) content(e Entry, off int64) (io.ReadCloser, error) {
	path, err := d.find(e)
	if err != nil {
		return nil, err
	}
	r, err := openContent(d.Disk, path)
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
	// While it was being opened, another file may have got the name.
	if again, err := d.find(e); err != nil || again != path {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrChanged), err, r.Close())
	}
	return r, nil
}

// ErrChanged means that a file was replaced or removed after it was listed.
var ErrChanged = errors.New("the file was replaced or removed meanwhile")

// isBelow reports whether a name of an [Entry] stays below its directory.
func isBelow(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && !strings.HasPrefix(filepath.Base(name), ".")
}

// String returns the directory.
func (d Dir) String() string { return d.Root }
