package groups

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// TestEveryInputIsDecided: the table of groups-protocol §5 has no empty cell.
func TestEveryInputIsDecided(t *testing.T) {
	for s := StateOp; int(s) < len(decisions); s++ {
		for in := range numInputs {
			if decisions[s][in] == undecided {
				t.Errorf("%v has no decision on a %v", s, in)
			}
			if strings.HasPrefix(in.String(), "input(") {
				t.Errorf("input %d has no name", in)
			}
		}
		if strings.HasPrefix(s.String(), "State(") {
			t.Errorf("state %d has no name", s)
		}
	}
	if StateGatherTrans+1 != State(len(decisions)) {
		t.Errorf("%d states are in the table", len(decisions)-1)
	}
}

func TestReasonsAndCommandsHaveNames(t *testing.T) {
	names := make(map[string]bool)
	for k := range Reason(NumReasons) {
		names[k.String()] = true
	}
	if end := Reason(NumReasons).String(); len(names) != NumReasons || end != fmt.Sprintf("Reason(%d)", NumReasons) {
		t.Errorf("%d names of %d reasons", len(names), NumReasons)
	}
	for k := BeginExchange; k <= ForceMembership; k++ {
		if strings.HasPrefix(k.String(), "RingCommandKind") {
			t.Errorf("command %d has no name", k)
		}
	}
}

// machineIn returns one of two daemons in the given state, with one client in a group.
func machineIn(t *testing.T, s State) *node {
	t.Helper()
	c := newCluster(t, "A", "B")
	a := c.start(0)
	c.start(1)
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0))
	c.run()
	a.connect("ann", true)
	a.request(wire.Join, wire.MakeName("#ann#A"), "room")
	c.run()
	switch s {
	case StateOp:
	case StateTrans:
		a.m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 30}, []wire.DaemonID{1}, &a.out)
		a.done("transitional", nil)
	case StateGather, StateGatherTrans:
		c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 30}, 0, 1))
		if s == StateGatherTrans {
			a.m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 31}, []wire.DaemonID{1}, &a.out)
			a.done("transitional", nil)
		}
	}
	if a.m.State() != s {
		t.Fatalf("state %v, want %v", a.m.State(), s)
	}
	return a
}

// TestDecisions gives each input to each state. What the engine must not do panics; what a peer
// should not do is refused and changes nothing.
func TestDecisions(t *testing.T) {
	ann := wire.MakeName("#ann#A")
	room := wire.MakeName("room")
	message := func(typ wire.Type, payload ...byte) []byte {
		m := wire.Message{Header: wire.Header{Type: typ, Sender: ann}, GroupFields: room[:], Payload: payload}
		return m.Append(nil)
	}
	inputs := map[input][][]byte{
		inState:   {{}}, // made for the state
		inRequest: {message(wire.Join), message(wire.Leave), message(wire.Kill)},
		inData:    {message(wire.Agreed, 'x')},
	}
	for s := StateOp; int(s) < len(decisions); s++ {
		for in := range numInputs {
			want := decisions[s][in]
			if in == inTransitional || in == inRegular {
				a := machineIn(t, s)
				id := wire.MembershipID{Daemon: 1, Time: 40}
				panicked := panics(func() {
					if in == inTransitional {
						a.m.HandleTransitional(id, []wire.DaemonID{1}, &a.out)
					} else {
						a.m.HandleRegular(id, []wire.DaemonID{1}, &a.out)
					}
				})
				if panicked != (want == impossible) {
					t.Errorf("%v in %v: panics %v", in, s, panicked)
				}
				continue
			}
			for _, b := range inputs[in] {
				a := machineIn(t, s)
				if in == inState {
					m := wire.Message{
						Header:  wire.Header{Type: wire.Groups | wire.Agreed, Sender: wire.StateSender(wire.LittleEndian, "B", 1)},
						Payload: wire.AppendStateHeader(nil, wire.LittleEndian, a.m.regular, []wire.DaemonID{2}),
					}
					b = m.Append(nil)
				}
				before := a.m.tablesText("", false)
				a.m.Deliver(buf.Slice{Block: buf.Wrap(b), Hi: len(b)}, &a.out)
				noted := len(a.out.Refused) > 0 && a.out.Refused[0].Reason != AlreadyMember
				if noted != (want == ignored) {
					t.Errorf("%v in %v: %v", in, s, a.out.Refused)
				}
				if want == ignored && (a.m.tablesText("", false) != before || len(a.out.Deliveries)+len(a.out.Ended)+len(a.out.RingCommands) > 0) {
					t.Errorf("%v in %v has an effect", in, s)
				}
			}
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// TestBrokenContracts: impossible memberships are bugs in the engine, and panic.
func TestBrokenContracts(t *testing.T) {
	id := wire.MembershipID{Daemon: 1, Time: 50}
	for what, f := range map[string]func(m *Machine, out *Effects){
		"an unknown daemon":     func(m *Machine, out *Effects) { m.HandleTransitional(id, []wire.DaemonID{1, 9}, out) },
		"a daemon twice":        func(m *Machine, out *Effects) { m.HandleTransitional(id, []wire.DaemonID{1, 1}, out) },
		"not the own daemon":    func(m *Machine, out *Effects) { m.HandleTransitional(id, []wire.DaemonID{2}, out) },
		"not out of the old":    func(m *Machine, out *Effects) { m.HandleTransitional(id, []wire.DaemonID{1, 2}, out) },
		"two memberships alike": func(m *Machine, out *Effects) { m.HandleRegular(id, []wire.DaemonID{1}, out) },
		"one is lost between": func(m *Machine, out *Effects) {
			m.transitional = daemonSet{0, 1}
			m.state = StateTrans
			m.HandleRegular(id, []wire.DaemonID{1}, out)
		},
	} {
		a := machineIn(t, StateOp)
		if !panics(func() { f(a.m, &a.out) }) {
			t.Errorf("%s: no panic", what)
		}
	}
}
