package peercred

import (
	"net"
	"os/user"
	"strconv"
)

// Of returns the id of the user who connected to a UNIX socket or, for the one who connected, of the
// user who listens on it. ok is false for other connections.
func Of(c net.Conn) (uid int, ok bool) {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, false
	}
	if raw.Control(func(fd uintptr) { uid, ok = peerOf(int(fd)) }) != nil {
		return 0, false
	}
	return uid, ok
}

// Name returns the name of a user, or the number if the system knows no name.
func Name(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
