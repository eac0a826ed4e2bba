//go:build unix

package input

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readiness returns a function that waits until a Read of r does not block, and takes nothing. It
// returns nil if r is no file.
func readiness(r io.Reader) func() {
	f, ok := r.(*os.File)
	if !ok {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	return func() {
		// Read reports what is wrong with the file.
		_ = conn.Control(func(fd uintptr) {
			list := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			for {
				if _, err := unix.Poll(list[:], -1); !errors.Is(err, unix.EINTR) {
					return
				}
			}
		})
	}
}
