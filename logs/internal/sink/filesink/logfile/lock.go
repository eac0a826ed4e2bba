package logfile

import (
	"errors"
	"runtime"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Lock locks a file for as long as it is open. spreadlogd takes the same lock, so each keeps the
// other out.
func Lock(f fsutil.File) error {
	if runtime.GOOS == "windows" {
		return nil // a lock there would keep readers out of the file, too
	}
	err := f.Lock()
	if errors.Is(err, fsutil.ErrLocked) {
		return ErrLocked
	}
	return err
}
