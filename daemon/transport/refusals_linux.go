package transport

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/daemon/poller"
)

// maxRefusals bounds the reports that are read at a time.
const maxRefusals = 64

// socketErrors reads the error queue of a socket: the ICMP messages that answer its datagrams. The
// kernel has checked that the datagrams which they quote came from the socket's address and port.
type socketErrors struct {
	socket *descriptor
	poller *poller.Poller
	slot   int
}

// watchErrors has the kernel queue the errors of the send socket.
func (m *mmsgWriter) watchErrors(p *poller.Poller, v6 bool) (refuser, error) {
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	var err error
	if cerr := m.socket.control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	m.errors = true
	return &socketErrors{socket: m.socket, poller: p, slot: p.AddErrors(m.socket.fd)}, nil
}

func (s *socketErrors) pending() bool { return s.poller.Readable(s.slot) }

func (s *socketErrors) ignore() { s.poller.Remove(s.slot) }

func (s *socketErrors) refused() (all []netip.AddrPort) {
	control := make([]byte, unix.CmsgSpace(256))
	_ = s.socket.control(func(fd uintptr) {
		// The pending error, which a send would return otherwise.
		_, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		for range maxRefusals {
			_, n, _, from, err := unix.Recvmsg(int(fd), nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if a, ok := refusedBy(control[:n], from); ok {
				all = append(all, a)
			}
		}
	})
	return all
}

// refusedBy returns the destination of a datagram for which a port unreachable came.
func refusedBy(control []byte, to unix.Sockaddr) (netip.AddrPort, bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return netip.AddrPort{}, false
	}
	for _, m := range messages {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		var e unix.SockExtendedErr
		if !v4 && !v6 || len(m.Data) < int(unsafe.Sizeof(e)) {
			continue
		}
		e.Errno, e.Origin = binary.NativeEndian.Uint32(m.Data), m.Data[4]
		if e.Errno != uint32(unix.ECONNREFUSED) || e.Origin != unix.SO_EE_ORIGIN_ICMP && e.Origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		switch to := to.(type) {
		case *unix.SockaddrInet4:
			return netip.AddrPortFrom(netip.AddrFrom4(to.Addr), uint16(to.Port)), true
		case *unix.SockaddrInet6:
			return netip.AddrPortFrom(netip.AddrFrom16(to.Addr), uint16(to.Port)), true
		}
	}
	return netip.AddrPort{}, false
}
