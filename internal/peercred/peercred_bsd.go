//go:build darwin || freebsd

package peercred

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

func peerOf(fd int) (uid int, ok bool) {
	c, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, false
	}
	return int(c.Uid), true
}

// OfListener is not available on this system.
func OfListener(netip.AddrPort) (uid int, ok bool) { return 0, false }
