package transport

import (
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newInput returns an input that reads many datagrams with one system call.
func newInput(s *socket) (input, error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	m := &mmsgInput{s: s, raw: raw, slab: s.newSlab(), batchMax: BatchItems}
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
	m.try, m.tryPoll = m.attempt, m.attemptPoll // bound once, so that a read allocates nothing
	return m, nil
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// mmsgInput calls recvmmsg itself: ReadBatch of golang.org/x/net allocates the source
// address of each datagram. Headers, vectors and addresses are made once.
//
// Two goroutines read: the reader, which waits, and the owner, which polls. Whatever
// reads and pushes does both under the lock, so that what the owner finds in the queue and
// then in the socket is in the order of arrival.
type mmsgInput struct {
	s        *socket
	raw      syscall.RawConn
	try      func(fd uintptr) bool
	tryPoll  func(fd uintptr)
	batchMax int // datagrams of a read; constant

	mu     sync.Mutex
	closed bool
	slab   slab
	batch  *Batch // to be filled next, or nil
	errno  syscall.Errno
	polled *Batch

	hdrs  [BatchItems]mmsghdr
	vec   [BatchItems]unix.Iovec
	names [BatchItems]unix.RawSockaddrInet6
}

func (m *mmsgInput) wait() error {
	m.mu.Lock()
	supplied := m.batch != nil
	m.mu.Unlock()
	if !supplied {
		b, ok := m.s.supply()
		if !ok {
			return ErrClosed
		}
		m.mu.Lock()
		if m.batch == nil {
			m.batch = b
		} else { // a poll that found nothing has left its own
			b.Done()
		}
		m.mu.Unlock()
	}
	m.errno = 0 // the reader's: a poll does not touch it
	if err := m.raw.Read(m.try); err != nil {
		return err
	}
	if m.errno != 0 {
		return m.errno
	}
	return nil
}

// attempt reports false to be called again when the socket is readable.
func (m *mmsgInput) attempt(fd uintptr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.batch == nil {
		return true // a poll took it
	}
	switch errno := m.fill(fd); {
	case errno == unix.EAGAIN:
		return false
	case errno != 0:
		m.errno = errno
	case len(m.batch.Items) > 0:
		b := m.batch
		m.batch = nil
		m.s.push(b)
	}
	return true
}

func (m *mmsgInput) poll() *Batch {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.s.queue.take(); b != nil || m.closed {
		return b
	}
	if m.batch == nil {
		if m.batch = m.s.queue.empty(); m.batch == nil {
			return nil
		}
	}
	m.polled = nil
	// Control does not wait for the reader, as Read would. It fails when the
	// socket is closed, and then there is nothing.
	_ = m.raw.Control(m.tryPoll)
	return m.polled
}

// attemptPoll reads once, whatever comes of it.
func (m *mmsgInput) attemptPoll(fd uintptr) {
	// An error is the reader's to report: it meets it too.
	for m.fill(fd) == 0 {
		if len(m.batch.Items) > 0 {
			m.polled, m.batch = m.batch, nil
			m.s.received(m.polled)
			return
		}
	}
}

// fill reads what there is into the batch, which stays empty if all of it is
// dropped.
func (m *mmsgInput) fill(fd uintptr) syscall.Errno {
	var n int
	for {
		// Raw, since it does not wait: see mmsgWriter.
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.batchMax), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return errno
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
	return 0
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

func (m *mmsgInput) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.slab.release()
}
