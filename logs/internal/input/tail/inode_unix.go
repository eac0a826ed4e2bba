//go:build unix

package tail

import (
	"os"
	"syscall"
)

// inode returns the numbers that identify a file on this host.
func inode(info os.FileInfo) (dev, ino uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino) //nolint:unconvert,nolintlint // their types differ between systems
	}
	return 0, 0
}
