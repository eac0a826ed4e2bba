package peercred

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func peerOf(fd int) (uid int, ok bool) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, false
	}
	return int(c.Uid), true
}

// OfListener returns the id of the user who listens on an address of this host.
func OfListener(addr netip.AddrPort) (uid int, ok bool) {
	if !addr.Addr().Unmap().Is4() {
		return listener("/proc/net/tcp6", addr)
	}
	if uid, ok = listener("/proc/net/tcp", addr); ok {
		return uid, true
	}
	return listener("/proc/net/tcp6", addr) // a socket of both families
}

// listening is the state of a socket that listens, in /proc/net/tcp.
const listening = "0A"

// listener looks for a socket on an address, otherwise on all addresses, in a table of the kernel, which
// begins with the sockets that listen.
func listener(table string, addr netip.AddrPort) (uid int, ok bool) {
	f, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	lines.Scan() // the heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[3] != listening {
			break
		}
		at, valid := parseAddr(fields[1])
		if !valid || at.Port() != addr.Port() {
			continue
		}
		here := at.Addr().Unmap() == addr.Addr().Unmap()
		if !here && !at.Addr().IsUnspecified() {
			continue
		}
		n, err := strconv.Atoi(fields[7])
		if err != nil {
			return 0, false
		}
		uid, ok = n, true
		if here {
			break
		}
	}
	return uid, ok
}

// parseAddr parses an address of the kernel's tables: words in the machine's order, in hexadecimal,
// and a port.
func parseAddr(s string) (netip.AddrPort, bool) {
	words, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(words)
	n, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.NativeEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(n)), true
}
