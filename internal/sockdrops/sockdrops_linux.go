package sockdrops

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropsIndex is SK_MEMINFO_DROPS of linux/sock_diag.h.
const dropsIndex = 8

// Count returns how many datagrams the kernel has dropped at a socket, and whether that is known.
func Count(conn syscall.Conn) (int64, bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var n int64
	ok := false
	err = raw.Control(func(fd uintptr) { n, ok = Of(fd) })
	return n, ok && err == nil
}

// Of is Count for a descriptor.
func Of(fd uintptr) (int64, bool) {
	var info [dropsIndex + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return int64(info[dropsIndex]), errno == 0 && size == uint32(unsafe.Sizeof(info))
}
