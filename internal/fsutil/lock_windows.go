package fsutil

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock locks a file without waiting. The lock lasts until the file is closed or the process ends. If somebody else
// holds it, the error is [ErrLocked]. Systems without such locks always grant it.
func Lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
