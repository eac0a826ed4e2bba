package session

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newVectorWriter returns a writer that uses writev, or the portable one for a connection without a
// descriptor.
func newVectorWriter(conn net.Conn, vectors *sync.Pool, blocked func(bool)) vectorWriter {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return newPlainWriter(conn, blocked)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return newPlainWriter(conn, blocked) // Its first write returns the error.
	}
	w := &writevWriter{raw: raw, vectors: vectors, blocked: blocked}
	// Bound once, so that a write does not allocate.
	w.wait, w.once = w.attempt, w.attemptOnce
	return w
}

// writevWriter calls writev itself instead of using net.Buffers, so that it can detect when the
// kernel's buffer is full. That distinguishes a client that does not read from a writer that has
// not run.
type writevWriter struct {
	raw     syscall.RawConn
	vectors *sync.Pool // of *vector, for all sessions
	blocked func(bool)
	wait    func(fd uintptr) bool
	once    func(fd uintptr) bool

	vec     *vector       // of the call, or nil
	n       int           // entries in vec
	waiting bool          // whether blocked was reported
	written int           // result of the last call
	errno   syscall.Errno // error of the last call
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

// vector is the list of a writev. Idle sessions hold none.
type vector [maxVector]unix.Iovec

// call has f write the first entries.
func (w *writevWriter) call(list []entry, f func(fd uintptr) bool) error {
	w.vec, _ = w.vectors.Get().(*vector)
	if w.vec == nil {
		w.vec = new(vector)
	}
	w.n = min(len(list), maxVector)
	for i := range list[:w.n] {
		e := &list[i]
		w.vec[i].Base = &e.block.Bytes()[e.lo]
		w.vec[i].SetLen(e.hi - e.lo)
	}
	w.written, w.errno = 0, 0
	err := w.raw.Write(f)
	clear(w.vec[:w.n])
	w.vectors.Put(w.vec)
	w.vec = nil
	return err
}

// attemptOnce always reports true, so that RawConn.Write does not wait. The system call is raw,
// because it does not block and notifying Go's scheduler would cost more than it saves.
func (w *writevWriter) attemptOnce(fd uintptr) bool {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec[0])), uintptr(w.n))
	if errno == 0 {
		w.written = int(n)
	}
	w.errno = errno
	return true
}

// attempt reports false if it must be called again when the connection is writable.
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
