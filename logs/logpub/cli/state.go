package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// stateLock keeps a second logpub away from a directory of positions: the two would publish the same
// lines and overwrite each other's positions.
type stateLock struct {
	dir    string
	f      *os.File
	former *os.File // of the configuration before, whose inputs may still run
}

// use locks the state directory of a configuration. The lock before is kept until settle. It is an
// error, which changes nothing, if another process holds the lock.
func (l *stateLock) use(c *File, log *slog.Logger) error {
	dir := ""
	for i := range c.Inputs {
		if c.Inputs[i].File != "" || c.Inputs[i].Journal {
			dir = c.State
		}
	}
	if dir == l.dir {
		return nil
	}
	var f *os.File
	if dir != "" {
		var err error
		f, err = openLock(dir)
		switch {
		case errors.Is(err, fsutil.ErrLocked) && l.has(dir):
			l.dir = dir
			return nil
		case errors.Is(err, fsutil.ErrLocked):
			return fmt.Errorf("another logpub uses the state directory %s; stop it, or set state to a directory of its own", dir)
		case err != nil:
			// Positions that cannot be written are reported, too, and need not be kept from anybody.
			log.Warn("cannot lock the state directory; make sure that no other logpub uses it", slog.String("state", dir), slog.Any("error", err))
			dir = ""
		}
	}
	l.former, l.dir, l.f = l.f, dir, f
	return nil
}

// has reports whether the lock is that of a directory, by whatever name.
func (l *stateLock) has(dir string) bool {
	if l.f == nil {
		return false
	}
	mine, err := l.f.Stat()
	its, statErr := os.Stat(lockPath(dir))
	return err == nil && statErr == nil && os.SameFile(mine, its)
}

// settle gives up the former lock.
func (l *stateLock) settle() {
	_ = l.former.Close()
	l.former = nil
}

func lockPath(dir string) string { return filepath.Join(dir, "lock") }

func openLock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := fsutil.OpenFile(lockPath(dir), os.O_RDWR|os.O_CREATE, 0o600, false)
	if err != nil {
		return nil, err
	}
	if err := fsutil.Lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// release gives up all locks.
func (l *stateLock) release() {
	_ = l.f.Close()
	l.settle()
	*l = stateLock{}
}
