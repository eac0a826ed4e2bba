package session

import (
	"io"
	"net"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// Auth is the authentication policy of a daemon (client-protocol §4): which
// methods a client may choose, and which are checked whatever it chose.
type Auth struct {
	// Allowed are the methods a client may choose, in the order in which
	// they are listed to it.
	Allowed []Method
	// Required are run besides those that the client chose.
	Required []Method
}

// Method is one way to find out whether a client may connect.
type Method interface {
	// Name returns the method's name on the wire, up to 29 bytes.
	Name() string
	// Authenticate reports whether the client may connect. It may talk to
	// the client on c, which has a deadline. An error means that the
	// connection failed.
	Authenticate(c net.Conn) (bool, error)
}

// NullMethod lets everyone in.
type NullMethod struct{}

// Name returns "NULL".
func (NullMethod) Name() string { return wire.MethodNull }

// Authenticate returns true.
func (NullMethod) Authenticate(net.Conn) (bool, error) { return true, nil }

// IPMethod decides by the peer's address.
type IPMethod struct {
	// Permits decides on a client; unix is true, and the address invalid, for
	// one that came over the UNIX socket.
	Permits func(addr netip.Addr, unix bool) bool
}

// Name returns "IP".
func (IPMethod) Name() string { return wire.MethodIP }

// Authenticate looks at the peer's address.
func (m IPMethod) Authenticate(c net.Conn) (bool, error) {
	switch a := c.RemoteAddr().(type) {
	case *net.TCPAddr:
		return m.Permits(a.AddrPort().Addr().Unmap(), false), nil
	case *net.UnixAddr:
		return m.Permits(netip.Addr{}, true), nil
	default:
		return false, nil
	}
}

// PasswordMethod asks for a user name and a password, which come in clear and
// are cut to 8 bytes: it is there for those who have it (client-protocol §4.4).
type PasswordMethod struct {
	// Verify reports whether the password is the user's.
	Verify func(user, password string) bool
}

// Name returns "PWORD".
func (PasswordMethod) Name() string { return wire.MethodPassword }

// Authenticate reads a password request and answers with one byte.
func (m PasswordMethod) Authenticate(c net.Conn) (bool, error) {
	var b [wire.PasswordRequestLen]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return false, err
	}
	req := wire.PasswordRequest(b)
	good := m.Verify(req.User(), req.Password())
	answer := []byte{0}
	if good {
		answer[0] = 1
	}
	_, err := c.Write(answer)
	return good, err
}

// list returns the offer to clients.
func (a *Auth) list() wire.MethodList {
	names := make([]string, len(a.Allowed))
	for i, m := range a.Allowed {
		names[i] = m.Name()
	}
	return wire.MakeMethodList(names...)
}

func find(methods []Method, name string) Method {
	if i := slices.IndexFunc(methods, func(m Method) bool { return m.Name() == name }); i >= 0 {
		return methods[i]
	}
	return nil
}

// chosen returns the methods to run for a choice, the required ones included,
// or false if a name is not allowed or there is none.
func (a *Auth) chosen(c *wire.MethodChoice) ([]Method, bool) {
	var run []Method
	for name := range c.Methods() {
		m := find(a.Allowed, string(name))
		if m == nil {
			return nil, false
		}
		run = append(run, m)
	}
	if len(run) == 0 {
		return nil, false
	}
	for _, m := range a.Required {
		if find(run, m.Name()) == nil {
			run = append(run, m)
		}
	}
	return run, true
}

// forOld returns the method for clients that cannot choose: the address if
// that is allowed, else none if that is (client-protocol §4.5).
func (a *Auth) forOld() Method {
	if m := find(a.Allowed, wire.MethodIP); m != nil {
		return m
	}
	return find(a.Allowed, wire.MethodNull)
}
