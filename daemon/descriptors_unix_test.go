//go:build unix

package daemon

import "syscall"

// descriptors returns the number of files that this process may have open.
func descriptors() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0
	}
	return int(min(lim.Cur, 1<<20))
}
