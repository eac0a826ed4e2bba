package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// ErrLate means that a file does not exist, but its directory does. It is an [fs.ErrNotExist].
var ErrLate = fmt.Errorf("it is read from its beginning once it appears: %w", fs.ErrNotExist)

// Check returns why the file at a path cannot be followed now, or nil. Errors that are
// [fs.ErrNotExist] or [fs.ErrPermission] can pass without a change of the path.
func Check(path string) error {
	f, err := fsutil.OpenFile(path, os.O_RDONLY, 0, false)
	if err == nil {
		return f.Close()
	}
	if err = explain(fsutil.OS{}, path, err); err == nil {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrLate}
	}
	return err
}

// explain adds advice to the error of opening a file or directory. It returns nil if the file may only be late.
func explain(disk fsutil.FS, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the user of logpub read it, for example by adding that user to group adm", err)
	case errors.Is(err, fsutil.ErrNotFile):
		return fmt.Errorf("%w%s", err, kind(disk, path))
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(target(path))
		if _, err := disk.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the directory of the file does not exist: %w", err)
		}
		return nil
	default:
		return err
	}
}

// target returns where the symbolic links at a path lead, whether or not something is there.
func target(path string) string {
	for range maxFamilies {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path
}

// kind says what is at a path instead of a regular file.
func kind(disk fsutil.FS, path string) string {
	info, err := disk.Stat(path)
	if err != nil {
		return ""
	}
	for _, k := range []struct {
		mode fs.FileMode
		text string
	}{
		{fs.ModeDir, " but a directory; name a file in it"},
		{fs.ModeNamedPipe, " but a FIFO; read it with stdin = true"},
		{fs.ModeSocket, " but a socket"},
		{fs.ModeDevice, " but a device"},
	} {
		if info.Mode()&k.mode != 0 {
			return k.text
		}
	}
	return ""
}

// trouble reports that the file cannot be opened, once until the reason changes. A nil error means that
// it was opened.
func (f *Follower) trouble(err error) {
	f.unopened = ""
	if err == nil {
		if f.told != "" {
			f.told = ""
			f.cfg.OnEvent("file can be read now", nil)
		}
		return
	}
	if err = explain(f.cfg.Disk, f.cfg.Path, err); err == nil {
		return
	}
	f.unopened = err.Error()
	if f.told == f.unopened {
		return
	}
	f.told = f.unopened
	f.event(&f.stats.Errors, "cannot open file; will keep retrying", err)
}

// readTrouble does the same for reading from a file.
func (f *Follower) readTrouble(g *file, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == g.trouble {
		return
	}
	g.trouble = text
	if err != nil {
		f.event(&f.stats.Errors, "cannot read file; will keep retrying", err)
		return
	}
	f.cfg.OnEvent("file can be read now", nil)
}
