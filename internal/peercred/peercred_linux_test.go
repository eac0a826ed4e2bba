package peercred

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// TestPeers: both ends of a UNIX socket, and a listener on each kind of TCP address, belong to the
// user of this process.
func TestPeers(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, conn := range []net.Conn{c, s} {
		if uid, ok := Of(conn); !ok || uid != os.Getuid() {
			t.Errorf("user %d, %v, want %d", uid, ok, os.Getuid())
		}
	}
	for _, tt := range []struct{ network, listen, ask string }{
		{"tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", "0.0.0.0:0", "127.0.0.1"},
		{"tcp", "[::]:0", "127.0.0.1"},
		{"tcp6", "[::1]:0", "::1"},
	} {
		l, err := net.Listen(tt.network, tt.listen)
		if err != nil {
			t.Logf("%s: %v", tt.listen, err) // no IPv6
			continue
		}
		addr := netip.AddrPortFrom(netip.MustParseAddr(tt.ask), uint16(l.Addr().(*net.TCPAddr).Port))
		if uid, ok := OfListener(addr); !ok || uid != os.Getuid() {
			t.Errorf("%s at %s: user %d, %v, want %d", tt.listen, addr, uid, ok, os.Getuid())
		}
		_ = l.Close()
		if uid, ok := OfListener(addr); ok {
			t.Errorf("nobody listens at %s, and it is user %d", addr, uid)
		}
	}
}

// TestName: a user without a name is the number.
func TestName(t *testing.T) {
	if got := Name(0); got != "root" {
		t.Errorf("user 0 is %s", got)
	}
	if got := Name(1999999999); got != fmt.Sprint(1999999999) {
		t.Errorf("a user without a name is %s", got)
	}
}
