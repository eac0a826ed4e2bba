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

// newInput returns an input that reads many datagrams with one system call, and needs no
// reader. It takes the socket over.
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
	m.try = m.attempt // bound once, so that a read allocates nothing
	return m, nil
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// mmsgInput calls recvmmsg itself: ReadBatch of golang.org/x/net allocates the source
// address of each datagram. Headers, vectors and addresses are made once.
type mmsgInput struct {
	s        *socket
	socket   *descriptor
	slot     int // in the poller
	watched  bool
	rests    bool        // after an error
	rested   atomic.Bool // the rest is over
	try      func(fd uintptr)
	batchMax int // datagrams of a read; constant

	slab  slab
	batch *Batch // to be filled next, or nil
	errno syscall.Errno

	hdrs  [BatchItems]mmsghdr
	vec   [BatchItems]unix.Iovec
	names [BatchItems]unix.RawSockaddrInet6
}

func (m *mmsgInput) register() { m.slot = m.s.t.cfg.Poller.Add(m.socket.fd) }

func (m *mmsgInput) readable() bool {
	if m.rests && m.rested.Load() {
		m.rests = false
		m.s.t.cfg.Poller.Watch(m.slot, m.watched)
	}
	return m.s.t.cfg.Poller.Readable(m.slot)
}

func (m *mmsgInput) watch(on bool) {
	m.watched = on
	m.s.t.cfg.Poller.Watch(m.slot, on && !m.rests)
}

func (m *mmsgInput) poll() *Batch {
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
		case 0: // all of it was dropped
		case unix.EAGAIN:
			m.s.failing = false
			return nil
		default:
			m.s.failed(m.errno)
			m.rest()
			return nil
		}
	}
}

// rest lets the owner sleep though the socket has an error.
func (m *mmsgInput) rest() {
	m.rests = true
	m.rested.Store(false)
	m.s.t.cfg.Poller.Watch(m.slot, false)
	time.AfterFunc(readPause, func() {
		m.rested.Store(true)
		m.s.t.cfg.Poller.Wake()
	})
}

// attempt reads what there is into the batch, which stays empty if all of it is
// dropped.
func (m *mmsgInput) attempt(fd uintptr) {
	var n int
	for {
		// Raw, since it does not wait: see mmsgWriter.
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

// arm points the vectors at the slots that are next.
func (m *mmsgInput) arm() {
	for i := range m.batchMax {
		slot := m.slab.at(i)
		m.vec[i].Base = &slot.Block.Bytes()[slot.Lo]
		m.vec[i].SetLen(slot.Len())
	}
}

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
