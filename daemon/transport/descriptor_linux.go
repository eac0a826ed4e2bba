package transport

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// descriptor is a socket that is not in Go's network poller. That poller would be woken for each
// datagram that arrives or has left, although the owner of the ring waits for its sockets itself.
// Calls on it must not block (MSG_DONTWAIT).
type descriptor struct {
	file *os.File
	raw  syscall.RawConn // keeps the descriptor open during a call
	fd   int             // for poll(2)
}

// detach returns a descriptor for a socket, outside of Go's poller, and closes the connection.
func detach(conn *net.UDPConn) (*descriptor, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var fd int
	cerr := raw.Control(func(old uintptr) {
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return
		}
		// Package os would register a non-blocking descriptor with the poller.
		if err = unix.SetNonblock(fd, false); err != nil {
			_ = unix.Close(fd)
		}
	})
	if err = errors.Join(err, cerr, conn.Close()); err != nil {
		return nil, err
	}
	d := &descriptor{file: os.NewFile(uintptr(fd), "socket"), fd: fd}
	if d.raw, err = d.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, d.file.Close())
	}
	return d, nil
}

// control calls f with the descriptor. It returns ErrClosed or nil.
func (d *descriptor) control(f func(fd uintptr)) error {
	if d.raw.Control(f) != nil {
		return ErrClosed
	}
	return nil
}

func (d *descriptor) close() error { return d.file.Close() }
