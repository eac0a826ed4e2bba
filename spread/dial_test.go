package spread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// handshakeBytes are what a daemon says to let alice in.
var handshakeBytes = append([]byte("\x05NULL "), "\x01\x05\x00\x01\x0c#alice#alpha"...)

// TestDialRejected: "a rejection is always exactly one byte followed by close"
// (client-protocol §3.4). It stands in the place of the method list or in that
// of the accept message.
func TestDialRejected(t *testing.T) {
	for code := ErrRejectQuota; code >= ErrRejectAuth; code-- {
		if code == ErrConnectionClosed {
			continue // does not travel
		}
		for _, before := range []string{"", "\x05NULL "} {
			t.Run(code.Name()+before, func(t *testing.T) {
				_, err := Dial(t.Context(), "", WithDialer(play(t, append([]byte(before), byte(code)))))
				if !errors.Is(err, code) || CodeOf(err) != code {
					t.Errorf("error %v, want %v", err, code)
				}
			})
		}
	}
}

// TestDialRejectedUnheard has a daemon that is full: it rejects at once and
// reads nothing (client-protocol §3.4 rule 1).
func TestDialRejectedUnheard(t *testing.T) {
	quota := int8(ErrRejectQuota)
	_, err := Dial(t.Context(), "", WithDialer(dialUnix(t, func(nc net.Conn) {
		_, _ = nc.Write([]byte{byte(quota)})
	})))
	if !errors.Is(err, ErrRejectQuota) {
		t.Errorf("error %v", err)
	}
}

func TestDialRefusedHere(t *testing.T) {
	never := WithDialer(func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, io.EOF
	})
	for _, tt := range []struct {
		name string
		opt  Option
		want Code
	}{
		{"name too long", WithName("elevenchars"), ErrRejectIllegalName},
		{"name with space", WithName("a b"), ErrRejectIllegalName},
		{"name with hash", WithName("#a"), ErrRejectIllegalName},
		{"no method", WithAuth(), ErrRejectAuth},
		{"four methods", WithAuth(NullAuth(), IPAuth(), NullAuth(), IPAuth()), ErrRejectAuth},
		{"long method", WithAuth(silentAuth(strings.Repeat("M", 30))), ErrRejectAuth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Dial(t.Context(), "", tt.opt, never); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDialDaemonSays(t *testing.T) {
	for _, tt := range []struct {
		name, daemon string
		opt          Option
		want         Code // 0: accepted
	}{
		{"plain", string(handshakeBytes), WithName("x"), 0},
		{"empty list", "\x00", WithName("x"), ErrRejectAuth},
		{"method not offered", "\x05NULL ", WithAuth(IPAuth()), ErrRejectAuth},
		{"method offered in part", "\x06NULLX ", WithName("x"), ErrRejectAuth},
		{"list of 91 bytes", "\x5b" + strings.Repeat("x", 91), WithName("x"), ErrConnectionClosed},
		{"nothing", "", WithName("x"), ErrConnectionClosed},
		{"list only", "\x05NULL ", WithName("x"), ErrConnectionClosed},
		{"accept code 2", "\x05NULL \x02\x05\x00\x01\x02#a", WithName("x"), ErrConnectionClosed},
		{"group of 32", "\x05NULL \x01\x05\x00\x01\x20" + strings.Repeat("g", 32), WithName("x"), ErrConnectionClosed},
		{"group of 31", "\x05NULL \x01\x05\x00\x01\x1f" + strings.Repeat("g", 31), WithName("x"), 0},
		{"no group", "\x05NULL \x01\x05\x00\x01\x00", WithName("x"), ErrConnectionClosed},
		{"daemon 2.9", "\x05NULL \x01\x02\x09\x00\x02#a", WithName("x"), ErrRejectVersion},
		{"daemon 3.7", "\x05NULL \x01\x03\x07\x00\x02#a", WithName("x"), 0},
		{"daemon 3.7 with priority", "\x05NULL \x01\x03\x07\x00\x02#a", WithPriority(true), ErrRejectVersion},
		{"daemon 3.8 with priority", "\x05NULL \x01\x03\x08\x00\x02#a", WithPriority(true), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Dial(t.Context(), "", tt.opt, WithDialer(play(t, []byte(tt.daemon))))
			if CodeOf(err) != tt.want {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil {
				c.Kill()
			}
		})
	}
}

// TestDialCut ends the daemon's side of the handshake at every byte, and hands
// it over in pieces of one.
func TestDialCut(t *testing.T) {
	for n := range len(handshakeBytes) + 1 {
		c, err := Dial(t.Context(), "", WithDialer(dialPipe(t, func(nc net.Conn) {
			go discard(nc)
			for i := range n {
				_, _ = nc.Write(handshakeBytes[i : i+1])
			}
		})))
		if n < len(handshakeBytes) {
			if !errors.Is(err, ErrConnectionClosed) {
				t.Errorf("%d bytes: error %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("whole handshake: %v", err)
		}
		if c.PrivateGroup() != alice || c.DaemonVersion() != (Version{5, 0, 1}) {
			t.Errorf("group %s, version %v", c.PrivateGroup(), c.DaemonVersion())
		}
		c.Kill()
	}
}

// TestDialContext: a daemon that says nothing costs no more than ctx allows.
func TestDialContext(t *testing.T) {
	for _, said := range []string{"", "\x05NU", "\x05NULL ", "\x05NULL \x01\x05"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := Dial(ctx, "", WithDialer(dialPipe(t, func(nc net.Conn) {
				go func() { _, _ = nc.Write([]byte(said)) }()
				discard(nc)
			})))
			if !errors.Is(err, ErrConnectionClosed) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %q: error %v", said, err)
			}
		})
	}
}

// TestDialLocal: a port is looked for in the places where daemons of this host listen, in turn.
func TestDialLocal(t *testing.T) {
	places := []string{"unix /run/spread/4803.sock", "unix /tmp/4803", "tcp 127.0.0.1:4803"}
	for there := range len(places) + 1 {
		var tried []string
		c, err := Dial(t.Context(), "4803", WithDialer(func(_ context.Context, network, address string) (net.Conn, error) {
			place := network + " " + address
			if tried = append(tried, place); len(tried) <= there {
				return nil, fmt.Errorf("nobody at %s", place)
			}
			near, far := net.Pipe()
			go func() {
				if accept(far) {
					readUntilKill(far)
				}
			}()
			return near, nil
		}))
		if want := places[:min(there+1, len(places))]; !slices.Equal(tried, want) {
			t.Errorf("tried %q, want %q", tried, want)
		}
		if there < len(places) {
			if err != nil {
				t.Fatal(err)
			}
			c.Kill()
			continue
		}
		for _, place := range places {
			if !errors.Is(err, ErrCouldNotConnect) || !strings.Contains(err.Error(), "nobody at "+place) {
				t.Errorf("error %v, want one that names %s", err, place)
			}
		}
	}
}

func TestDialNobodyThere(t *testing.T) {
	dir := t.TempDir()
	_, err := Dial(t.Context(), "4803", WithSocketDir(dir))
	if !errors.Is(err, ErrCouldNotConnect) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is the daemon running?") {
		t.Errorf("error %v", err)
	}
	unknown := &net.DNSError{Err: "no such host", Name: "nowhere", IsNotFound: true}
	for _, tt := range []struct {
		err  error
		want Code
	}{{unknown, ErrIllegalSpread}, {&net.DNSError{Err: "server misbehaving", IsTemporary: true}, ErrCouldNotConnect}} {
		_, err := Dial(t.Context(), "4803@nowhere", WithDialer(func(context.Context, string, string) (net.Conn, error) {
			return nil, tt.err
		}))
		if CodeOf(err) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("error %v, want %v", err, tt.want)
		}
	}
}

// TestDialSockets goes over real sockets of both kinds.
func TestDialSockets(t *testing.T) {
	dir := t.TempDir()
	unix, err := net.Listen("unix", filepath.Join(dir, "4803"))
	if err != nil {
		t.Skipf("no UNIX sockets: %v", err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)
	for addr, l := range map[string]net.Listener{
		"4803":                              unix,
		filepath.Join(dir, "4803"):          unix,
		port + "@127.0.0.1":                 tcp,
		net.JoinHostPort("127.0.0.1", port): tcp,
	} {
		t.Run(addr, func(t *testing.T) {
			heard := make(chan []byte, 1)
			go func() {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				if accept(nc) {
					heard <- readUntilKill(nc)
				}
			}()
			c, err := Dial(t.Context(), addr, WithSocketDir(dir), WithName("alice"))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Join(t.Context(), "grp"); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if got, want := len(<-heard), 2*(wire.HeaderLen+wire.NameLen); got != want {
				t.Errorf("the daemon heard %d bytes, want %d", got, want)
			}
		})
	}
	_ = unix.Close()
	_ = tcp.Close()
}

// tokenAuth is a method as a user might add it: it reads a challenge and
// returns it backwards.
type tokenAuth struct{}

func (tokenAuth) Name() string { return "TOKEN" }

func (tokenAuth) Authenticate(_ context.Context, rw io.ReadWriter) error {
	var b [3]byte
	if _, err := io.ReadFull(rw, b[:]); err != nil {
		return err
	}
	b[0], b[2] = b[2], b[0]
	_, err := rw.Write(b[:])
	return err
}

func TestDialAuthMethods(t *testing.T) {
	daemon := func(nc net.Conn) {
		b := make([]byte, 256)
		_, _ = nc.Read(b)
		_, _ = nc.Write(wire.MakeMethodList("NULL", "PWORD", "TOKEN").Append(nil))
		var choice wire.MethodChoice
		_, _ = io.ReadFull(nc, choice[:])
		var methods []string
		for m := range choice.Methods() {
			methods = append(methods, string(m))
		}
		if strings.Join(methods, " ") != "TOKEN PWORD" {
			return
		}
		_, _ = nc.Write([]byte("abc"))
		_, _ = io.ReadFull(nc, b[:3])
		var r wire.PasswordRequest
		_, _ = io.ReadFull(nc, r[:])
		if !bytes.Equal(b[:3], []byte("cba")) || r.User() != "joe" || r.Password() != "topsecre" {
			_, _ = nc.Write([]byte{0, 0xf7})
			return
		}
		_, _ = nc.Write(append([]byte{1}, handshakeBytes[6:]...))
		discard(nc)
	}
	for _, tt := range []struct {
		password string
		want     Code
	}{{"topsecret", 0}, {"guess", ErrRejectAuth}} {
		c, err := Dial(t.Context(), "", WithDialer(dialPipe(t, daemon)), WithAuth(tokenAuth{}, PasswordAuth("joe", tt.password)))
		if CodeOf(err) != tt.want {
			t.Fatalf("error %v, want %v", err, tt.want)
		}
		if err == nil {
			c.Kill()
		}
	}
	open := dialPipe(t, func(nc net.Conn) {
		go func() { _, _ = nc.Write([]byte("\x06PWORD ")) }()
		discard(nc)
	})
	if _, err := Dial(t.Context(), "", WithDialer(open), WithAuth(PasswordAuth("", "x"))); !errors.Is(err, ErrRejectAuth) {
		t.Errorf("empty user: error %v", err)
	}
}
