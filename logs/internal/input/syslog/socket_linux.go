package syslog

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// minQueue is the shortest queue of messages that allows for pauses.
const minQueue = 100

// growBuffer asks for room for a burst, if permitted beyond the system's limit.
func growBuffer(c net.PacketConn) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	conn, err := sc.SyscallConn()
	if err != nil {
		return
	}
	// If both fail, the kernel's default is used.
	_ = conn.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, readBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, readBuffer)
		}
	})
}

// pause returns the pause for a socket. The queue of a UNIX datagram socket is counted in messages. With the kernel's default of 10
// no pause is short enough.
func (p *packetSocket) pause(network string) time.Duration {
	if network == "unixgram" {
		text, err := os.ReadFile("/proc/sys/net/unix/max_dgram_qlen")
		if err != nil {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || n < minQueue {
			return 0
		}
		return pauseFor(n)
	}
	size, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0
	}
	return pauseFor(size / datagramCost)
}
