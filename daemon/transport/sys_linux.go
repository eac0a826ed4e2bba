package transport

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sourceSelectsInterface says whether multicast leaves on the interface with the address to which
// the socket is bound.
const sourceSelectsInterface = true

// setReceiveBuffer requests a receive buffer. It returns the size that the kernel provided, in the
// unit of the request, or least if that is less and not 0.
func setReceiveBuffer(conn *net.UDPConn, want, least int) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return least, err
	}
	var got int
	cerr := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, want); err != nil {
			return
		}
		// The kernel doubles the requested size, for its own overhead.
		if got, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || got/2 >= want {
			return
		}
		// With CAP_NET_ADMIN this exceeds net.core.rmem_max.
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, want) == nil {
			got, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		}
	})
	if err == nil {
		err = cerr
	}
	got /= 2
	if least > 0 && least < got {
		got = least
	}
	return got, err
}

// gsoOption is space for the control message with the length of the datagrams in a run. It consists
// of words so that it is aligned.
type gsoOption [4]uint64

// set writes the control message and returns it.
func (o *gsoOption) set(size int) []byte {
	b := unsafe.Slice((*byte)(unsafe.Pointer(o)), unsafe.Sizeof(*o))
	h := (*unix.Cmsghdr)(unsafe.Pointer(o))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size))
	return b[:unix.CmsgSpace(2)]
}

// hasGSO reports whether the kernel supports UDP_SEGMENT. One that does not would send a whole run
// as one datagram.
func hasGSO(conn *net.UDPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	cerr := raw.Control(func(fd uintptr) { _, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT) })
	return cerr == nil && err == nil
}
