package spread

import (
	"net"
	"os"
	"slices"
	"strconv"

	"github.com/spreadd/spreadd/internal/peercred"
)

// daemonUser is the user that daemons run as by default (spread-conf §7).
const daemonUser = "spread"

// checkOwner refuses a daemon of this host that runs as a user who may not be trusted: whoever takes
// the socket while the daemon is down would get everything that its clients send. fallback says that
// the connection is to the TCP port that is tried after the UNIX sockets.
func (o *options) checkOwner(nc net.Conn, fallback bool) error {
	uid, ok := peercred.Of(nc)
	if a, isTCP := nc.RemoteAddr().(*net.TCPAddr); isTCP && fallback {
		uid, ok = peercred.OfListener(a.AddrPort())
	}
	if !ok || uid == 0 || uid == os.Geteuid() || slices.Contains(o.users, "*") || slices.Contains(o.users, strconv.Itoa(uid)) {
		return nil
	}
	name := peercred.Name(uid)
	if name == daemonUser || slices.Contains(o.users, name) {
		return nil
	}
	return errorf("", "", ErrCouldNotConnect, "user %s listens on %s, not root, %s or the user of this program; stop that process or accept the user (WithSocketUsers, -daemon-user %[1]s)", name, where(nc), daemonUser)
}

// where returns the address that a connection was made to.
func where(nc net.Conn) string { return nc.RemoteAddr().Network() + " " + nc.RemoteAddr().String() }
