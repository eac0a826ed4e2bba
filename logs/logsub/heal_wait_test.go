package logsub

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// twoGroups is a log host of groups a and b.
func twoGroups(t *testing.T, d *spreadtest.Daemon, name, dir string) Config {
	t.Helper()
	cfg := orderedHost(t, d, dir, name)
	for i, group := range []string{"a", "b"} {
		cfg.Connections[0].Logs[i] = Log{Group: group, File: filepath.Join(dir, "all-"+group), Envelope: EnvelopeIndex}
	}
	return cfg
}

// heldConn is a connection with a hook.
type heldConn struct {
	spread.Connection
	join    func(group string)
	receive func(spread.Event)
}

// Join implements [spread.Connection].
func (c heldConn) Join(ctx context.Context, group string) error {
	if c.join != nil {
		c.join(group)
	}
	return c.Connection.Join(ctx, group)
}

// Receive implements [spread.Connection].
func (c heldConn) Receive(ctx context.Context) (spread.Event, error) {
	ev, err := c.Connection.Receive(ctx)
	if c.receive != nil {
		c.receive(ev)
	}
	return ev, err
}

// hold adds hooks to the connections of a log host.
func hold(cfg *Config, join func(group string), receive func(spread.Event)) {
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, address, name string) (spread.Connection, error) {
		c, err := dial(ctx, address, name)
		if err != nil {
			return nil, err
		}
		return heldConn{c, join, receive}, nil
	}
}

// quickly reports an error if log hosts have given up waiting for something.
func quickly(t *testing.T, hosts ...*Subscriber) {
	t.Helper()
	for _, s := range hosts {
		if f := s.Stats().Heal.Failures; f["join"]+f["connection"]+f["files"] > 0 {
			t.Errorf("%s: failures %v", s.cfg.Host, f)
		}
	}
}

// TestHealJoinAcrossMerge: the network is merged while a log host has joined one of its two groups.
// It compares files at its join and at the merge.
func TestHealJoinAcrossMerge(t *testing.T) {
	for _, names := range [][2]string{{"one", "two"}, {"two", "one"}} {
		t.Run(names[1]+" joins", func(t *testing.T) {
			r := spreadtest.NewRing("h1", "h2")
			t.Cleanup(r.Close)
			d := r.Daemons()
			first, second := t.TempDir(), t.TempDir()
			s, _ := runHost(t, twoGroups(t, d[0], names[0], first))
			p := newPublisherOf(t, dialer(d[0]), "4803", "web")
			p.send(100)
			r.Split(d[:1], d[1:])
			cfg := twoGroups(t, d[1], names[1], second)
			hold(&cfg, func(group string) {
				if group == "b" {
					testkit.Wait(t, "it is in group a", func() bool { return len(d[1].Members("a")) == 1 })
					r.Split()
				}
			}, nil)
			joined, _ := runHost(t, cfg)
			p.send(100)
			waitSame(t, uncut, 200, first, second)
			quickly(t, s, joined)
		})
	}
}

// TestHealCrossed: when a network is merged, one log host learns late of the merge of its second
// group. At the first group it waits for the other one, which waits for it at both. The other one is
// refused, and asks again.
func TestHealCrossed(t *testing.T) {
	r := spreadtest.NewRing("h1", "h2")
	t.Cleanup(r.Close)
	d := r.Daemons()
	var dirs [2]string
	var hosts [2]*Subscriber
	var pubs [2]*publisherOf
	for i, name := range []string{"one", "two"} {
		dirs[i] = t.TempDir()
		cfg := twoGroups(t, d[i], name, dirs[i])
		if i == 1 {
			hold(&cfg, nil, func(ev spread.Event) {
				if m, ok := ev.(*spread.Membership); ok && m.Regular() && m.Cause == spread.CauseNetwork && m.Group == "b" && len(m.Members) == 2 {
					testkit.Wait(t, "one asks two", func() bool { return hosts[0].Stats().Heal.Running })
					testkit.Wait(t, "two asks one", func() bool {
						h := hosts[1].healer
						h.mu.Lock()
						x := h.frozen
						h.mu.Unlock()
						return x != nil && x.merged && x.started()
					})
				}
			})
		}
		hosts[i], _ = runHost(t, cfg)
		pubs[i] = newPublisherOf(t, dialer(d[i]), "4803", "web"+name)
	}
	for _, p := range pubs {
		p.send(50)
	}
	waitSame(t, uncut, 100, dirs[:]...)
	r.Split(d[:1], d[1:])
	for _, p := range pubs {
		p.send(50)
	}
	for _, dir := range dirs {
		waitSame(t, uncut, 150, dir)
	}
	r.Split()
	waitSame(t, uncut, 200, dirs[:]...)
	quickly(t, hosts[:]...)
}
