package daemon

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// rawClient is a client that writes the bytes of the protocol itself, so that tests can do what no
// library does.
type rawClient struct {
	t       testing.TB
	conn    net.Conn
	private wire.Name
}

// connect performs the handshake as libspread does. addr is an index into Addrs.
func connect(t testing.TB, d *Daemon, addr int, name string, flags uint8) *rawClient {
	t.Helper()
	a := d.Addrs()[addr]
	conn, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	c := &rawClient{t: t, conn: conn, private: wire.MakeName("#" + name + "#" + d.owner.cfg.Name())}
	req := wire.ConnectRequest{Version: wire.OurVersion, Flags: flags, Name: []byte(name)}
	c.write(req.Append(nil))
	if got := c.read(6); string(got) != "\x05NULL " {
		t.Fatalf("method list %q", got)
	}
	c.write(nullChoice())
	want := wire.Accept{Version: wire.OurVersion, Group: c.private.Bytes()}
	if got, want := c.read(5+c.private.Len()), want.Append(nil, true); string(got) != string(want) {
		t.Fatalf("accept message %q, want %q", got, want)
	}
	return c
}

func (c *rawClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("%s: writing: %v", c.private, err)
	}
}

func (c *rawClient) read(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		c.t.Fatalf("%s: reading: %v", c.private, err)
	}
	return b
}

// message reads one message.
func (c *rawClient) message() wire.Message {
	c.t.Helper()
	m, err := c.next()
	if err != nil {
		c.t.Fatalf("%s: reading a message: %v", c.private, err)
	}
	return m
}

func (c *rawClient) next() (wire.Message, error) {
	b := make([]byte, wire.HeaderLen)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		return wire.Message{}, err
	}
	var h wire.Header
	if err := h.Decode(b); err != nil {
		return wire.Message{}, err
	}
	size, err := h.Size()
	if err != nil {
		return wire.Message{}, err
	}
	whole := make([]byte, size)
	copy(whole, b)
	if _, err := io.ReadFull(c.conn, whole[wire.HeaderLen:]); err != nil {
		return wire.Message{}, err
	}
	var m wire.Message
	_, err = m.Decode(whole)
	return m, err
}

// request encodes a request or a message of the client.
func (c *rawClient) request(t wire.Type, payload []byte, groups ...string) []byte {
	m := wire.Message{
		Header:  wire.Header{Type: t, Sender: c.private, Hint: wire.MakeHint(0)},
		Payload: payload,
	}
	for _, g := range groups {
		m.GroupFields = append(m.GroupFields, padded(g)...)
	}
	return m.Append(nil)
}

// join joins a group and waits for the first view. The client must want membership messages.
func (c *rawClient) join(group string) {
	c.t.Helper()
	c.write(c.request(wire.Join, nil, group))
	c.message()
}
