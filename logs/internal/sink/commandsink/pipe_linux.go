package commandsink

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// waiting returns how many bytes a pipe holds, by either of its ends.
func waiting(pipe *os.File) (n int) {
	c, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	err = c.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil {
		return 0 // it is closed
	}
	return n
}

// otherEnd opens the reading end of a pipe, to ask it what it holds. It is nil if there is no
// /proc.
func otherEnd(pipe *os.File) (r *os.File) {
	c, err := pipe.SyscallConn()
	if err != nil {
		return nil
	}
	err = c.Control(func(fd uintptr) {
		r, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil
	}
	return r
}

// hasReader reports whether the other end of a pipe is open.
func hasReader(pipe *os.File) bool {
	c, err := pipe.SyscallConn()
	if err != nil {
		return false
	}
	var p [1]unix.PollFd
	err = c.Control(func(fd uintptr) {
		p[0].Fd = int32(fd)
		_, _ = unix.Poll(p[:], 0) // it does not wait, so nothing interrupts it
	})
	return err == nil && p[0].Revents&unix.POLLERR == 0
}
