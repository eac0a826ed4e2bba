package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// mmsgWriter calls sendmmsg itself, with raw system calls, of which Go's scheduler does not know. A
// call that does not block takes as long as the network below needs for a run of packets, some 200
// µs if that is a virtual network. After 20 µs the scheduler would give the processor to another
// thread, and the goroutine would have to get it back for each run, just when it should pass on the
// token.
type mmsgWriter struct {
	socket *descriptor
	try    func(fd uintptr)
	zones  map[string]uint32 // interface numbers by name
	errors bool              // whether the socket reports what became of earlier datagrams

	n     int // headers in use
	sent  int
	errno syscall.Errno

	hdrs  [sendBatch]mmsghdr
	vec   [2 * sendBatch]unix.Iovec
	names [sendBatch]unix.RawSockaddrInet6 // with space for those of IPv4
}

// newWriter returns the writer of a socket and takes the socket over.
func newWriter(conn *net.UDPConn) (sendSocket, error) {
	d, err := detach(conn)
	if err != nil {
		return nil, err
	}
	m := &mmsgWriter{socket: d, zones: make(map[string]uint32)}
	for i := range m.hdrs {
		m.hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&m.names[i]))
	}
	m.try = m.attempt // Bound once, so that a write does not allocate.
	return m, nil
}

// WriteBatch writes the first messages. The caller passes at most sendBatch of them, with at most
// 2*sendBatch buffers in all.
func (m *mmsgWriter) WriteBatch(ms []ipv4.Message) (int, error) {
	used := 0
	for i := range ms {
		to, ok := ms[i].Addr.(*net.UDPAddr)
		if !ok {
			return 0, net.InvalidAddrError("not a UDP address")
		}
		h := &m.hdrs[i].hdr
		h.Namelen = m.address(i, to)
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
	err := m.socket.control(m.try)
	clear(m.vec[:used])
	switch {
	case err != nil:
		return 0, err
	case m.errno != 0:
		return 0, os.NewSyscallError("sendmmsg", m.errno)
	}
	return m.sent, nil
}

// address stores the i-th destination and returns its length.
func (m *mmsgWriter) address(i int, to *net.UDPAddr) uint32 {
	if ip := to.IP.To4(); ip != nil {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.names[i]))
		*name = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(uint16(to.Port)), Addr: [4]byte(ip)}
		return unix.SizeofSockaddrInet4
	}
	m.names[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(uint16(to.Port)), Addr: [16]byte(to.IP), Scope_id: m.scope(to.Zone)}
	return unix.SizeofSockaddrInet6
}

// scope returns the number of an interface and remembers it.
func (m *mmsgWriter) scope(zone string) uint32 {
	n, known := m.zones[zone]
	if !known {
		if n = scope(zone); n != 0 { // Otherwise the interface may still appear.
			m.zones[zone] = n
		}
	}
	return n
}

// scope returns the number of an interface, or 0 if there is none.
func scope(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0 // The kernel rejects that for addresses that need a zone.
	}
	return uint32(n)
}

func (m *mmsgWriter) attempt(fd uintptr) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 && errno != unix.EAGAIN && m.errors {
		// It may be the error of an earlier datagram, which is returned once.
		n, _, errno = unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.n), unix.MSG_DONTWAIT, 0, 0)
	}
	m.sent, m.errno = int(n), errno
}

// waitWritable waits until the kernel's buffer has space.
func (m *mmsgWriter) waitWritable(limit time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(m.socket.fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, int(max(limit, 0)/time.Millisecond))
	switch {
	case err != nil && !errors.Is(err, unix.EINTR):
		return os.NewSyscallError("poll", err)
	case n == 0 && err == nil:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// sendTo sends one datagram, independent of WriteBatch.
func (m *mmsgWriter) sendTo(to netip.AddrPort, datagram []byte) error {
	var sa unix.Sockaddr
	if a := to.Addr().Unmap(); a.Is4() {
		sa = &unix.SockaddrInet4{Port: int(to.Port()), Addr: a.As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(to.Port()), Addr: a.As16(), ZoneId: scope(a.Zone())}
	}
	var err error
	send := func(fd uintptr) {
		if err = unix.Sendto(int(fd), datagram, unix.MSG_DONTWAIT, sa); err != nil && m.errors {
			err = unix.Sendto(int(fd), datagram, unix.MSG_DONTWAIT, sa) // as in attempt
		}
	}
	if cerr := m.socket.control(send); cerr != nil {
		return cerr
	}
	if err != nil {
		return fmt.Errorf("cannot send to %v: %w", to, err)
	}
	return nil
}

// Close closes the socket.
func (m *mmsgWriter) Close() error { return m.socket.close() }

// networkOrder returns the number whose bytes in memory are those of v, high byte first.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)})
}
