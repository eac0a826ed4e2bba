package transport

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ErrClosed is returned after [Transport.Close].
var ErrClosed = net.ErrClosed

// OpenError is the failure to open a socket.
type OpenError struct {
	// Op is what failed: "bind the send socket to", "join multicast group 239.0.0.1 on".
	Op string
	// Addr is the socket's address and port.
	Addr string
	// Hint says what to do about it. It may be empty.
	Hint string
	// Err is the system's error.
	Err error
}

// Error returns all fields as one sentence.
func (e *OpenError) Error() string {
	s := fmt.Sprintf("transport: cannot %s %s: %v", e.Op, e.Addr, e.Err)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the system's error.
func (e *OpenError) Unwrap() error { return e.Err }

// bindError returns the OpenError for the error of a bind.
func bindError(op, addr string, err error) error {
	e := &OpenError{Op: op, Addr: addr, Err: err}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Hint = "is another daemon running? Two daemons on one host that share a port need interface lists (D and C) in spread.conf"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Hint = "the address does not belong to this host: correct it in spread.conf or bring its interface up first"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		e.Hint = "ports below 1024 need privileges: use a higher port or give the program CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EINVAL):
		e.Hint = "a link-local address needs its interface: write it as address%interface"
	}
	return e
}
