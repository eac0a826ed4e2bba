package groups

import (
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/wire"
)

// FuzzState gives any two messages to a daemon in an exchange. Whatever they are, the daemon does
// not fail and its tables stay in order. If they are not what the other ring would send, the
// exchange does not end, or ends with tables that can be sent to others.
func FuzzState(f *testing.F) {
	for _, o := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
		list := toldState()
		f.Add(list[0].message(o), list[1].message(o))      // as it should be
		f.Add(list[1].message(o), list[0].message(o))      // out of order
		f.Add(list[1].message(o), list[1].message(o))      // repeated
		list[0].groups[0].daemons[0].members[0] = "#bob#B" // of another daemon
		f.Add(list[0].message(o), list[1].message(o))
		join := wire.MakeName("room")
		m := wire.Message{Header: wire.Header{ByteOrder: o, Type: wire.Join, Sender: wire.MakeName("#cy#C")}, GroupFields: join[:]}
		f.Add(m.Append(nil), toldState()[1].message(o)) // of a client
	}
	blind.Fuzz(f, func(t *testing.T, first, second []byte) {
		a := exchanging(t)
		before := a.m.tablesText("", false)
		for _, b := range [][]byte{first, second} {
			a.m.Deliver(buf.Slice{Block: buf.Wrap(b), Hi: len(b)}, &a.out)
			a.done("deliver", &entry{stream: a.stream, maker: a, data: b})
		}
		switch a.m.State() {
		case StateGather:
			if got := a.m.tablesText("", false); got != before {
				t.Fatalf("tables changed in the exchange:\n%s", got)
			}
		case StateOp:
			// Another daemon accepts what this one would send.
			checkTold(t, a)
		case StateTrans, StateGatherTrans:
			t.Fatalf("a message leads to %v", a.m.State())
		}
		if a.forced > 1 {
			t.Fatalf("forced %d times", a.forced)
		}
	})
}

// checkTold makes a newcomer take the tables of a daemon that has finished its exchange.
func checkTold(t *testing.T, a *node) {
	t.Helper()
	e := a.c.nodes[4]
	if !e.dead {
		t.Fatal("the newcomer is there")
	}
	e = a.c.start(4)
	f := a.c.plan(wire.MembershipID{Daemon: 1, Time: 60}, 0, 4)
	f.to.members = daemonSet{0, 1, 2, 3, 4}
	f.part(0).set = daemonSet{0, 1, 2, 3}
	a.install(f)
	e.install(f)
	for _, n := range []*node{a, e} {
		for len(n.states) > 0 {
			s := n.states[0]
			n.states = n.states[1:]
			for _, to := range []*node{a, e} {
				to.deliver(s)
			}
		}
	}
	if a.forced+e.forced > 0 || a.m.State() != StateOp || e.m.State() != StateOp {
		t.Fatalf("what was taken is not taken by others: %v and %v", a.m.State(), e.m.State())
	}
	if got, want := e.m.tablesText("", false), a.m.tablesText("", false); got != want {
		t.Fatalf("the newcomer has\n%swant\n%s", got, want)
	}
}
