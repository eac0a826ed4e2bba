package spread

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// dialPipe returns a dialer to a daemon that runs in a goroutine of its own
// for each connection, which is closed when the function returns. The test
// waits for all of them.
func dialPipe(t testing.TB, daemon func(nc net.Conn)) dialFunc {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		runDaemon(t, server, daemon)
		return client, nil
	}
}

func runDaemon(t testing.TB, server net.Conn, daemon func(nc net.Conn)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		daemon(server)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

// dialUnix is dialPipe over a real UNIX socket.
func dialUnix(t testing.TB, daemon func(nc net.Conn)) dialFunc {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no UNIX sockets: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		server, err := l.Accept()
		if err != nil {
			return nil, err
		}
		runDaemon(t, server, daemon)
		return client, nil
	}
}

// alice is the private group of connections to the daemons of these tests.
const alice = "#alice#alpha"

// accept runs the daemon's side of the handshake and lets the client in.
func accept(nc net.Conn) bool {
	b := make([]byte, 256)
	if _, err := nc.Read(b); err != nil {
		return false
	}
	if _, err := nc.Write(wire.MakeMethodList(wire.MethodNull).Append(nil)); err != nil {
		return false
	}
	if _, err := io.ReadFull(nc, b[:wire.MethodChoiceLen]); err != nil {
		return false
	}
	a := wire.Accept{Version: wire.OurVersion, Group: []byte(alice)}
	_, err := nc.Write(a.Append(nil, true))
	return err == nil
}

// accepted returns a daemon that lets a client in before it goes on.
func accepted(daemon func(nc net.Conn)) func(net.Conn) {
	return func(nc net.Conn) {
		if accept(nc) {
			daemon(nc)
		}
	}
}

// dialAccepted returns a connection to a daemon that let it in. It is killed
// at the end of the test, if it still lives.
func dialAccepted(t testing.TB, daemon func(nc net.Conn)) *Conn {
	t.Helper()
	return dialThrough(t, dialPipe(t, accepted(daemon)))
}

func dialThrough(t testing.TB, dial dialFunc, opts ...Option) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), "", append(opts, WithName("alice"), WithDialer(dial))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

// discard is a daemon that reads to the end and says nothing.
func discard(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }

// data returns an encoded message as the daemon would send it.
func data(sender, payload string, groups ...string) []byte {
	m := wire.Message{
		Header:  wire.Header{Type: wire.Agreed, Sender: wire.MakeName(sender), Hint: wire.MakeHint(7)},
		Payload: []byte(payload),
	}
	for _, g := range groups {
		n := wire.MakeName(g)
		m.GroupFields = append(m.GroupFields, n[:]...)
	}
	return m.Append(nil)
}
