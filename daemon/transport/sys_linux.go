package transport

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sourceSelectsInterface says that multicast leaves on the interface that
// has the address the socket is bound to.
const sourceSelectsInterface = true

// setReceiveBuffer asks for a receive buffer, and returns what the kernel gave, in
// the unit of what is asked for, or least if that is less and not 0.
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
		// The kernel doubles what is asked for, for its own overhead.
		if got, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || got/2 >= want {
			return
		}
		// Beyond net.core.rmem_max, for those who may (CAP_NET_ADMIN).
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

// segmentOption is room for the control message that says how long the datagrams of
// a message are. It is made of words, since that is how it has to be aligned.
type segmentOption [4]uint64

// set writes the control message, and returns it.
func (o *segmentOption) set(size int) []byte {
	b := unsafe.Slice((*byte)(unsafe.Pointer(o)), unsafe.Sizeof(*o))
	h := (*unix.Cmsghdr)(unsafe.Pointer(o))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size))
	return b[:unix.CmsgSpace(2)]
}

// canSegment reports whether the kernel knows UDP_SEGMENT. One that does not would
// send the whole message as one datagram.
func canSegment(conn *net.UDPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	cerr := raw.Control(func(fd uintptr) { _, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT) })
	return cerr == nil && err == nil
}
