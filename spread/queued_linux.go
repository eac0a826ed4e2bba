package spread

import "golang.org/x/sys/unix"

// queuedBytes returns how many bytes wait in a socket's receive buffer.
func queuedBytes(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}
