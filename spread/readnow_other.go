//go:build !unix

package spread

import "syscall"

// rawConn returns nil: this system cannot read a socket without waiting.
func rawConn(syscall.Conn) syscall.RawConn { return nil }

// readNow is never called here.
func readNow(uintptr, []byte) (n int, ok bool) { return 0, false }
