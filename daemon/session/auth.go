package session

import (
	"io"
	"net"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/wire"
)

// Auth is the authentication policy of a daemon (client-protocol §4): the methods that a client may
// choose, and those that always run.
type Auth struct {
	// Allowed holds the methods that a client may choose, in the order of the list that it gets.
	Allowed []Method
	// Required holds the methods that run in addition to those that the client chose.
	Required []Method
	// Rules say what each client may do. Without any, everything is allowed.
	Rules access.Rules
}

// Method decides whether a client may connect.
type Method interface {
	// Name returns the method's name on the wire, up to 29 bytes.
	Name() string
	// Authenticate reports whether the client may connect. It may exchange messages with the client
	// on c, which has a deadline. An error means that the connection failed.
	Authenticate(c net.Conn) (bool, error)
}

// NullMethod accepts every client.
type NullMethod struct{}

// Name returns "NULL".
func (NullMethod) Name() string { return wire.MethodNull }

// Authenticate returns true.
func (NullMethod) Authenticate(net.Conn) (bool, error) { return true, nil }

// IPMethod decides by the peer's address.
type IPMethod struct {
	// Permits reports whether a client may connect. For a client on the UNIX socket, unix is true
	// and the address is invalid.
	Permits func(addr netip.Addr, unix bool) bool
}

// Name returns "IP".
func (IPMethod) Name() string { return wire.MethodIP }

// Authenticate checks the peer's address.
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

// PasswordMethod asks for a user name and a password. Both are sent in plain text and cut to 8
// bytes. It exists for compatibility (client-protocol §4.4).
type PasswordMethod struct {
	// Verify reports whether the password belongs to the user.
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

// list returns the list of methods for clients.
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

// chosen returns the methods to run for a client's choice, including the required ones. It returns
// false if the choice is empty or contains a name that is not allowed.
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

// forOld returns the methods for clients that cannot choose (client-protocol §4.5): IP if that is
// allowed, otherwise NULL if that is allowed, and those that are required. It returns false if none is
// allowed, or if one is required that exchanges messages, which such clients cannot.
func (a *Auth) forOld() ([]Method, bool) {
	m := find(a.Allowed, wire.MethodIP)
	if m == nil {
		m = find(a.Allowed, wire.MethodNull)
	}
	if m == nil {
		return nil, false
	}
	run := []Method{m}
	for _, r := range a.Required {
		switch r.Name() {
		case m.Name():
		case wire.MethodIP, wire.MethodNull:
			run = append(run, r)
		default:
			return nil, false
		}
	}
	return run, true
}
