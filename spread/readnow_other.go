//go:build !unix

package spread

import "syscall"

// rawConn returns nil: sockets of this system cannot be read by hand without
// waiting.
func rawConn(syscall.Conn) syscall.RawConn { return nil }

// readNow is never called here.
func readNow(uintptr, []byte) (n int, ok bool) { return 0, false }
