package logfile

import (
	"errors"
	"os"
	"runtime"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Lock locks a file for as long as it is open. spreadlogd takes the same lock, so each keeps the
// other out.
func Lock(f *os.File) error {
	if runtime.GOOS == "windows" {
		return nil // a lock there would keep readers out of the file, too
	}
	err := fsutil.Lock(f)
	if errors.Is(err, fsutil.ErrLocked) {
		return ErrLocked
	}
	return err
}
