//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package fsutil

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock locks a file without waiting. The lock lasts until the file is closed or the process ends. If somebody else
// holds it, the error is [ErrLocked]. Systems without such locks always grant it.
func Lock(f *os.File) error {
	// Not by fcntl: two openings in one process would not exclude each other.
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
