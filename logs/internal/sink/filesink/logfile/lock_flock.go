//go:build unix && !aix && !solaris

package logfile

import (
	"errors"
	"os"
	"syscall"
)

// Lock locks a file for as long as it is open, as spreadlogd does, so that each keeps the other
// out.
func Lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
