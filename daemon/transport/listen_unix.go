//go:build unix

package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func reuseAddr(fd uintptr) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
}

// listenMulticast binds a socket to a multicast address, with SO_REUSEADDR. Package net would bind
// it to the wildcard address, which fails if another socket has a unicast address with the same
// port.
func listenMulticast(ap netip.AddrPort) (*net.UDPConn, error) {
	family := unix.AF_INET
	if ap.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "multicast "+ap.String())
	err = bindMulticast(fd, ap)
	if err == nil {
		err = os.NewSyscallError("setnonblock", unix.SetNonblock(fd, true))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	pc, err := net.FilePacketConn(f) // It duplicates the descriptor.
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("got a %T, want a UDP socket", pc), pc.Close())
	}
	return conn, nil
}

func bindMulticast(fd int, ap netip.AddrPort) error {
	if err := reuseAddr(uintptr(fd)); err != nil {
		return err
	}
	if err := os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)); err != nil {
		return err
	}
	if ap.Addr().Is4() {
		return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}))
	}
	if err := os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)); err != nil {
		return err
	}
	sa := &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
	if ifi, err := interfaceOf(ap.Addr()); err == nil && ap.Addr().Zone() != "" {
		sa.ZoneId = uint32(ifi.Index)
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
}
