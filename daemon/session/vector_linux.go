package session

import (
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newVectorWriter returns a writer that uses writev. A connection without a
// descriptor gets the portable one.
func newVectorWriter(conn net.Conn, blocked func(bool)) vectorWriter {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return newPlainWriter(conn, blocked)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return newPlainWriter(conn, blocked) // its first write reports the error
	}
	w := &writevWriter{raw: raw, blocked: blocked}
	// Bound once, so that a write allocates nothing.
	w.wait, w.once = w.attempt, w.attemptOnce
	return w
}

// writevWriter calls writev on the descriptor itself rather than through
// net.Buffers, in order to hear when the kernel takes no more: that tells a client
// that does not read from a writer that has not run.
type writevWriter struct {
	raw     syscall.RawConn
	blocked func(bool)
	wait    func(fd uintptr) bool
	once    func(fd uintptr) bool

	vec     [maxVector]unix.Iovec
	n       int // of vec in use
	waiting bool
	written int
	errno   syscall.Errno
}

func (w *writevWriter) write(list []entry) (int, error) {
	err := w.call(list, w.wait)
	switch {
	case w.errno != 0:
		return 0, fmt.Errorf("writev: %w", w.errno)
	case err != nil:
		return 0, err
	}
	return w.written, nil
}

func (w *writevWriter) try(list []entry) int {
	if w.call(list, w.once) != nil || w.errno != 0 {
		return 0
	}
	return w.written
}

// call lets f write the first entries.
func (w *writevWriter) call(list []entry, f func(fd uintptr) bool) error {
	w.n = min(len(list), maxVector)
	for i := range list[:w.n] {
		e := &list[i]
		w.vec[i].Base = &e.block.Bytes()[e.lo]
		w.vec[i].SetLen(e.hi - e.lo)
	}
	w.written, w.errno = 0, 0
	err := w.raw.Write(f)
	clear(w.vec[:w.n])
	return err
}

// attemptOnce always reports true: nobody is to wait here. The call is raw, since telling
// Go's scheduler of one that does not wait costs more than it brings.
func (w *writevWriter) attemptOnce(fd uintptr) bool {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec[0])), uintptr(w.n))
	if errno == 0 {
		w.written = int(n)
	}
	w.errno = errno
	return true
}

// attempt reports false to be called again when the connection is writable.
func (w *writevWriter) attempt(fd uintptr) bool {
	if w.waiting {
		w.waiting = false
		w.blocked(false)
	}
	for {
		n, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec[0])), uintptr(w.n))
		switch errno {
		case 0:
			w.written = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			w.waiting = true
			w.blocked(true)
			return false
		default:
			w.errno = errno
			return true
		}
	}
}
