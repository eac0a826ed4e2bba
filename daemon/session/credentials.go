package session

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/spreadd/spreadd/daemon/access"
	"github.com/spreadd/spreadd/internal/peercred"
	"github.com/spreadd/spreadd/internal/tlsconf"
)

// Credentials are what a daemon knows of a client besides its name.
type Credentials struct {
	// Identity is the name in the client's certificate, or empty.
	Identity string
	// User is the user who runs a client on the UNIX socket, where the system says it, or empty.
	User string
	// Addr is the address of a client on TCP.
	Addr netip.Addr
	// Methods are the authentication methods that the client has passed.
	Methods []string
}

// peerOf returns what a connection says about the client.
func peerOf(conn net.Conn) (p Credentials) {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		p.Addr = plain(a)
	} else if uid, ok := peercred.Of(conn); ok {
		p.User = peercred.Name(uid)
	}
	return p
}

// identify takes the client's name from its certificate.
func (p *Credentials) identify(cs tls.ConnectionState) {
	if len(cs.PeerCertificates) > 0 {
		p.Identity = tlsconf.Identity(cs.PeerCertificates[0])
	}
}

// Client returns the client as rules see it.
func (p Credentials) Client() access.Client {
	return access.Client{Identity: p.Identity, User: p.User, Addr: p.Addr, Methods: p.Methods}
}

// Credentials returns what is known of the client.
func (s *Session) Credentials() Credentials { return s.peer }

// Source returns where a client comes from, as quotas see it: its address, of IPv6 the network of 64
// bits, or the zero value for clients of this host.
func (s *Session) Source() netip.Addr { return sourceOf(s.conn) }
