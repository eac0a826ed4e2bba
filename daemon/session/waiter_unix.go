//go:build unix

package session

import (
	"io"
	"syscall"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// waiter reads from a socket when there is something to read, so that idle sessions hold no block.
// While others use the block, because messages in it are on their way, it is parked where
// [Server.Reclaim] can take it: new messages go behind those in it.
type waiter struct {
	session *Session
	raw     syscall.RawConn
	try     func(fd uintptr) bool // bound once, so that a read does not allocate

	size  int        // of the next block
	block *buf.Block // the result
	hi    int        // where the read began in it
	n     int
	err   error
}

// init reports whether the waiter can read from the connection.
func (w *waiter) init(s *Session) bool {
	sc, ok := s.conn.(syscall.Conn)
	if !ok {
		return false
	}
	var err error
	if w.raw, err = sc.SyscallConn(); err != nil {
		return false // The first read returns the error.
	}
	w.session, w.try = s, w.attempt
	return true
}

// read parks a block that is full up to hi, waits for data and reads it to the block, or to another
// one of its size. The block that it returns, with the place of the data, is nil on an error.
func (w *waiter) read(b *buf.Block, hi int) (block *buf.Block, at, n int, err error) {
	w.size, w.hi, w.block, w.n, w.err = min(len(b.Bytes()), buf.Medium), hi, nil, 0, nil
	w.park(b)
	err = w.raw.Read(w.try)
	if w.err != nil {
		err = w.err
	}
	if b := w.session.parked.Swap(nil); b != nil {
		b.Release() // The connection was closed during the wait.
	}
	block = w.block
	w.block = nil
	return block, w.hi, w.n, err
}

// park gives up a block that nobody else uses, and parks another.
func (w *waiter) park(b *buf.Block) {
	if b.Refs() == 1 {
		b.Release()
		return
	}
	w.session.parked.Store(b)
}

// attempt reports false if it must be called again when the connection is readable.
func (w *waiter) attempt(fd uintptr) bool {
	b := w.session.parked.Swap(nil)
	switch {
	case b == nil:
		b, w.hi = w.session.server.cfg.Pool.Get(w.size), 0
	case b.Refs() == 1:
		w.hi = 0
	case w.hi+wire.HeaderLen > len(b.Bytes()):
		b.Release()
		b, w.hi = w.session.server.cfg.Pool.Get(w.size), 0
	}
	n, err := syscall.Read(int(fd), b.Bytes()[w.hi:])
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), b.Bytes()[w.hi:])
	}
	switch {
	case n > 0:
		w.block, w.n = b, n
		return true
	case err == syscall.EAGAIN:
		w.park(b)
		return false
	case err == nil:
		err = io.EOF
	}
	b.Release()
	w.err = err
	return true
}
