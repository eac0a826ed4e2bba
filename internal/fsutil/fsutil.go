package fsutil

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// ErrLocked means that another process, or another open file of this one, holds a lock.
var ErrLocked = errors.New("locked by another process")

// SyncDir makes names that were created, renamed or removed in a directory survive a power cut. Where the system
// cannot sync a directory, or may not open it for reading, it does nothing.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // the names are written already; only their durability is missing
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
