package transport

import (
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/sockdrops"
)

// newInput returns an input that reads many datagrams with one system call and needs no reader. It
// takes the socket over.
func newInput(s *socket, conn *net.UDPConn) (input, error) {
	d, err := detach(conn)
	if err != nil {
		return nil, err
	}
	m := &mmsgInput{s: s, socket: d, slab: s.newSlab(), batchMax: BatchItems, watched: true}
	if s.token {
		m.batchMax = 1
	}
	for i := range m.hdrs {
		h := &m.hdrs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&m.names[i]))
		h.Namelen = unix.SizeofSockaddrInet6
		h.Iov = &m.vec[i]
		h.SetIovlen(1)
	}
	m.arm()
	m.try = m.attempt // Bound once, so that a read does not allocate.
	return m, nil
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// mmsgInput calls recvmmsg itself, because ReadBatch of golang.org/x/net allocates the source
// address of each datagram. Headers, vectors and addresses are made once.
type mmsgInput struct {
	s        *socket
	socket   *descriptor
	slot     int         // the socket's number in the poller
	watched  bool        // whether the owner wants datagrams
	pausing  bool        // whether the socket is not read, after an error
	resume   atomic.Bool // set when that pause is over
	try      func(fd uintptr)
	batchMax int // datagrams in a read; constant

	slab  slab
	batch *Datagrams // the batch to fill next, or nil
	errno syscall.Errno

	hdrs  [BatchItems]mmsghdr
	vec   [BatchItems]unix.Iovec
	names [BatchItems]unix.RawSockaddrInet6
}

func (m *mmsgInput) register() { m.slot = m.s.t.cfg.Poller.Add(m.socket.fd) }

func (m *mmsgInput) readable() bool {
	if m.pausing && m.resume.Load() {
		m.pausing = false
		m.s.t.cfg.Poller.Watch(m.slot, m.watched)
	}
	return m.s.t.cfg.Poller.Readable(m.slot)
}

func (m *mmsgInput) watch(on bool) {
	m.watched = on
	m.s.t.cfg.Poller.Watch(m.slot, on && !m.pausing)
}

func (m *mmsgInput) poll() *Datagrams {
	for {
		if m.batch == nil {
			if m.batch = m.s.queue.empty(); m.batch == nil {
				return nil
			}
		}
		if m.socket.control(m.try) != nil {
			return nil
		}
		if len(m.batch.Items) > 0 {
			b := m.batch
			m.batch = nil
			m.s.failing = false
			m.s.received(b)
			return b
		}
		switch m.errno {
		case 0: // All datagrams were dropped.
		case unix.EAGAIN:
			m.s.failing = false
			return nil
		default:
			m.s.failed(m.errno)
			m.pause()
			return nil
		}
	}
}

// pause keeps a socket with an error from waking the owner for a while.
func (m *mmsgInput) pause() {
	m.pausing = true
	m.resume.Store(false)
	m.s.t.cfg.Poller.Watch(m.slot, false)
	time.AfterFunc(readPause, func() {
		m.resume.Store(true)
		m.s.t.cfg.Poller.Wake()
	})
}

// attempt reads the available datagrams into the batch. The batch stays empty if all are dropped.
func (m *mmsgInput) attempt(fd uintptr) {
	var n int
	for {
		// A raw call, because it does not block: see mmsgWriter.
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.batchMax), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		m.errno = errno
		if errno != 0 {
			return
		}
		n = int(got)
		break
	}
	s := m.s
	s.t.count.receiveCalls.Add(1)
	for i := range n {
		h := &m.hdrs[i]
		data := m.slab.at(i)
		data.Hi = data.Lo + int(h.len)
		from, ok := source(&m.names[i])
		switch {
		case int(h.len) > s.limit() || h.hdr.Flags&unix.MSG_TRUNC != 0:
			s.t.count.dropped[DropTooLong].Add(1)
		case !ok:
			s.t.count.dropped[DropSource].Add(1)
		default:
			s.accept(m.batch, Item{data, from})
		}
		h.hdr.Namelen = unix.SizeofSockaddrInet6
		h.hdr.Flags = 0
	}
	if len(m.batch.Items) > 0 {
		m.slab.give(n, m.batch)
		m.arm()
	}
}

// arm points the vectors at the next unused slots.
func (m *mmsgInput) arm() {
	for i := range m.batchMax {
		slot := m.slab.at(i)
		m.vec[i].Base = &slot.Block.Bytes()[slot.Lo]
		m.vec[i].SetLen(slot.Len())
	}
}

// source returns the address in a socket address.
func source(name *unix.RawSockaddrInet6) (netip.Addr, bool) {
	switch name.Family {
	case unix.AF_INET:
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), true
	case unix.AF_INET6:
		return netip.AddrFrom16(name.Addr), true
	default:
		return netip.Addr{}, false
	}
}

func (m *mmsgInput) drops() (int64, bool) { return sockdrops.Count(m.socket.file) }

func (m *mmsgInput) stop() error {
	m.s.t.cfg.Poller.Remove(m.slot)
	return m.socket.close()
}

func (m *mmsgInput) close() { m.slab.release() }
