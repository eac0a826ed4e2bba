package spreadtest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// TestRing: daemons of a ring have one order and one set of groups. When the network is split, each
// part has its own, and their members come together again afterwards.
func TestRing(t *testing.T) {
	r := spreadtest.NewRing("alpha", "beta", "gamma")
	t.Cleanup(r.Close)
	var conns []*spread.Conn
	var members strings.Builder
	for i, d := range r.Daemons() {
		c := dial(t, d, "x")
		conns = append(conns, c)
		if err := c.Join(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			members.WriteString(",")
		}
		members.WriteString(c.PrivateGroup())
		for _, c := range conns {
			expect(t, c, "join "+members.String())
		}
	}
	send := func(c *spread.Conn, text string, to ...string) {
		t.Helper()
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte(text), to...); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := conns[0], conns[1], conns[2]
	send(a, "one", "g")
	for _, x := range conns {
		expect(t, x, "one")
	}
	send(b, "private", c.PrivateGroup())
	expect(t, c, "private")

	r.Split(r.Daemons()[:2])
	for _, x := range conns[:2] {
		expect(t, x, "transitional ", "network #x#alpha,#x#beta")
	}
	expect(t, c, "transitional ", "network #x#gamma")
	send(a, "two", "g", c.PrivateGroup())
	send(c, "three", "g")
	expect(t, a, "two")
	expect(t, b, "two")
	expect(t, c, "three")
	r.Split()
	for _, x := range conns {
		e, err := x.Receive(t.Context())
		m, ok := e.(*spread.Membership)
		if err != nil || !ok || m.Cause != spread.CauseNetwork || len(m.Members) != 3 || len(m.Sets) != 2 || !m.Sets[0].Own != (x == c) {
			t.Errorf("%s got %+v, %v", x.PrivateGroup(), e, err)
		}
	}
	r.Daemons()[1].SetDown(true)
	expect(t, a, "transitional ", "network #x#alpha,#x#gamma")
	r.Daemons()[1].SetDown(false)
	send(c, "four", "g")
	expect(t, a, "four")
}

// TestDelay: messages wait for their place in the order, and are lost with their daemon.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := spreadtest.NewRing("alpha", "beta")
		defer r.Close()
		a, b := dial(t, r.Daemons()[0], "a"), dial(t, r.Daemons()[1], "b")
		if err := b.Join(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		expect(t, b, "join #b#beta")
		r.SetDelay(func() time.Duration { return time.Second })
		send := func(text string) {
			if err := a.Multicast(t.Context(), spread.Agreed, 0, []byte(text), "g"); err != nil {
				t.Fatal(err)
			}
			if err := a.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		began := time.Now()
		send("one")
		expect(t, b, "one")
		if d := time.Since(began); d != time.Second {
			t.Errorf("it came after %v", d)
		}
		send("two")
		r.Daemons()[0].SetDown(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if e, err := b.Receive(ctx); err == nil {
			t.Errorf("got %+v", e)
		}
	})
}
