package logfile

import (
	"errors"
	"os"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	// fileMode is the mode of new files, before the umask.
	fileMode = 0o644
	// dirMode is the mode of new directories, before the umask.
	dirMode = 0o755
	// writeWait bounds how long a write waits for the reader of a pipe, such as /dev/stdout.
	writeWait = time.Second
	// openAttempts bounds how often a file may be replaced while it is being opened.
	openAttempts = 10
)

// openFile opens and locks a file.
func openFile(disk fsutil.FS, path string, lock bool) (handle, error) {
	for range openAttempts {
		f, err := disk.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode, true)
		if err != nil {
			return nil, err
		}
		if !lock {
			return bounded{f}, nil
		}
		if err := Lock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// The previous holder of the lock may have renamed or removed the file between our open and
		// our lock, as compression does. Then this is no longer the file at path, and lines written
		// to it would be lost.
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := disk.Stat(path); err == nil && fsutil.SameFile(st, now) {
			return bounded{f}, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrLocked
}

// bounded is a file that may be a pipe.
type bounded struct{ fsutil.File }

// Write writes, and does not wait for the reader of a pipe for longer than [writeWait].
func (f bounded) Write(b []byte) (int, error) {
	if p, ok := f.File.(fsutil.OSFile); ok {
		_ = p.SetWriteDeadline(time.Now().Add(writeWait)) // other files have no deadline and do not wait
	}
	return f.File.Write(b)
}

// makeDirs makes dir and its missing parents up to base, which must exist.
func makeDirs(disk fsutil.FS, base, dir string) error {
	if _, err := disk.Stat(base); err != nil {
		return err
	}
	return disk.MkdirAll(dir, dirMode)
}
