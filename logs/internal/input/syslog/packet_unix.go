//go:build unix

package syslog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/sockdrops"
)

// packetSocket is a datagram socket that is not registered with the runtime's poller. Each datagram would wake the poller, at
// several microseconds of CPU time, even while nobody reads.
type packetSocket struct {
	addr net.Addr
	end  atomic.Int64 // when reading is over, in Unix nanoseconds; 0 for never

	mu sync.Mutex
	fd int // -1 when it is closed
}

// newPacketSocket takes over a connection.
func newPacketSocket(c net.PacketConn) (*packetSocket, error) {
	p := &packetSocket{addr: c.LocalAddr(), fd: -1}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is not a socket", c), c.Close())
	}
	conn, err := sc.SyscallConn()
	if err == nil {
		var dupErr error
		err = conn.Control(func(fd uintptr) { p.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
		err = errors.Join(err, dupErr)
	}
	return p, errors.Join(err, c.Close())
}

// read waits for a datagram; the error is os.ErrDeadlineExceeded when reading is over.
func (p *packetSocket) read(buf []byte) (int, error) {
	for {
		rest, over := p.rest()
		if over {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := unix.Read(p.fd, buf)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return 0, os.NewSyscallError("read", err)
		}
		// The time is rounded up, so that the loop does not spin at the end.
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, int(rest/time.Millisecond)+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, os.NewSyscallError("poll", err)
		}
	}
}

// rest returns how long a read may wait before it checks again, and whether reading is over.
func (p *packetSocket) rest() (rest time.Duration, over bool) {
	end := p.end.Load()
	if end == 0 {
		return lingerTime, false
	}
	rest = time.Until(time.Unix(0, end))
	return rest, rest <= 0
}

// readNow reads a datagram if one is available. Errors are left for read, which gets them again.
func (p *packetSocket) readNow(buf []byte) (n int, ok bool) {
	if _, over := p.rest(); over {
		return 0, false
	}
	n, err := unix.Read(p.fd, buf)
	return n, err == nil
}

// over ends reading at a time.
func (p *packetSocket) over(at time.Time) { p.end.Store(at.UnixNano()) }

// drops returns how many datagrams the kernel had no room for, if it reports that.
func (p *packetSocket) drops() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return 0, false
	}
	return sockdrops.Of(uintptr(p.fd))
}

// close is for when nobody reads.
func (p *packetSocket) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return nil
	}
	fd := p.fd
	p.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}
