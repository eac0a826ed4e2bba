package spread

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/wire"
)

const (
	// chunkSize is the size of a read buffer in bytes: some 230 messages of 200 bytes per system
	// call.
	chunkSize = 64 << 10
	// minRead is the smallest room in bytes for a read. If a chunk has less left, that is not used.
	minRead = 8 << 10
	// trustedSize is the size of the longest message for which room is made as soon as its header
	// arrives. It covers everything but membership messages of thousands of members. For longer
	// ones the room doubles as data arrives, so that a length alone costs no memory.
	trustedSize = 256 << 10
	// maxEmptyReads is how often a read may return neither bytes nor an error, as in package bufio.
	maxEmptyReads = 100
	// slabSize is the number of Message values that are allocated at once.
	slabSize = 32
)

// receiver is the receiving half of a connection. It has no goroutine: callers read, many messages
// at a time.
type receiver struct {
	nc     net.Conn
	raw    syscall.RawConn // nil where reading without waiting is not possible
	self   string
	closed atomic.Bool
	// notices reports that the daemon was asked for notices.
	notices bool
	lock    chan struct{} // holds an element while a goroutine receives

	// The fields below belong to the holder of lock.

	buf   []byte // buf[pos:] has been read but not received
	pos   int
	lent  bool // callers hold payloads that point into buf
	names *interner
	slab  []Message
	// reason is the last notice about this session, which came at reasonAt.
	reason   string
	reasonAt time.Time

	tryFn func(fd uintptr) bool // reads once; a field so that it is allocated only once
	tryN  int
	tryOK bool

	queuedFn func(fd uintptr) // asks the kernel; a field for the same reason
	queuedN  int
}

func newReceiver(nc net.Conn, self string) *receiver {
	r := &receiver{
		nc:    nc,
		self:  self,
		lock:  make(chan struct{}, 1),
		buf:   make([]byte, 0, chunkSize),
		names: newInterner(),
	}
	// Only these exact types: a wrapper may promote SyscallConn from the connection that it wraps,
	// and its Read must not be bypassed.
	switch nc := nc.(type) {
	case *net.TCPConn:
		r.raw = rawConn(nc)
	case *net.UnixConn:
		r.raw = rawConn(nc)
	}
	r.tryFn = func(fd uintptr) bool {
		r.tryN, r.tryOK = readNow(fd, r.buf[len(r.buf):cap(r.buf)])
		return true
	}
	r.queuedFn = func(fd uintptr) { r.queuedN = queuedBytes(fd) }
	return r
}

// acquire takes the lock, or returns the error of ctx.
func (r *receiver) acquire(ctx context.Context) error {
	select {
	case r.lock <- struct{}{}:
		return nil
	default:
	}
	select {
	case r.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *receiver) release() { <-r.lock }

// next decodes the first message that has been read, if it is complete, and returns its size.
// Otherwise size is the number of bytes that must be available before the next try. An error means
// that the stream is invalid.
func (r *receiver) next(m *wire.Message) (size int, complete bool, err error) {
	have := r.buf[r.pos:]
	if len(have) < wire.HeaderLen {
		return wire.HeaderLen, false, nil
	}
	if err := m.Header.Decode(have); err != nil {
		return 0, false, err
	}
	if size, err = m.Header.Size(); err != nil {
		return 0, false, err
	}
	if len(have) < size {
		return size, false, nil
	}
	_, err = m.Decode(have[:size])
	return size, true, err
}

// fill reads at least one byte of a message of size bytes. It keeps what has been read, also when
// ctx ends.
func (r *receiver) fill(ctx context.Context, size int) error {
	r.makeRoom(size)
	for range maxEmptyReads {
		n, err := r.read(ctx)
		r.buf = r.buf[:len(r.buf)+n]
		if n > 0 {
			return nil // the next read returns an error again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom makes room in buf for a read, and for the message at pos to grow to size bytes or as far
// as its length is trusted.
func (r *receiver) makeRoom(size int) {
	have := len(r.buf) - r.pos
	if have == 0 && !r.lent && cap(r.buf) <= trustedSize {
		r.buf, r.pos = r.buf[:0], 0
	}
	trusted := min(size, max(trustedSize, 2*have))
	least := minRead
	if size > chunkSize {
		least = min(least, trusted-have) // a buffer of just its size will do
	}
	free := cap(r.buf) - len(r.buf)
	if free >= least && free+have >= trusted {
		return
	}
	if !r.lent && cap(r.buf) <= trustedSize && cap(r.buf) >= max(trusted, have+minRead) {
		r.buf = r.buf[:copy(r.buf[:cap(r.buf)], r.buf[r.pos:])]
	} else {
		r.buf = append(make([]byte, 0, max(chunkSize, trusted)), r.buf[r.pos:]...)
		r.lent = false
	}
	r.pos = 0
}

// read reads once into the room in buf. If ctx ends first, it returns the error of ctx.
func (r *receiver) read(ctx context.Context) (int, error) {
	room := r.buf[len(r.buf):cap(r.buf)]
	if ctx.Done() == nil {
		return r.nc.Read(room)
	}
	// Watching ctx costs some allocations, so first try to read without waiting.
	if n, ok := r.try(); ok {
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = r.nc.SetReadDeadline(time.Unix(1, 0)) // if it fails, so does the read
		close(fired)
	})
	n, err := r.nc.Read(room)
	if !stop() {
		<-fired // otherwise it could interrupt a later read
		_ = r.nc.SetReadDeadline(time.Time{})
		if n == 0 && isTimeout(err) {
			return 0, ctx.Err()
		}
	}
	return n, err
}

// try reads without waiting. ok is false if nothing is available, if this system cannot do it, or
// on an error, which a normal read then returns.
func (r *receiver) try() (n int, ok bool) {
	if r.raw == nil {
		return 0, false
	}
	r.tryOK = false
	if err := r.raw.Read(r.tryFn); err != nil {
		return 0, false
	}
	return r.tryN, r.tryOK
}

// interrupt makes receiving fail from now on, including a pending read.
func (r *receiver) interrupt() {
	r.closed.Store(true)
	_ = r.nc.SetReadDeadline(time.Unix(1, 0)) // if it fails, so does the read
}

// drain reads and discards until the stream ends or the time has come. Closing a TCP socket with
// unread bytes would reset the connection, and sent bytes that are still on their way would be
// lost.
func (r *receiver) drain(until time.Time) {
	r.lock <- struct{}{}
	defer r.release()
	if err := r.nc.SetReadDeadline(until); err != nil {
		return
	}
	var b [4096]byte
	for {
		if _, err := r.nc.Read(b[:]); err != nil {
			return
		}
	}
}

// queued returns the number of bytes in the receive buffer of the kernel, or 0 if it is not known.
func (r *receiver) queued() int {
	if r.raw == nil || r.raw.Control(r.queuedFn) != nil {
		return 0
	}
	return r.queuedN
}
