package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/tlsconf/tlstest"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/wire"
)

// TestClients: nothing that one client does takes anything from the others, or ends the ring.
func TestClients(t *testing.T) {
	run(t, []attack{
		{name: "many groups, left at once", by: func(g *target) { g.manyGroups(size(3000, 100_000)) }},
		{name: "receivers that do not read", by: func(g *target) { g.deaf(size(5, 40), size(500, 20_000)) }},
		{name: "receivers that do not read and come back", by: func(g *target) {
			for range size(3, 10) {
				g.deaf(size(3, 60), size(100, 1000))
			}
		}},
		{
			name:   "joins and leaves of a large group",
			before: func(g *target) { g.crowd(size(50, 900)) },
			by:     func(g *target) { g.churn(size(200, 2888)) },
		},
		{name: "connections that only send a name", by: func(g *target) { g.namesOnly(size(100, 997)) }},
		{name: "connections that send nothing", by: func(g *target) { g.silent(size(100, 997)) }},
		{name: "sessions that send a header and stop", by: func(g *target) { g.halfMessages(size(50, 900)) }},
		{name: "sessions of one address that join and leave together", by: func(g *target) { g.crowdChurn(size(20, 200), size(5, 20)) }},
		{
			name:   "handshakes of TLS that never finish",
			change: withTLS(t),
			by:     func(g *target) { g.halfTLS(size(100, 997)) },
		},
	})
}

// manyGroups joins groups and ends without leaving them.
func (g *target) manyGroups(n int) {
	d := g.daemons[1]
	c := g.dial(d)
	for i := range n {
		g.join(c, fmt.Sprintf("g%06d", i))
	}
	if err := c.Flush(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	all := func(d *localring.Daemon) int { return d.Stats().Ring.Status.NumGroups }
	testkit.Wait(g.t, "the joins", func() bool { return all(d) >= n })
	began := time.Now()
	c.Kill()
	testkit.Wait(g.t, "the end of the groups", func() bool { return all(d) < n && all(g.daemons[2]) < 10 })
	g.t.Logf("all daemons have carried out the end of %d groups after %v", n, time.Since(began))
}

// deaf connects clients that join the group of a publisher and never read, until they have been
// disconnected or the publisher has sent everything.
func (g *target) deaf(clients, messages int) {
	var all []*spread.Conn
	for range clients {
		c := g.dial(g.daemons[1])
		g.join(c, "flood")
		all = append(all, c)
	}
	defer kill(all)
	ctx, cancel := context.WithTimeout(g.t.Context(), 2*testkit.Patience)
	defer cancel()
	p := g.dial(g.daemons[1])
	payload := make([]byte, 10_000)
	for range messages {
		if err := p.Multicast(ctx, spread.Agreed, 0, payload, "flood"); err != nil {
			g.t.Fatal(err)
		}
	}
	if err := p.Flush(ctx); err != nil {
		g.t.Fatal(err)
	}
}

func kill(all []*spread.Conn) {
	for _, c := range all {
		c.Kill()
	}
}

// dialRaw connects a client, and returns its connection to the daemon, too.
func (g *target) dialRaw(d *localring.Daemon, opts ...spread.Option) (c *spread.Conn, raw net.Conn) {
	g.t.Helper()
	dial := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		raw, err = new(net.Dialer).DialContext(ctx, network, address)
		return raw, err
	}
	c = g.dial(d, append(opts, spread.WithDialer(dial))...)
	return c, raw
}

// crowd connects the members of a group, who all get each view. They only read: in a real ring it is
// not the daemons' hosts that decode the views.
func (g *target) crowd(members int) {
	for i := range members {
		c, raw := g.dialRaw(g.daemons[i%3], spread.WithMembership(true))
		g.join(c, "large")
		if _, err := raw.Read(make([]byte, 1)); err != nil { // of the view with its own join
			g.t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, raw) }() // It ends with the test.
	}
}

// churnTime is for how long a client joins and leaves at most.
const churnTime = 10 * time.Second

// churn makes a client join and leave the group of the crowd as often as its daemon lets it.
func (g *target) churn(changes int) {
	c := g.dial(g.daemons[1])
	defer c.Kill()
	ctx, cancel := context.WithTimeout(g.t.Context(), churnTime)
	defer cancel()
	var err error
	for range changes / 2 {
		if err = c.Join(ctx, "large"); err == nil {
			err = c.Leave(ctx, "large")
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = c.Flush(ctx)
	}
	if err != nil && ctx.Err() == nil {
		g.t.Fatal(err)
	}
	if large() {
		<-ctx.Done() // The daemon still has requests of the client.
	}
	g.t.Logf("the daemon has had the client wait %d times", g.daemons[1].Stats().Delays)
}

// halfMessages connects clients that send the header of a long message and a part of what it announces.
func (g *target) halfMessages(n int) {
	for i := range n {
		c, raw := g.dialRaw(g.daemons[1])
		m := wire.Message{
			Header:      wire.Header{Type: wire.Agreed, Sender: wire.MakeName(c.PrivateGroup()), Hint: wire.MakeHint(0)},
			GroupFields: make([]byte, wire.NameLen), Payload: make([]byte, 100_000),
		}
		copy(m.GroupFields, "nobody")
		b := m.Append(nil)
		if _, err := raw.Write(b[:wire.HeaderLen+i*1000%len(b[wire.HeaderLen:])]); err != nil {
			g.t.Fatal(err)
		}
	}
}

// crowdChurn connects clients that all join the same group at once and leave it at once, again and
// again.
func (g *target) crowdChurn(clients, rounds int) {
	ctx, cancel := context.WithTimeout(g.t.Context(), churnTime)
	defer cancel()
	var all []*spread.Conn
	for range clients {
		all = append(all, g.dial(g.daemons[1]))
	}
	defer kill(all)
	each := func(do func(c *spread.Conn) error) {
		var done sync.WaitGroup
		for _, c := range all {
			done.Go(func() {
				if err := errors.Join(do(c), c.Flush(ctx)); err != nil && ctx.Err() == nil {
					g.t.Error(err)
				}
			})
		}
		done.Wait()
	}
	for range rounds {
		each(func(c *spread.Conn) error { return c.Join(ctx, "meeting") })
		each(func(c *spread.Conn) error { return c.Leave(ctx, "meeting") })
	}
	g.t.Logf("the daemon has had the clients wait %d times", g.daemons[1].Stats().Delays)
}

// withTLS has the daemons serve TLS.
func withTLS(t *testing.T) func(cfg *daemon.Config) {
	t.Helper()
	files := tlstest.NewAuthority(t, t.TempDir()).Sign(t, "daemon")
	secure, err := files.Server(nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *daemon.Config) {
		cfg.TLS, cfg.TLSListen = secure, []string{"127.0.0.1:0"}
	}
}

// halfTLS opens connections to the port for TLS that send the beginning of a handshake.
func (g *target) halfTLS(n int) {
	hello := []byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3} // a record of 512 bytes with a ClientHello of 508
	addrs := g.daemons[2].Addrs()
	g.connectionsTo(addrs[len(addrs)-1].String(), n, func(i int) []byte { return hello[:i%(len(hello)+1)] })
}

// namesOnly opens connections that send the name of a client and then nothing. Others must be able to
// connect all the same.
func (g *target) namesOnly(n int) {
	g.connections(n, func(i int) []byte {
		return (&wire.ConnectRequest{Version: wire.OurVersion, Name: fmt.Appendf(nil, "n%d", i)}).Append(nil)
	})
}

// silent opens connections that send nothing.
func (g *target) silent(n int) { g.connections(n, func(int) []byte { return nil }) }

func (g *target) connections(n int, hello func(i int) []byte) {
	g.connectionsTo(fmt.Sprintf("127.0.0.1:%d", g.daemons[2].Config.Port), n, hello)
}

// connectionsTo opens connections to a port of the last daemon.
func (g *target) connectionsTo(address string, n int, hello func(i int) []byte) {
	d := g.daemons[2]
	for i := range n {
		c, err := net.DialTimeout("tcp", address, testkit.Patience)
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { _ = c.Close() })
		if b := hello(i); len(b) > 0 {
			if _, err := c.Write(b); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	began := time.Now()
	g.dial(d).Kill()
	g.t.Logf("another client connects in %v", time.Since(began))
}
