package transport

import (
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// mmsgWriter calls sendmmsg itself, so as not to tell Go's scheduler. A call that does
// not wait takes as long as the network below needs for a row of packets, some 200 µs where that
// is a virtual one. The scheduler would take the processor away after 20 µs, give it to another
// thread, and have it to fetch back for each row: when a token is to be passed on.
type mmsgWriter struct {
	packetWriter // for writes that may wait

	raw syscall.RawConn
	try func(fd uintptr) bool

	n     int // of hdrs in use
	sent  int
	errno syscall.Errno

	hdrs  [sendBatch]mmsghdr
	vec   [2 * sendBatch]unix.Iovec
	names [sendBatch]unix.RawSockaddrInet4
}

// newWriter4 returns the writer of a socket of IPv4.
func newWriter4(conn *net.UDPConn) (packetWriter, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	m := &mmsgWriter{packetWriter: ipv4.NewPacketConn(conn), raw: raw}
	for i := range m.hdrs {
		h := &m.hdrs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&m.names[i]))
		h.Namelen = unix.SizeofSockaddrInet4
	}
	m.try = m.attempt // bound once, so that a write allocates nothing
	return m, nil
}

// WriteBatch writes some of the messages. There are at most sendBatch, and two buffers for each
// that there may be.
func (m *mmsgWriter) WriteBatch(ms []ipv4.Message, flags int) (int, error) {
	if flags != dontWait {
		return m.packetWriter.WriteBatch(ms, flags)
	}
	used := 0
	for i := range ms {
		to, ok := ms[i].Addr.(*net.UDPAddr)
		if !ok {
			return 0, net.InvalidAddrError("not a UDP address")
		}
		name := &m.names[i]
		name.Family = unix.AF_INET
		name.Port = networkOrder(uint16(to.Port))
		copy(name.Addr[:], to.IP.To4())
		h := &m.hdrs[i].hdr
		h.Iov = &m.vec[used]
		h.SetIovlen(len(ms[i].Buffers))
		for _, b := range ms[i].Buffers {
			m.vec[used].Base = unsafe.SliceData(b)
			m.vec[used].SetLen(len(b))
			used++
		}
		h.Control = unsafe.SliceData(ms[i].OOB)
		h.SetControllen(len(ms[i].OOB))
	}
	m.n, m.sent, m.errno = len(ms), 0, 0
	err := m.raw.Write(m.try)
	clear(m.vec[:used])
	switch {
	case m.errno != 0:
		return 0, m.errno
	case err != nil:
		return 0, err
	}
	return m.sent, nil
}

// attempt always reports true: nobody is to wait here.
func (m *mmsgWriter) attempt(fd uintptr) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.n), dontWait, 0, 0)
	m.sent, m.errno = int(n), errno
	return true
}

// networkOrder returns a number that lies in memory with its high byte first.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)})
}
