package session

import (
	"net"
	"time"
)

// maxVector is how many entries go into one writev: more do not make it
// cheaper, and the list is memory of every session.
const maxVector = 64

// vectorWriter writes entries to a connection, many with one system call where
// the system has one for it.
type vectorWriter interface {
	// write writes at least one byte of the entries, waiting if need be, and
	// returns how many.
	write(list []entry) (n int, err error)
	// try writes what it can without waiting, which may be nothing. An error is
	// left to the next write, which meets it too.
	try(list []entry) (n int)
}

// stallTime is after how long a write that has not returned counts as one that
// the kernel does not take, where there is no better way to know.
const stallTime = 5 * time.Millisecond

// plainWriter is the portable vector writer: one write an entry.
type plainWriter struct {
	conn    net.Conn
	blocked func(bool)
	timer   *time.Timer
}

func newPlainWriter(conn net.Conn, blocked func(bool)) *plainWriter {
	w := &plainWriter{conn: conn, blocked: blocked}
	w.timer = time.AfterFunc(time.Hour, func() { blocked(true) })
	w.timer.Stop()
	return w
}

// try writes nothing: there is no portable way to write without waiting.
func (w *plainWriter) try([]entry) int { return 0 }

func (w *plainWriter) write(list []entry) (int, error) {
	e := &list[0]
	w.timer.Reset(stallTime)
	n, err := w.conn.Write(e.block.Bytes()[e.lo:e.hi])
	w.timer.Stop()
	w.blocked(false)
	if n > 0 {
		return n, nil // the next call meets the error again
	}
	return n, err
}
