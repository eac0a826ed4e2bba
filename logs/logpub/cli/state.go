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
	dir string
	f   *os.File
}

// use locks the state directory of a configuration, and releases the one before. A lock that is held
// already is kept. It is an error if another process holds the lock.
func (l *stateLock) use(c *File, log *slog.Logger) error {
	dir := ""
	for i := range c.Inputs {
		if c.Inputs[i].File != "" {
			dir = c.State
		}
	}
	if dir == l.dir {
		return nil
	}
	l.release()
	if dir == "" {
		return nil
	}
	f, err := openLock(dir)
	switch {
	case errors.Is(err, fsutil.ErrLocked):
		return fmt.Errorf("another logpub uses the state directory %s; stop it, or set state to a directory of its own", dir)
	case err != nil:
		// Positions that cannot be written are reported, too, and need not be kept from anybody.
		log.Warn("cannot lock the state directory; make sure that no other logpub uses it", slog.String("state", dir), slog.Any("error", err))
		return nil
	}
	l.dir, l.f = dir, f
	return nil
}

func openLock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := fsutil.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600, false)
	if err != nil {
		return nil, err
	}
	if err := fsutil.Lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// release gives up the lock.
func (l *stateLock) release() {
	if l.f != nil {
		_ = l.f.Close()
	}
	*l = stateLock{}
}
