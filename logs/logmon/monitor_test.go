package logmon

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// dialer dials daemons in memory by the port of their address.
func dialer(daemons map[string]*spreadtest.Daemon) func(context.Context, string, string) (spread.Connection, error) {
	return func(ctx context.Context, address, name string) (spread.Connection, error) {
		opts := []spread.Option{spread.WithDialer(daemons[address].Dial), spread.WithMembership(true)}
		if name != "" {
			opts = append(opts, spread.WithName(name))
		}
		c, err := spread.Dial(ctx, address, opts...)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// start runs a monitor until the test ends, and waits until it has joined.
func start(t *testing.T, cfg Config) *Monitor {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	<-m.Ready()
	return m
}

func publisher(t *testing.T, d *spreadtest.Daemon) *spread.Conn {
	t.Helper()
	c, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial), spread.WithName("pub"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c *spread.Conn, text string, groups ...string) {
	t.Helper()
	if err := c.Multicast(t.Context(), spread.Agreed, 1, []byte(text), groups...); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const request = `10.0.0.1 - - [t] "GET /a HTTP/1.1" 200 10 "-" "x"` + "\n"

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spreadtest.New("web1")
		defer d.Close()
		m := start(t, Config{Groups: []string{"b", "a", "b"}, Dial: dialer(map[string]*spreadtest.Daemon{"4803": d})})
		p := publisher(t, d)
		send(t, p, request, "a")
		send(t, p, request+request, "c", "b", "a") // counted once, for b
		send(t, p, string((&envelope.Header{Publisher: "w"}).Append(nil))+request, "a")
		send(t, p, "odd\n", "b")
		synctest.Wait()
		v := m.View(traffic.Query{VHosts: 9})
		send(t, p, request, v.State.Session) // private
		synctest.Wait()
		v = m.View(traffic.Query{VHosts: 9})
		if v.Total.Requests != 4 || v.OddLines != 1 || v.Messages != 4 || v.State.Dropped["private"] != 1 || v.State.Dropped["queue_full"] != 0 {
			t.Errorf("%+v", v)
		}
		if got := fmt.Sprintf("%+v", v.Groups); got != "[{Name:a Messages:2 Bytes:126 Lines:2 Odd:0} {Name:b Messages:2 Bytes:104 Lines:3 Odd:1}]" {
			t.Error(got)
		}
		if len(v.Servers) != 1 || v.Servers[0].Name != "web1" {
			t.Errorf("the servers are %+v", v.Servers)
		}
		if s := v.State; !s.Connected || s.Daemon != "4803" || !strings.HasPrefix(s.Session, "#lm") || s.Connects != 1 || s.Error != "" || strings.Join(s.Groups, " ") != "a b" {
			t.Errorf("%+v", s)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		if h := m.View(traffic.Query{History: true}).History; len(h) != 3 || h[0].Classes[traffic.Class2xx] != 4 {
			t.Errorf("the history is %+v", h)
		}
	})
}

// TestReconnect: a daemon that goes away is reported, the next one is tried, and what was counted
// stays.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := spreadtest.New("web1"), spreadtest.New("web2")
		defer a.Close()
		defer b.Close()
		m := start(t, Config{Groups: []string{"g"}, Addresses: []string{"4803", "4804"}, Dial: dialer(map[string]*spreadtest.Daemon{"4803": a, "4804": b})})
		send(t, publisher(t, a), request, "g")
		synctest.Wait()
		b.SetDown(true)
		a.SetDown(true)
		synctest.Wait()
		if s := m.View(traffic.Query{}).State; s.Connected || s.Error == "" || s.Daemon != "4803" {
			t.Errorf("with all daemons down: %+v", s)
		}
		b.SetDown(false)
		time.Sleep(30 * time.Second)
		send(t, publisher(t, b), request, "g")
		synctest.Wait()
		v := m.View(traffic.Query{})
		if s := v.State; !s.Connected || s.Daemon != "4804" || s.Connects != 2 || v.Total.Requests != 2 || s.Error != "" {
			t.Errorf("with the second daemon: %+v, %d requests", s, v.Total.Requests)
		}
	})
}

// TestNotUnique: a name that is taken is no reason to stay away.
func TestNotUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spreadtest.New("web1")
		defer d.Close()
		cfg := Config{Groups: []string{"g"}, Dial: dialer(map[string]*spreadtest.Daemon{"4803": d})}
		one, two := start(t, cfg), start(t, cfg)
		if a, b := one.View(traffic.Query{}).State.Session, two.View(traffic.Query{}).State.Session; a == b || b == "" {
			t.Errorf("the sessions are %q and %q", a, b)
		}
	})
}

// TestDropped: messages that come while nothing is counted are counted as dropped, and the receiver
// goes on.
func TestDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spreadtest.New("web1")
		defer d.Close()
		m, err := New(Config{Groups: []string{"g"}, QueueBytes: 1000, Dial: dialer(map[string]*spreadtest.Daemon{"4803": d})})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go (&receiver{m: m}).run(ctx) // and no counter
		<-m.Ready()
		p := publisher(t, d)
		for range 50 {
			send(t, p, request, "g")
		}
		synctest.Wait()
		stop := make(chan struct{})
		close(stop)
		m.count(stop)
		v := m.View(traffic.Query{})
		if n := v.State.Dropped["queue_full"]; n == 0 || v.Total.Requests+n != 50 {
			t.Errorf("%d counted, %d dropped, want all 50", v.Total.Requests, n)
		}
	})
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"no group":         {},
		"501 groups":       {Groups: make([]string, 501)},
		`group "a b"`:      {Groups: []string{"a b"}},
		`daemon "x"`:       {Groups: []string{"a"}, Addresses: []string{"x"}},
		"queue of -1":      {Groups: []string{"a"}, QueueBytes: -1},
		"session time-out": {Groups: []string{"a"}, Traffic: traffic.Config{SessionTimeout: 1}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := New(Config{Groups: []string{"a"}}); err != nil {
		t.Error(err)
	}
}
