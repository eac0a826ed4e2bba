package sink

import (
	"errors"
	"os"
)

// openAttempts bounds how often a file may be replaced while it is opened.
const openAttempts = 10

// openFile opens and locks a real file.
func openFile(path string, lock bool) (handle, error) {
	for range openAttempts {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
		if err != nil {
			return nil, err
		}
		if !lock {
			return f, nil
		}
		if err := Lock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// Who had the lock may have moved the file away or removed it between
		// our two steps, as compressing does; then this is not the file of
		// that name any more, and lines would be gone with it.
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(st, now) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrLocked
}
