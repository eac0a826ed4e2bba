package input

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe asks for a pipe of some size, and returns the size that it has then, or 0 if f is no
// pipe.
func growPipe(f *os.File, size int) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	has := 0
	err = conn.Control(func(fd uintptr) {
		// Fails beyond fs.pipe-max-size, and for users with many large pipes: then it stays.
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size)
		if n, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil {
			has = n
		}
	})
	if err != nil {
		return 0
	}
	return has
}
