package groups

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestReconfigure: in what is delivered of the old membership, members are in the order of the old
// configuration, so that all its daemons report the same; then they are in that of the new one.
// Members of a daemon that the new one lacks leave with the old one.
func TestReconfigure(t *testing.T) {
	c := newCluster(t, "A", "B", "C")
	for rank := range c.names {
		c.start(rank)
	}
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 10}, 0, 1, 2))
	c.run()
	room := wire.MakeName("room")
	for _, n := range c.nodes {
		cl := n.connect("u", true)
		n.request(wire.Join, cl.name, "room")
	}
	c.run()
	order := func(n *node) (names []string) {
		for _, p := range n.m.group(&room).members {
			names = append(names, p.name.String())
		}
		return names
	}
	id := func(rank int) wire.DaemonID { return c.nodes[rank].m.cfg.Self }
	next := []Daemon{{ID: 99, Name: "new"}, {ID: id(1), Name: "B"}, {ID: id(0), Name: "A"}}
	for _, bad := range [][]Daemon{
		nil, next[:1],
		{{ID: id(0), Name: "A"}, {ID: id(1), Name: "B"}, {ID: 98, Name: "C"}},
		{{ID: id(0), Name: "A"}, {ID: id(1), Name: "B"}, {ID: id(2), Name: "D"}},
	} {
		if err := c.nodes[0].m.Reconfigure(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	survivors := c.nodes[:2]
	for _, n := range survivors {
		if err := n.m.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(order(n)); got != "[#u#A #u#B #u#C]" {
			t.Errorf("%s: in the old membership %s", n.name(), got)
		}
	}
	c.crash(2)
	c.form(c.plan(wire.MembershipID{Daemon: 2, Time: 20}, 0, 1))
	c.run()
	for _, n := range survivors {
		if got := fmt.Sprint(order(n)); got != "[#u#B #u#A]" {
			t.Errorf("%s: in the new membership %s", n.name(), got)
		}
		if !slices.Equal(n.m.cfg.Daemons, next) || n.m.next != nil || n.m.State() != StateOp {
			t.Errorf("%s has %v, state %v", n.name(), n.m.cfg.Daemons, n.m.State())
		}
	}
}

// TestReconfigureTransitional: the daemons of the transitional membership have the new configuration,
// so its order holds from there on, as in C daemons. Members of daemons that it lacks come last, by
// unsigned id, and can ask for nothing any more.
func TestReconfigureTransitional(t *testing.T) {
	const high = 1 << 31
	m, err := New(Config{Daemons: []Daemon{{high, "H"}, {1, "A"}, {3, "C"}, {2, "B"}}, Self: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	views := wire.MakeName("#x#A")
	m.Connect(1, views, true)
	all := []wire.DaemonID{high, 1, 3, 2}
	m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 1}, all, &out)
	m.HandleRegular(wire.MembershipID{Daemon: 1, Time: 2}, all, &out)
	ask := func(kind wire.Type, name, daemon string) {
		out.Reset()
		room := wire.MakeName("room")
		msg := wire.Message{Header: wire.Header{Type: kind, Sender: wire.MakeName("#" + name + "#" + daemon)}, GroupFields: room[:]}
		m.Deliver(whole(msg.Append(nil)), &out)
	}
	for _, d := range []string{"A", "B", "C", "H"} {
		ask(wire.Join, "x", d)
	}
	next := []Daemon{{2, "B"}, {99, "new"}, {1, "A"}}
	if err := m.Reconfigure(next); err != nil {
		t.Fatal(err)
	}
	members := func() string {
		t.Helper()
		if len(out.Deliveries) == 0 {
			t.Fatal("no view")
		}
		var v wire.Message
		if _, err := v.Decode(out.Deliveries[0].Data.Bytes()); err != nil {
			t.Fatal(err)
		}
		var list []wire.Name
		for _, n := range v.Groups() {
			list = append(list, n.Clean())
		}
		return fmt.Sprint(list)
	}
	ask(wire.Join, "y", "C")
	if got, want := members(), "[#x#H #x#A #x#C #y#C #x#B]"; got != want {
		t.Errorf("in the old membership %s, want %s", got, want)
	}
	m.HandleTransitional(wire.MembershipID{Daemon: 2, Time: 3}, []wire.DaemonID{2, 1}, &out)
	for _, kind := range []wire.Type{wire.Join, wire.Leave, wire.Kill} {
		if ask(kind, "y", "C"); len(out.Refused) != 1 || out.Refused[0].Reason != UnknownDaemon || len(out.Deliveries) > 0 {
			t.Errorf("%v by a member of a daemon that is not configured: %+v", kind, out)
		}
	}
	ask(wire.Join, "y", "B")
	if got, want := members(), "[#x#B #y#B #x#A #x#C #y#C #x#H]"; got != want {
		t.Errorf("in the transitional membership %s, want %s", got, want)
	}
	m.HandleRegular(wire.MembershipID{Daemon: 2, Time: 4}, []wire.DaemonID{2, 1}, &out)
	ask(wire.Leave, "y", "B")
	if got, want := members(), "[#x#B #x#A]"; got != want {
		t.Errorf("in the new membership %s, want %s", got, want)
	}
}

// TestReconfigureInExchange: the configuration cannot change while the tables are not agreed.
func TestReconfigureInExchange(t *testing.T) {
	m, err := New(Config{Daemons: []Daemon{{1, "A"}, {2, "B"}}, Self: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 1}, []wire.DaemonID{1}, &out)
	if m.Reconfigure(m.cfg.Daemons) == nil {
		t.Errorf("taken in %v", m.State())
	}
	m.HandleRegular(wire.MembershipID{Daemon: 1, Time: 2}, []wire.DaemonID{1, 2}, &out)
	if m.Reconfigure(m.cfg.Daemons) == nil {
		t.Errorf("taken in %v", m.State())
	}
}
