package session

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the client has closed the connection, even if it sent data before that is not
// read yet.
func hungUp(conn net.Conn) bool {
	if c, ok := conn.(*secureConn); ok {
		conn = c.raw
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	var ended bool
	err = raw.Control(func(fd uintptr) {
		list := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(list[:], 0)
		ended = err == nil && n > 0
	})
	return ended || err != nil
}
