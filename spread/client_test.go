package spread_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// farm is a number of daemons in memory, by the port of their address.
type farm map[string]*spreadtest.Daemon

func newFarm(t *testing.T, ports ...string) farm {
	f := make(farm)
	for _, port := range ports {
		d := spreadtest.New("d" + port)
		t.Cleanup(d.Close)
		f[port] = d
	}
	return f
}

// dial connects to the daemon of a TCP address.
func (f farm) dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return f[port].Dial(ctx, network, address)
}

func (f farm) client(t *testing.T, ports []string, opts ...spread.Option) *spread.Client {
	t.Helper()
	var addresses []string
	for _, port := range ports {
		addresses = append(addresses, port+"@host")
	}
	c, err := spread.NewClient(addresses, append(opts, spread.WithDialer(f.dial))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// next returns the next event and fails the test if it is not a T.
func next[T spread.Event](t *testing.T, c *spread.Client) T {
	t.Helper()
	ev, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, ok := ev.(T)
	if !ok {
		t.Fatalf("received %T %+v, want a %T", ev, ev, want)
	}
	return want
}

func TestClientReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1", "2")
		c := f.client(t, []string{"1", "2"}, spread.WithName("me"))
		for _, g := range []string{"b", "a"} {
			if err := c.Join(t.Context(), g); err != nil {
				t.Fatal(err)
			}
		}
		if ev := next[*spread.Connected](t, c); ev.Address != "1@host" || ev.PrivateGroup != "#me#d1" || ev.Away != 0 {
			t.Errorf("%+v", ev)
		}
		if v, ok := c.View("a"); ok {
			t.Errorf("a view before the membership message: %+v", v)
		}
		if ev := next[*spread.Joined](t, c); ev.Away != 0 {
			t.Errorf("%+v", ev)
		}
		if v, ok := c.View("a"); !ok || v.Index != 0 || !slices.Equal(v.Members, []string{"#me#d1"}) {
			t.Errorf("the view is %+v, %v", v, ok)
		}
		time.Sleep(time.Minute)
		f["1"].SetDown(true)
		ev := next[*spread.Disconnected](t, c)
		if !errors.Is(ev.Err, spread.ErrConnectionClosed) || ev.Address != "1@host" || ev.Lasted != time.Minute {
			t.Errorf("%+v", ev)
		}
		if v, ok := c.View("a"); ok {
			t.Errorf("a view without a connection: %+v", v)
		}
		time.Sleep(time.Second)
		if ev := next[*spread.Connected](t, c); ev.Address != "2@host" || ev.Away != time.Second {
			t.Errorf("%+v", ev)
		}
		if ev := next[*spread.Joined](t, c); ev.PrivateGroup != "#me#d2" || ev.Away != time.Second {
			t.Errorf("%+v", ev)
		}
		if got := f["2"].Members("b"); len(got) != 1 {
			t.Errorf("the members are %q", got)
		}
		if err := c.Leave(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		f["2"].Drop("me")
		next[*spread.Disconnected](t, c)
		if ev := next[*spread.ConnectFailed](t, c); ev.Address != "1@host" || ev.Retry != 0 || !errors.Is(ev.Err, spread.ErrCouldNotConnect) {
			t.Errorf("%+v", ev) // round the list once more before the first pause
		}
		next[*spread.Connected](t, c)
		next[*spread.Joined](t, c)
		if got := f["2"].Members("b"); len(got) != 0 {
			t.Errorf("the members of a group that was left are %q", got)
		}
		want := []spread.DaemonStatus{{Address: "1@host", Connects: 1, Failures: 1}, {Address: "2@host", Connected: true, Connects: 2}}
		if got := c.Daemons(); !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestClientBackoff: the pauses double from 50 ms to 5 s, half of each at random.
func TestClientBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1")
		f["1"].SetDown(true)
		c := f.client(t, []string{"1"})
		full := 50 * time.Millisecond
		for range 12 {
			ev := next[*spread.ConnectFailed](t, c)
			if ev.Retry < full/2 || ev.Retry > full {
				t.Errorf("a pause of %v, want %v to %v", ev.Retry, full/2, full)
			}
			full = min(2*full, 5*time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := c.Multicast(ctx, spread.Agreed, 0, nil, "g")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, spread.ErrCouldNotConnect) {
			t.Errorf("%v, want the end of the context and why there is no connection", err)
		}
		if n := c.Daemons()[0].Failures; n < 12+12 || n > 12+24 {
			t.Errorf("%d failures", n)
		}
	})
}

// TestClientName: a private name that is taken gets a suffix.
func TestClientName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1")
		var names []string
		for range 5 {
			c := f.client(t, []string{"1"}, spread.WithName("longlonger"))
			names = append(names, next[*spread.Connected](t, c).PrivateGroup)
			if c.PrivateGroup() != names[len(names)-1] {
				t.Errorf("%q, want %q", c.PrivateGroup(), names)
			}
		}
		for _, n := range names[1:] {
			if !strings.HasPrefix(n, "#longlon-") && !strings.HasPrefix(n, "#r") {
				t.Errorf("the names are %q", names)
			}
		}
	})
}

// TestClientReturn: the client returns to its first daemon, but not in the middle of a batch, and
// with everything sent.
func TestClientReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1", "2")
		f["1"].SetDown(true)
		c := f.client(t, []string{"1", "2"}, spread.WithReturn(time.Second))
		if err := c.Join(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		next[*spread.ConnectFailed](t, c)
		next[*spread.Connected](t, c)
		next[*spread.Joined](t, c)
		f["1"].SetDown(false)
		err := c.Do(t.Context(), func(conn spread.Connection) error {
			time.Sleep(time.Minute)
			if err := conn.Multicast(t.Context(), spread.Agreed, 0, nil, "other"); err != nil {
				return err
			}
			return conn.Flush(t.Context())
		})
		if err != nil {
			t.Error(err)
		}
		if ev := next[*spread.Disconnected](t, c); !errors.Is(ev.Err, spread.ErrReturning) {
			t.Errorf("%+v", ev)
		}
		if ev := next[*spread.Connected](t, c); ev.Address != "1@host" {
			t.Errorf("%+v", ev)
		}
		next[*spread.Joined](t, c)
		if n := f["2"].Received(); n != 1 {
			t.Errorf("%d messages at the second daemon", n)
		}
	})
}

// TestClientReconnect: a program that does not like a daemon moves on.
func TestClientReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1", "2")
		c := f.client(t, []string{"1", "2"})
		next[*spread.Connected](t, c)
		dislike := errors.New("too old")
		c.Reconnect(dislike)
		if ev := next[*spread.Disconnected](t, c); !errors.Is(ev.Err, dislike) {
			t.Errorf("%+v", ev)
		}
		if ev := next[*spread.Connected](t, c); ev.Address != "2@host" {
			t.Errorf("%+v", ev)
		}
	})
}

// TestClientClose: Close wakes those who wait for a connection, a message or a pause.
func TestClientClose(t *testing.T) {
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFarm(t, "1")
			f["1"].SetDown(down)
			c := f.client(t, []string{"1"})
			var wg sync.WaitGroup
			wg.Go(func() {
				for _, err := range c.Events(t.Context()) {
					if err != nil && !errors.Is(err, spread.ErrIllegalSession) {
						t.Error(err)
					}
				}
			})
			if down {
				wg.Go(func() {
					if err := c.Multicast(t.Context(), spread.Agreed, 0, nil, "g"); !errors.Is(err, spread.ErrIllegalSession) {
						t.Error(err)
					}
				})
			}
			time.Sleep(time.Minute)
			for range 2 {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
			wg.Wait()
			for _, err := range []error{
				c.Join(t.Context(), "g"), c.Multicast(t.Context(), spread.Agreed, 0, nil, "g"),
				c.Do(t.Context(), func(spread.Connection) error { return nil }),
			} {
				if !errors.Is(err, spread.ErrIllegalSession) {
					t.Error(err)
				}
			}
		})
	}
}

// TestClientContext: the end of a context loses nothing.
func TestClientContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1")
		c := f.client(t, []string{"1"})
		next[*spread.Connected](t, c)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if ev, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v", ev, err)
			}
			cancel()
		}
		if err := c.Multicast(t.Context(), spread.Agreed, 0, []byte("x"), c.PrivateGroup()); err != nil {
			t.Fatal(err)
		}
		if m := next[*spread.Message](t, c); string(m.Payload) != "x" {
			t.Errorf("%+v", m)
		}
	})
}

func TestClientArguments(t *testing.T) {
	if _, err := spread.NewClient([]string{"4803", "what?"}); !errors.Is(err, spread.ErrIllegalSpread) {
		t.Error(err)
	}
	if _, err := spread.NewClient(nil, spread.WithName("elevenchars")); !errors.Is(err, spread.ErrRejectIllegalName) {
		t.Error(err)
	}
	c, err := spread.NewClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Join(t.Context(), "a b"); !errors.Is(err, spread.ErrIllegalGroup) {
		t.Error(err)
	}
	if err := c.Multicast(t.Context(), 0, 0, nil, "g"); !errors.Is(err, spread.ErrIllegalService) {
		t.Error(err)
	}
}

// meter is a listener that counts what is written to its connections.
type meter struct {
	net.Listener
	written atomic.Int64
}

type meteredConn struct {
	net.Conn
	m *meter
}

func (m *meter) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	return meteredConn{c, m}, err
}

func (c meteredConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.m.written.Add(int64(n))
	return n, err
}

// TestClientSlow: a program that lets messages wait is warned, once for each time.
func TestClientSlow(t *testing.T) {
	d := spreadtest.New("alpha")
	defer d.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{Listener: l}
	go func() { _ = d.Serve(m) }()
	defer l.Close()
	c, err := spread.NewClient([]string{l.Addr().String()}, spread.WithBacklog(32<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	self := next[*spread.Connected](t, c).PrivateGroup
	send := func(n int) {
		for range n {
			if err := c.Multicast(t.Context(), spread.Agreed, 0, make([]byte, 1000), self); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 2 {
		before := m.written.Load()
		send(200)
		slow := 0
		for messages := 0; messages < 200; {
			ev, err := c.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch ev := ev.(type) {
			case *spread.Message:
				messages++
			case *spread.Slow:
				if slow++; ev.Bytes < 32<<10 {
					t.Errorf("%+v", ev)
				}
			default:
				t.Fatalf("%T %+v", ev, ev)
			}
			if messages == 0 {
				t.Fatal("a notice before anything was received")
			}
			if messages == 1 {
				testkit.Wait(t, "the rest, in the kernel", func() bool { return m.written.Load() >= before+200*1000 })
			}
		}
		if slow != 1 {
			t.Errorf("round %d: %d notices, want 1", round, slow)
		}
		for i := range 40 { // one at a time: the program has caught up
			send(1)
			if m := next[*spread.Message](t, c); m == nil {
				t.Errorf("message %d is missing", i)
			}
		}
	}
}

// arrivals are what a client receives while its daemon restarts.
type arrivals struct {
	messages map[string]int // by payload
	gaps     int
	errors   []string // events in a wrong order
	enough   atomic.Bool
}

// take receives until ctx ends.
func (a *arrivals) take(ctx context.Context, c *spread.Client) {
	var m spread.Message
	connected := true
	for {
		ev, err := c.ReceiveInto(ctx, &m)
		if err != nil {
			return
		}
		switch ev := ev.(type) {
		case *spread.Message:
			a.messages[string(ev.Payload)]++
		case *spread.Disconnected:
			a.gaps++
		}
		if a.gaps > 0 && len(a.messages) > 0 {
			a.enough.Store(true)
		}
		_, connects := ev.(*spread.Connected)
		_, fails := ev.(*spread.ConnectFailed)
		if connected == (connects || fails) {
			a.errors = append(a.errors, fmt.Sprintf("%T while connected is %v", ev, connected))
		}
		if _, disconnects := ev.(*spread.Disconnected); connects || disconnects {
			connected = connects
		}
		_ = c.Ready()
	}
}

// TestClientRestarts: a daemon restarts again and again under a receiver and several publishers,
// one of which returns to it each time. Nothing arrives twice, and each gap is reported.
func TestClientRestarts(t *testing.T) {
	const publishers, batches = 3, 150
	f := newFarm(t, "1", "2")
	receiver := f.client(t, []string{"1"}, spread.WithName("in"))
	if err := receiver.Join(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	next[*spread.Connected](t, receiver)
	next[*spread.Joined](t, receiver)

	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	background.Go(func() {
		// Longer and longer, so that a slow machine gets something done in between.
		for up := 20 * time.Millisecond; ctx.Err() == nil; up += time.Millisecond {
			time.Sleep(up) //house:sleep the rhythm of the restarts, with real goroutines
			f["1"].SetDown(true)
			time.Sleep(2 * time.Millisecond) //house:sleep the same
			f["1"].SetDown(false)
		}
	})
	got := arrivals{messages: make(map[string]int)}
	background.Go(func() { got.take(ctx, receiver) })
	var wg sync.WaitGroup
	var flushed atomic.Int64
	for p := range publishers {
		c := f.client(t, []string{"1", "2"}, spread.WithName("pub"), spread.WithReturn(10*time.Millisecond))
		wg.Go(func() {
			for i := 0; i < batches || flushed.Load() == 0 || !got.enough.Load(); i++ {
				err := c.Do(t.Context(), func(conn spread.Connection) error {
					for j := range 5 {
						if err := conn.Multicast(t.Context(), spread.Agreed, 0, fmt.Append(nil, p, i, j), "g"); err != nil {
							return err
						}
					}
					return conn.Flush(t.Context())
				})
				if err == nil {
					flushed.Add(1)
				}
				time.Sleep(time.Millisecond) //house:sleep batches are spread over several restarts
				_, _ = c.View("g")
				_ = c.Daemons()
			}
		})
	}
	wg.Wait()
	stop()
	background.Wait()
	for text, n := range got.messages {
		if n > 1 {
			t.Errorf("%q arrived %d times", text, n)
		}
	}
	if flushed.Load() == 0 || got.gaps == 0 || len(got.messages) == 0 || len(got.errors) > 0 {
		t.Errorf("%d batches flushed, %d gaps, %d messages, %q", flushed.Load(), got.gaps, len(got.messages), got.errors)
	}
}

// TestClientDo: an error in the middle of a batch drops the connection, so that nothing of the
// batch can arrive later without the publisher's knowledge.
func TestClientDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t, "1")
		c := f.client(t, []string{"1"})
		wrong := errors.New("wrong")
		var first, second spread.Connection
		err := c.Do(t.Context(), func(conn spread.Connection) error {
			first = conn
			return wrong
		})
		if !errors.Is(err, wrong) {
			t.Error(err)
		}
		next[*spread.Connected](t, c)
		if ev := next[*spread.Disconnected](t, c); !errors.Is(ev.Err, wrong) {
			t.Errorf("%+v", ev)
		}
		if err := c.Do(t.Context(), func(conn spread.Connection) error { second = conn; return nil }); err != nil || first == second {
			t.Errorf("%v, the same connection: %v", err, first == second)
		}
		next[*spread.Connected](t, c)
	})
}
