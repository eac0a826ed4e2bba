package transport

import (
	"encoding/binary"
	"net"
	"slices"
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
	vec   [sendBatch][2]unix.Iovec
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
		h.Iov = &m.vec[i][0]
	}
	m.try = m.attempt // bound once, so that a write allocates nothing
	return m, nil
}

// segmented reports whether the kernel is to cut a message into datagrams.
func segmented(m ipv4.Message) bool { return m.OOB != nil }

// WriteBatch writes some of the messages. Each has one or two buffers, and there are at most
// sendBatch.
func (m *mmsgWriter) WriteBatch(ms []ipv4.Message, flags int) (int, error) {
	if flags != dontWait || slices.ContainsFunc(ms, segmented) {
		return m.packetWriter.WriteBatch(ms, flags)
	}
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
		for j, b := range ms[i].Buffers {
			m.vec[i][j].Base = unsafe.SliceData(b)
			m.vec[i][j].SetLen(len(b))
		}
		h.SetIovlen(len(ms[i].Buffers))
	}
	m.n, m.sent, m.errno = len(ms), 0, 0
	err := m.raw.Write(m.try)
	clear(m.vec[:m.n])
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
