package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/internal/tlsconf/tlstest"
	"github.com/spreadd/spreadd/spread"
)

// secured is a daemon that serves TLS.
type secured struct {
	*Daemon
	t         *testing.T
	log       testkit.Output
	authority *tlstest.Authority
	files     tlsconf.PEMFiles
}

func newSecured(t *testing.T, change func(*Config)) *secured {
	t.Helper()
	s := &secured{t: t, authority: tlstest.NewAuthority(t, t.TempDir())}
	s.files = s.authority.Sign(t, "alpha")
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	cfg.TLSListen = []string{"127.0.0.1:0"}
	var err error
	if cfg.TLS, err = s.files.Server(func(err error) { cfg.Log.Error("new certificates", slog.Any("error", err)) }); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	s.Daemon = start(t, cfg)
	return s
}

// address returns the address of the listener with this number.
func (s *secured) address(i int) string { return s.Addrs()[i].String() }

// dial connects to the port for TLS with the files of a client.
func (s *secured) dial(f tlsconf.PEMFiles, opts ...spread.Option) (*spread.Conn, error) {
	s.t.Helper()
	cfg, err := f.Client(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return spread.Dial(s.t.Context(), s.address(1), append(opts, spread.WithTLS(cfg))...)
}

// fails waits until a handshake has ended in this way.
func (s *secured) fails(end session.End, n int64) {
	s.t.Helper()
	testkit.Wait(s.t, fmt.Sprintf("%d ends %v", n, end), func() bool { return s.Stats().Sessions.Ended[end] == n })
}

// TestTLS: a client with a certificate of the right authority has a session, and its name is known.
// Small and large messages pass in both directions.
func TestTLS(t *testing.T) {
	s := newSecured(t, nil)
	c, err := s.dial(s.authority.Sign(t, "web1.example"), spread.WithName("lp1"), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Join(t.Context(), "grp"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	sizes := []int{0, 1, 200, 200, 200, 8000, spread.MaxPayload(1), 16 << 10, 100}
	for _, n := range sizes {
		if err := c.Multicast(t.Context(), spread.Agreed, 1, bytes.Repeat([]byte{byte(n)}, n), "grp"); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range sizes {
		ev, err := c.Receive(t.Context())
		if m, ok := ev.(*spread.Message); !ok || len(m.Payload) != n || !bytes.Equal(m.Payload, bytes.Repeat([]byte{byte(n)}, n)) {
			t.Fatalf("message %d of %d bytes: %T, %v", i, n, ev, err)
		}
	}
	var peers []session.Credentials
	s.call(func(o *owner) {
		for _, cl := range o.clients {
			peers = append(peers, cl.Credentials())
		}
	})
	if len(peers) != 1 || peers[0].Identity != "web1.example" || !peers[0].Addr.IsLoopback() || fmt.Sprint(peers[0].Methods) != "[NULL]" {
		t.Errorf("the client is known as %+v", peers)
	}
}

// TestTLSRefusals: each client that is not as the settings want is refused, counted and logged, and
// takes no place.
func TestTLSRefusals(t *testing.T) {
	s := newSecured(t, nil)
	other := tlstest.NewAuthority(t, t.TempDir())
	mixed := other.Sign(t, "web1")
	mixed.CA = s.authority.File
	for i, tt := range []struct {
		name  string
		files tlsconf.PEMFiles
		err   string // of the client
		says  string
	}{
		{"another authority's client", mixed, "unknown certificate authority", "certificate signed by unknown authority"},
		{"a client without a certificate", tlsconf.PEMFiles{CA: s.authority.File}, "certificate required", "client didn't provide a certificate"},
		{"a client that expects another authority", tlsconf.PEMFiles{CA: other.File}, "certificate signed by unknown authority", "bad certificate"},
	} {
		if c, err := s.dial(tt.files); err == nil {
			c.Kill()
			t.Errorf("%s is accepted", tt.name)
		} else if !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		s.fails(session.HandshakeTLS, int64(i+1))
		testkit.Wait(t, tt.says, func() bool { return strings.Contains(s.log.String(), tt.says) })
	}
	old := &tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	if c, err := tls.Dial("tcp", s.address(1), old); err == nil {
		_ = c.Close()
		t.Error("TLS 1.2 is accepted")
	}
	s.fails(session.HandshakeTLS, 4)
	if c, err := spread.Dial(t.Context(), s.address(1)); err == nil {
		c.Kill()
		t.Error("clear text is accepted on the port for TLS")
	}
	s.fails(session.HandshakeTLS, 5)
	testkit.Wait(t, "clear text", func() bool { return strings.Contains(s.log.String(), "client does not speak TLS on the port for TLS") })
	cfg, err := s.files.Client(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = spread.Dial(t.Context(), s.address(0), spread.WithTLS(cfg))
	if !errors.Is(err, spread.ErrCouldNotConnect) || !strings.Contains(err.Error(), "use the daemon's port for TLS") {
		t.Errorf("TLS on the port for clear text: %v", err)
	}
	testkit.Wait(t, "TLS", func() bool { return strings.Contains(s.log.String(), "client speaks TLS on a port for clear text") })
	if st := s.Stats().Sessions; st.Sessions != 0 || st.Opened != 0 {
		t.Errorf("%d sessions, %d were opened", st.Sessions, st.Opened)
	}
}

// TestNameOfDaemon: a client accepts only the certificate of the host that it connects to, by its name
// or its address, and none of another host that the same authority has signed.
func TestNameOfDaemon(t *testing.T) {
	s := newSecured(t, nil)
	_, port, err := net.SplitHostPort(s.address(1))
	if err != nil {
		t.Fatal(err)
	}
	here := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address(1))
	}
	cfg, err := s.authority.Sign(t, "web1").Client(nil)
	if err != nil {
		t.Fatal(err)
	}
	for host, good := range map[string]bool{
		"127.0.0.1": true, "localhost": true, "alpha": true,
		"127.0.0.2": false, "192.0.2.1": false, "::1": false, "beta": false,
	} {
		c, err := spread.Dial(t.Context(), net.JoinHostPort(host, port), spread.WithTLS(cfg), spread.WithDialer(here))
		switch {
		case err == nil:
			c.Kill()
			if !good {
				t.Errorf("the daemon is taken for %s, which its certificate does not name", host)
			}
		case good:
			t.Errorf("%s: %v", host, err)
		case !strings.Contains(err.Error(), host):
			t.Errorf("%s: the error does not name it: %v", host, err)
		}
	}
}

// TestSlowTLS: a client that does not get on with the handshake of TLS is closed in time, and takes no
// place meanwhile.
func TestSlowTLS(t *testing.T) {
	s := newSecured(t, func(cfg *Config) {
		cfg.Sessions.MaxSessions, cfg.Sessions.HandshakeTimeout = 1, 2*time.Second
	})
	silent, err := net.Dial("tcp", s.address(1))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	testkit.Wait(t, "a handshake", func() bool { return s.Stats().Sessions.Handshakes == 1 })
	c, err := s.dial(s.authority.Sign(t, "web1"))
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	s.fails(session.HandshakeTimeout, 1)
}

// TestRenewedCertificates: files that are replaced count for the next handshake, those of an authority
// too. PEMFiles that cannot be used leave everything as it was, and are logged.
func TestRenewedCertificates(t *testing.T) {
	s := newSecured(t, nil)
	web := s.authority.Sign(t, "web1")
	serial := func() string {
		t.Helper()
		cfg, err := web.Client(nil)
		if err != nil {
			t.Fatal(err)
		}
		cfg.ServerName = "alpha"
		c, err := tls.Dial("tcp", s.address(1), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	s.authority.Sign(t, "alpha")
	after := serial()
	if after == before {
		t.Error("the renewed certificate is not used")
	}
	if err := os.WriteFile(s.files.Certificate, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != after {
		t.Errorf("after damage the certificate is %s, want %s", got, after)
	}
	if n := strings.Count(s.log.String(), "keeping the certificates that were read before"); n != 1 {
		t.Errorf("damage is logged %d times:\n%s", n, &s.log)
	}
	s.authority.Sign(t, "alpha")
	if _, err := s.dial(web); err != nil {
		t.Errorf("after repair: %v", err)
	}
	next := tlstest.NewAuthority(t, t.TempDir())
	pem, err := os.ReadFile(next.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.authority.File, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.dial(web); err == nil {
		t.Error("the former authority's client is accepted")
	}
}
