package groups

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// crowd puts members of daemon A into groups, in one ring of A and B.
func crowd(t *testing.T, groups map[string]int) *cluster {
	t.Helper()
	c := newCluster(t, "A", "B", "C")
	for rank := range 3 {
		c.start(rank)
	}
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0, 1))
	c.form(c.plan(wire.MembershipID{Daemon: 3, Time: 22}, 2))
	c.run()
	a := c.nodes[0]
	most := 0
	for _, n := range groups {
		most = max(most, n)
	}
	for i := range most {
		cl := a.connect(fmt.Sprintf("c%05d", i), false)
		for name, n := range groups {
			if i < n {
				m := wire.Message{Header: wire.Header{Type: wire.Join, Sender: cl.name, Hint: wire.MakeHint(0)}}
				g := wire.MakeName(name)
				m.GroupFields = g[:]
				b := m.Append(nil)
				for _, node := range c.nodes[:2] { // without all the checks of give
					node.m.Deliver(whole(b), &node.out)
					if len(node.out.Refused) > 0 {
						t.Fatalf("join %d: %v", i, node.out.Refused)
					}
					node.out.Reset()
				}
			}
		}
	}
	return c
}

// shape describes a state message: its length, service and number of daemons in each group.
func shape(t *testing.T, b []byte) string {
	t.Helper()
	var m wire.Message
	var s wire.GroupState
	if _, err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	if err := s.Decode(&m); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString(fmt.Sprintf("%d %v", len(b), m.Type&wire.Services))
	if s.First {
		text.WriteString(" first")
	}
	for g := range s.Groups() {
		text.WriteString(fmt.Sprintf(" %s", g.Name))
		for d := range g.Daemons() {
			text.WriteString(fmt.Sprintf("/%d", d.Len()))
		}
	}
	return text.String()
}

// TestDividedState: when a piece does not fit, another message begins (groups-protocol §7.4).
func TestDividedState(t *testing.T) {
	for _, tt := range []struct {
		what   string
		groups map[string]int
		want   []string // in the order of sending
	}{
		{"all in one", map[string]int{"a": 10}, []string{"451 AGREED first a/10"}},
		{
			"the largest group",
			map[string]int{"a": MaxLocalMembers},
			// The synced set leaves no room for the daemon in the first message, where the group
			// has an entry without daemons.
			[]string{"99991 RELIABLE a/3121", "117 AGREED first a"},
		},
		{
			"two of these",
			map[string]int{"a": MaxLocalMembers, "b": MaxLocalMembers},
			[]string{"99991 RELIABLE b/3121", "99991 RELIABLE a/3121", "117 AGREED first a"},
		},
		{
			// 69 + 62 + 32 n = 99,995 leaves no room for the entry of b.
			"a group that fills the message",
			map[string]int{"a": 3120, "b": 1},
			[]string{"151 RELIABLE b/1", "99971 AGREED first a/3120"},
		},
		{
			"a group header just fits",
			map[string]int{"a": 3119, "b": 1},
			[]string{"151 RELIABLE b/1", "99987 AGREED first a/3119 b"},
		},
	} {
		c := crowd(t, tt.groups)
		a, b := c.nodes[0], c.nodes[1]
		c.form(c.plan(exchange40, 0, 1, 2))
		var got []string
		for _, e := range a.states {
			got = append(got, shape(t, e.data))
			if len(e.data) > wire.MaxGroupState {
				t.Errorf("%s: a message of %d bytes", tt.what, len(e.data))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%q, want\n%q", tt.what, got, tt.want)
		}
		c.run()
		if c.nodes[2].m.tablesText("", false) != a.m.tablesText("", false) || b.m.State() != StateOp || c.nodes[2].m.State() != StateOp {
			t.Errorf("%s: the newcomer has other tables", tt.what)
		}
	}
}

// TestOneTooMany: the join of the 3122nd member is refused. Otherwise its daemon's members would
// not fit into a message.
func TestOneTooMany(t *testing.T) {
	c := crowd(t, map[string]int{"a": MaxLocalMembers})
	cl := c.nodes[0].connect("late", true)
	c.nodes[0].request(wire.Join, cl.name, "a")
	c.run()
	name := wire.MakeName("a")
	for _, n := range c.nodes[:2] {
		if got := len(n.m.group(&name).members); got != MaxLocalMembers {
			t.Errorf("%s counts %d members", n.name(), got)
		}
	}
	if len(cl.events) > 0 {
		t.Error("the one too many got a view")
	}
}

// TestMembershipBetweenParts: the ring breaks between the two messages of a set. The first one is
// ignored, and both are sent again.
func TestMembershipBetweenParts(t *testing.T) {
	c := crowd(t, map[string]int{"a": 2000, "b": 2000})
	a, b, d := c.nodes[0], c.nodes[1], c.nodes[2]
	d.connect("dee", true)
	d.request(wire.Join, wire.MakeName("#dee#C"), "b")
	c.run()
	c.form(c.plan(exchange40, 0, 1, 2))
	before := bytes.Clone(a.states[0].data)
	a.put()
	d.put()
	for _, n := range c.nodes {
		for n.next() {
		}
		if x := n.m.exchange; x.ownComplete != (n == d) || len(x.sets) != 2 || x.represented != 1 {
			t.Errorf("%s has %+v", n.name(), x)
		}
	}
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 50}, 0, 1, 2))
	if len(a.states) != 2 {
		t.Fatalf("A has %d messages to send, want both", len(a.states))
	}
	// The same tables again, except for the membership's id.
	after := bytes.Clone(a.states[0].data)
	if !bytes.Equal(after[wire.HeaderLen+8:], before[wire.HeaderLen+8:]) || bytes.Equal(after, before) {
		t.Error("what is sent again is not what was sent")
	}
	c.run()
	want := a.m.tablesText("", false)
	if b.m.tablesText("", false) != want || d.m.tablesText("", false) != want || d.m.State() != StateOp {
		t.Error("tables differ")
	}
	name := wire.MakeName("b")
	if got := len(d.m.group(&name).members); got != 2001 {
		t.Errorf("b has %d members at the newcomer", got)
	}
}

// TestDeliveryAllocations: delivering a message between clients allocates nothing.
func TestDeliveryAllocations(t *testing.T) {
	a := machineIn(t, StateOp)
	name := wire.MakeName("room")
	m := wire.Message{Header: wire.Header{Type: wire.Agreed, Sender: wire.MakeName("#ann#A")}, GroupFields: name[:], Payload: []byte("x")}
	data := whole(m.Append(nil))
	var out Effects
	if n := testing.AllocsPerRun(100, func() {
		out.Reset()
		a.m.Deliver(data, &out)
		if len(out.Deliveries) != 1 {
			t.Fatal("not delivered")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDeliver(b *testing.B) {
	c := newCluster(b, "A")
	a := c.start(0)
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0))
	for i := range 10 {
		cl := a.connect(fmt.Sprintf("c%d", i), true)
		a.request(wire.Join, cl.name, "room")
	}
	c.run()
	name := wire.MakeName("room")
	m := wire.Message{Header: wire.Header{Type: wire.Agreed, Sender: wire.MakeName("#c0#A")}, GroupFields: name[:], Payload: make([]byte, 100)}
	data := whole(m.Append(nil))
	var out Effects
	for b.Loop() {
		out.Reset()
		a.m.Deliver(data, &out)
	}
}
