package session

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// from is a connection that seems to come from an address.
type from struct {
	net.Conn
	addr net.Addr
	here net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }
func (f from) LocalAddr() net.Addr  { return f.here }

// lobby is a server whose owner does nothing but end the sessions that have gone.
type lobby struct {
	*Server
	t *testing.T
}

func newLobby(t *testing.T, cfg Config) *lobby {
	t.Helper()
	cfg.Daemon, cfg.Pool = "alpha", new(buf.Pool)
	if cfg.Auth.Allowed == nil {
		cfg.Auth.Allowed = []Method{NullMethod{}}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := &lobby{Server: s, t: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case b := <-s.Inbox():
				if b.Kind == Gone {
					s.End(b.Session)
				}
				b.Done()
			case <-s.done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		if err := s.Close(0); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l
}

// arrive returns the client's side of a connection from an address, or from a UNIX socket.
func (l *lobby) arrive(address string) net.Conn {
	var addr net.Addr = &net.UnixAddr{}
	if address != "" {
		addr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1))
	}
	here, there := net.Pipe()
	l.greet(from{Conn: there, addr: addr}, nil)
	_ = here.SetDeadline(time.Now().Add(testkit.Patience))
	l.t.Cleanup(func() { _ = here.Close() })
	return here
}

// open performs a handshake and returns the daemon's last word: 1 or a rejection.
func (l *lobby) open(address, name string) wire.Code {
	l.t.Helper()
	c := l.arrive(address)
	req := wire.ConnectRequest{Version: wire.OurVersion, Name: []byte(name)}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = c.Write(req.Append(nil)) // A full daemon does not read it.
	}()
	var b [64]byte
	read := func(n int) []byte {
		if _, err := io.ReadFull(c, b[:n]); err != nil {
			l.t.Fatalf("%s from %s: %v", name, address, err)
		}
		return b[:n]
	}
	if code := wire.Code(read(1)[0]); code < 0 {
		return code
	}
	read(int(b[0]))
	<-sent
	choice, _ := wire.MakeMethodChoice(wire.MethodNull)
	if _, err := c.Write(choice[:]); err != nil {
		l.t.Fatal(err)
	}
	code := wire.Code(read(1)[0])
	if code > 0 {
		read(4)
		read(int(b[3]))
	}
	return code
}

func (l *lobby) expect(want wire.Code, address, name string) {
	l.t.Helper()
	if got := l.open(address, name); got != want {
		l.t.Errorf("%s from %q: %v, want %v", name, address, got, want)
	}
}

// TestHandshakeTakesNoPlace: connections that send a name and no more take no place and no name.
func TestHandshakeTakesNoPlace(t *testing.T) {
	t.Parallel()
	l := newLobby(t, Config{MaxSessions: 3})
	for i := range 20 {
		c := l.arrive("")
		req := wire.ConnectRequest{Version: wire.OurVersion, Name: fmt.Appendf(nil, "c%d", i%3)}
		if _, err := c.Write(req.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		l.expect(wire.AcceptSession, "", fmt.Sprintf("c%d", i))
	}
	l.expect(wire.RejectQuota, "", "c4")
	if st := l.Stats(); st.Sessions != 3 || st.Handshakes < 20 {
		t.Errorf("%d sessions and %d handshakes", st.Sessions, st.Handshakes)
	}
}

// TestAddressQuota: one address gets half of the places, an IPv6 network of 64 bits counts as one,
// and the last places are kept for clients of this host.
func TestAddressQuota(t *testing.T) {
	t.Parallel()
	l := newLobby(t, Config{MaxSessions: 20})
	n := 0
	open := func(want wire.Code, address string) {
		t.Helper()
		n++
		l.expect(want, address, fmt.Sprintf("c%d", n))
	}
	for i := range 10 {
		open(wire.AcceptSession, fmt.Sprintf("2001:db8::%d", i+1))
	}
	open(wire.RejectQuota, "2001:db8::ffff")
	for range 8 {
		open(wire.AcceptSession, "192.0.2.1")
	}
	open(wire.RejectQuota, "192.0.2.2") // the last two are for local clients
	open(wire.AcceptSession, "127.0.0.1")
	open(wire.AcceptSession, "")
	open(wire.RejectQuota, "")
	testkit.Wait(t, "one refused by its address and two by the quota", func() bool {
		ended := l.Stats().Ended
		return ended[HandshakeAddress] == 1 && ended[HandshakeQuota] == 2
	})
	// Places come back.
	l.mu.Lock()
	sessions := make([]*Session, 0, len(l.sessions))
	for _, s := range l.sessions {
		sessions = append(sessions, s)
	}
	l.mu.Unlock()
	for _, s := range sessions {
		s.Drop(SessionClosed)
	}
	testkit.Wait(t, "the sessions to end", func() bool { return l.Stats().Sessions == 0 })
	if len(l.sources) != 0 {
		t.Errorf("sources %v are left", l.sources)
	}
}

// TestFloodOfOneAddress: connections without a handshake from one address displace each other, and
// not those of others.
func TestFloodOfOneAddress(t *testing.T) {
	t.Parallel()
	l := newLobby(t, Config{MaxHandshakes: 8})
	quiet := l.arrive("192.0.2.1")
	for range 100 {
		l.arrive("203.0.113.9")
	}
	req := wire.ConnectRequest{Version: wire.OurVersion, Name: []byte("late")}
	if _, err := quiet.Write(req.Append(nil)); err != nil {
		t.Fatalf("the connection of another address was closed: %v", err)
	}
	var b [6]byte
	if _, err := io.ReadFull(quiet, b[:]); err != nil {
		t.Fatalf("the connection of another address was closed: %v", err)
	}
	testkit.Wait(t, "93 of one address to be evicted", func() bool {
		st := l.Stats()
		return st.Handshakes == 8 && st.Ended[HandshakeEvicted] == 93
	})
}

// TestFloodOfManyAddresses: connections without a handshake from many addresses, one each, displace
// each other, and not the few of this host.
func TestFloodOfManyAddresses(t *testing.T) {
	t.Parallel()
	l := newLobby(t, Config{MaxHandshakes: 8})
	var here []net.Conn
	for range 3 {
		here = append(here, l.arrive(""))
	}
	for i := range 100 {
		l.arrive(fmt.Sprintf("203.0.113.%d", i+1))
	}
	for i, c := range here {
		req := wire.ConnectRequest{Version: wire.OurVersion, Name: fmt.Appendf(nil, "late%d", i)}
		if _, err := c.Write(req.Append(nil)); err != nil {
			t.Errorf("local connection %d was closed: %v", i, err)
		}
	}
}

// TestOwnAddress: a client of this host that uses an address of the host instead of the loopback is
// local, too.
func TestOwnAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		remote, local string
		want          bool
	}{
		{"192.0.2.1:5000", "192.0.2.1:4803", true},
		{"[::ffff:192.0.2.1]:5000", "192.0.2.1:4803", true},
		{"[2001:db8::1]:5000", "[2001:db8::1]:4803", true},
		{"127.0.0.1:5000", "127.0.0.1:4803", true},
		{"192.0.2.2:5000", "192.0.2.1:4803", false},
		{"[2001:db8::2]:5000", "[2001:db8::1]:4803", false},
	} {
		conn := from{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.remote)), here: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.local))}
		if got := isLocal(sourceOf(conn)); got != tt.want {
			t.Errorf("%s to %s: local is %v, want %v", tt.remote, tt.local, got, tt.want)
		}
	}
}

// TestRequiredForOld: what is required holds for clients of versions that cannot choose, too.
func TestRequiredForOld(t *testing.T) {
	t.Parallel()
	deny := IPMethod{Permits: func(netip.Addr, bool) bool { return false }}
	admit := IPMethod{Permits: func(netip.Addr, bool) bool { return true }}
	for _, c := range []struct {
		what string
		auth Auth
		want wire.Code
	}{
		{"nothing required", Auth{Allowed: []Method{NullMethod{}}}, wire.AcceptSession},
		{"a password required", Auth{Allowed: []Method{NullMethod{}}, Required: []Method{PasswordMethod{}}}, wire.RejectAuth},
		{"an address required that is not permitted", Auth{Allowed: []Method{NullMethod{}}, Required: []Method{deny}}, wire.RejectAuth},
		{"an address required that is permitted", Auth{Allowed: []Method{NullMethod{}}, Required: []Method{admit}}, wire.AcceptSession},
		{"the same allowed and required", Auth{Allowed: []Method{admit}, Required: []Method{admit}}, wire.AcceptSession},
	} {
		l := newLobby(t, Config{Auth: c.auth})
		conn := l.arrive("192.0.2.1")
		req := wire.ConnectRequest{Version: wire.Version{Major: 3, Minor: 15, Patch: 1}, Name: []byte("old")}
		if _, err := conn.Write(req.Append(nil)); err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			t.Fatal(err)
		}
		if got := wire.Code(b[0]); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}
