//go:build !linux

package sockdrops

import "syscall"

// Count returns how many datagrams the kernel has dropped at a socket, and whether that is known.
func Count(syscall.Conn) (int64, bool) { return 0, false }

// Of is Count for a descriptor.
func Of(uintptr) (int64, bool) { return 0, false }
