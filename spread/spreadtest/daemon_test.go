package spreadtest_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

func start(t *testing.T) *spreadtest.Daemon {
	d := spreadtest.New("alpha")
	t.Cleanup(d.Close)
	return d
}

func dial(t *testing.T, d *spreadtest.Daemon, name string) *spread.Conn {
	t.Helper()
	c, err := spread.Dial(t.Context(), "", spread.WithName(name), spread.WithMembership(true), spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

// next returns the next event in short: cause and members, or the payload.
func next(t *testing.T, c *spread.Conn) string {
	t.Helper()
	e, err := c.Receive(t.Context())
	if err != nil {
		return spread.CodeOf(err).Name()
	}
	switch e := e.(type) {
	case *spread.Message:
		return string(e.Payload)
	case *spread.Membership:
		return e.Cause.String() + " " + strings.Join(e.Members, ",")
	default:
		return "?"
	}
}

func expect(t *testing.T, c *spread.Conn, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(t, c); got != w {
			t.Fatalf("%s got %q, want %q", c.PrivateGroup(), got, w)
		}
	}
}

func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d := start(t)
		a, b, c := dial(t, d, "a"), dial(t, d, "b"), dial(t, d, "c")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // requests of different connections in this order
		}
		must(b.Join(ctx, "g"))
		must(a.Join(ctx, "g"))
		must(a.Join(ctx, "g")) // no effect
		must(a.Join(ctx, "h"))
		if got := d.Members("g"); !slices.Equal(got, []string{"#a#alpha", "#b#alpha"}) {
			t.Errorf("members %q", got)
		}
		must(c.Multicast(ctx, spread.Agreed, 0, []byte("both"), "g", "h", "#a#alpha", "nobody"))
		must(b.Multicast(ctx, spread.Agreed|spread.SelfDiscard, 0, []byte("not to me"), "g"))
		must(c.Multicast(ctx, spread.Agreed, 0, []byte("private"), "#b#alpha"))
		must(c.Leave(ctx, "g")) // no member
		must(b.Leave(ctx, "g"))
		must(b.Join(ctx, "g"))
		expect(t, b, "join #b#alpha", "join #a#alpha,#b#alpha", "both", "private", "self-leave ",
			"join #a#alpha,#b#alpha")
		if !d.Drop("b") || d.Drop("b2") {
			t.Error("drop")
		}
		synctest.Wait()
		must(c.Close())
		if got := d.Sessions(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("sessions %q", got)
		}
		if n := d.Received(); n != 3 {
			t.Errorf("%d messages received", n)
		}
		expect(t, a, "join #a#alpha,#b#alpha", "join #a#alpha", "both", "not to me",
			"leave #a#alpha", "join #a#alpha,#b#alpha", "disconnect #a#alpha")
		expect(t, b, "CONNECTION_CLOSED")
	})
}

func TestMoods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := start(t)
		c := dial(t, d, "a")
		again := func() spread.Code {
			n, err := spread.Dial(t.Context(), "", spread.WithName("a"), spread.WithDialer(d.Dial))
			if err == nil {
				n.Kill()
			}
			return spread.CodeOf(err)
		}
		if code := again(); code != spread.ErrRejectNotUnique {
			t.Errorf("same name: %v", code)
		}
		d.Reject(int8(spread.ErrRejectQuota))
		if code := again(); code != spread.ErrRejectQuota {
			t.Errorf("rejecting: %v", code)
		}
		d.Reject(0)

		d.SetStalled(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		for err == nil {
			err = c.Multicast(ctx, spread.Safe, 0, make([]byte, 10_000), "g")
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stalled: %v", err)
		}
		d.SetStalled(false)
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("no longer stalled: %v", err)
		}

		d.SetDown(true)
		expect(t, c, "CONNECTION_CLOSED")
		if code := again(); code != spread.ErrCouldNotConnect {
			t.Errorf("down: %v", code)
		}
		d.SetDown(false)
		if code := again(); code != 0 {
			t.Errorf("up again: %v", code)
		}
	})
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "4803"))
	if err != nil {
		t.Skipf("no UNIX sockets: %v", err)
	}
	d := start(t)
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	c, err := spread.Dial(t.Context(), "4803", spread.WithSocketDir(dir), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Join(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "join #r1#alpha")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
}
