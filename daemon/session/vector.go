package session

import (
	"net"
	"sync"
	"time"
)

// maxVector is the number of entries in one writev. More do not make it cheaper, and each session
// holds the list in memory.
const maxVector = 64

// vectorWriter writes entries to a connection, many with one system call where the system supports
// that.
type vectorWriter interface {
	// write writes at least one byte of the entries and returns the number of bytes. It may block.
	write(list []entry) (n int, err error)
	// try writes as much as possible without blocking, which may be nothing. It does not report an
	// error, because the next write does.
	try(list []entry) (n int)
}

// stallTime is the duration after which a write counts as blocked, where the system offers no
// better way to detect that.
const stallTime = 5 * time.Millisecond

// plainWriter is the portable vector writer, with one write for each entry.
type plainWriter struct {
	conn    net.Conn
	blocked func(bool)
	timer   *time.Timer   // calls blocked(true)
	called  chan struct{} // when it has
}

func newPlainWriter(conn net.Conn, blocked func(bool)) *plainWriter {
	w := &plainWriter{conn: conn, blocked: blocked, called: make(chan struct{}, 1)}
	w.timer = time.AfterFunc(time.Hour, func() { blocked(true); w.called <- struct{}{} })
	w.timer.Stop()
	return w
}

// writerOf returns the writer for a connection. The pools are those of all sessions.
func writerOf(conn net.Conn, vectors, records *sync.Pool, blocked func(bool)) vectorWriter {
	if _, ok := conn.(*secureConn); ok {
		return &recordWriter{plainWriter: newPlainWriter(conn, blocked), records: records}
	}
	return newVectorWriter(conn, vectors, blocked)
}

// try writes nothing: there is no portable way to write without blocking.
func (w *plainWriter) try([]entry) int { return 0 }

func (w *plainWriter) write(list []entry) (int, error) {
	e := &list[0]
	return w.send(e.block.Bytes()[e.lo:e.hi])
}

// send writes bytes.
func (w *plainWriter) send(b []byte) (int, error) {
	w.timer.Reset(stallTime)
	n, err := w.conn.Write(b)
	if !w.timer.Stop() {
		<-w.called // otherwise it could come after blocked(false), and the client would stay blocked
	}
	w.blocked(false)
	if n > 0 {
		return n, nil // The next call returns the error.
	}
	return n, err
}
