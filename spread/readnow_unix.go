//go:build unix

package spread

import "syscall"

// rawConn returns the raw form of a socket, or nil.
func rawConn(nc syscall.Conn) syscall.RawConn {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readNow reads from a non-blocking socket. It reports false if nothing is available, or for an
// error.
func readNow(fd uintptr, b []byte) (n int, ok bool) {
	for {
		n, err := syscall.Read(int(fd), b)
		if err == syscall.EINTR {
			continue
		}
		return max(n, 0), err == nil
	}
}
