package groups

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// TestReconfigure: until the next regular membership, members are in the order of the old
// configuration, so that all daemons of the old membership report the same; then they are in that
// of the new one. Members of a daemon that the new one lacks leave with the old one.
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
		for _, d := range n.m.groups[room].daemons {
			for _, m := range d.members {
				names = append(names, m.String())
			}
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
