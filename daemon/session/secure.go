package session

import (
	"crypto/tls"
	"net"
	"sync"
)

// secureConn is a connection that speaks TLS.
type secureConn struct {
	*tls.Conn
	raw net.Conn
}

// Close closes the connection without a farewell of TLS, which could wait for a client that does not
// read. A client must not take the end of a stream for anything but a broken connection, with TLS or
// without.
func (c *secureConn) Close() error { return c.raw.Close() }

// recordSize is the size of the largest record of TLS.
const recordSize = 16 << 10

// recordWriter writes entries to a connection of TLS, many in one record.
type recordWriter struct {
	*plainWriter
	records *sync.Pool // of *record, for all sessions
}

// record is what a writer collects for a write. Idle sessions hold none.
type record [recordSize]byte

func (w *recordWriter) write(list []entry) (int, error) {
	first := &list[0]
	if len(list) == 1 || first.hi-first.lo >= recordSize/2 {
		return w.plainWriter.write(list)
	}
	r, _ := w.records.Get().(*record)
	if r == nil {
		r = new(record)
	}
	defer w.records.Put(r)
	n := 0
	for i := range list {
		b := list[i].block.Bytes()[list[i].lo:list[i].hi]
		if n+len(b) > recordSize {
			break
		}
		n += copy(r[n:], b)
	}
	return w.send(r[:n])
}
