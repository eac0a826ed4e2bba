//go:build unix

package fsutil

import "syscall"

const nonblock = syscall.O_NONBLOCK
