package membership

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/wire"
)

// putInRing makes the machine a running member of a ring led by its first daemon.
func (b *bench) putInRing(names string) {
	m := b.Machine
	m.started, m.alive, m.state = true, true, StateOp
	m.installed = b.top.Ring(b.ids(names))
	m.installedID = wire.MembershipID{Daemon: m.installed.Leader(), Time: 500}
	m.members = m.installed
	m.heard = nil
	b.check()
}

var tableStates = []struct {
	name string
	make func(t testing.TB) *bench
}{
	{"OP", func(t testing.TB) *bench {
		b := newBench(t, "B", "ABC", "DE")
		b.putInRing("ABD")
		return b
	}},
	{"OP as leader", func(t testing.TB) *bench {
		b := newBench(t, "A", "ABC", "DE")
		b.putInRing("ABD")
		return b
	}},
	{"SEG", func(t testing.TB) *bench {
		b := newBench(t, "B", "ABC", "DE")
		b.start()
		return b
	}},
	{"REPRESENTED", represented},
	{"GATHER", func(t testing.TB) *bench {
		b := newBench(t, "B", "ABC", "DE")
		b.start()
		b.wait(b.now.Add(600 * time.Millisecond))
		return b
	}},
	{"GATHER of a ring", func(t testing.TB) *bench {
		b := newBench(t, "A", "ABC", "DE")
		b.putInRing("ABD")
		b.join("E", "E:ring")
		return b
	}},
	{"FORM", form},
	{"EVS", func(t testing.TB) *bench {
		b := form(t)
		if v := b.form(wire.TokenForm2, "A", attempt, 3333, form2(b)); v != Accepted {
			t.Fatalf("FORM2: %v", v)
		}
		return b
	}},
}

func represented(t testing.TB) *bench {
	b := newBench(t, "B", "ABC", "DE")
	b.start()
	b.alive("A")
	b.join("A", "A:segment")
	return b
}

func form(t testing.TB) *bench {
	b := represented(t)
	if v := b.form(wire.TokenForm1, "A", attempt, 3333, form1(b)); v != Accepted {
		t.Fatalf("FORM1: %v", v)
	}
	return b
}

var attempt = wire.MembershipID{Daemon: 77, Time: 900}

// form1 returns a FORM1 that A has made and B has to forward to D.
func form1(b *bench) wire.FormValue {
	return wire.FormValue{
		Members: b.ids("A"), Pending: b.ids("B"), RepIndex: 1, Reps: b.reps("A:segment", "D:segment"),
		Rings: []wire.RingValue{b.entry("A", "A")},
	}
}

// entry returns an entry of the ring of a daemon that started alone.
func (b *bench) entry(ring, with string) wire.RingValue {
	ids := b.ids(with)
	return wire.RingValue{Membership: wire.MembershipID{Daemon: b.id(ring), Time: -1}, Commit: ids, NumTrans: len(ids)}
}

// form2 returns a FORM2 that A has read, and that B has to read next.
func form2(b *bench) wire.FormValue {
	v := wire.FormValue{
		Members: b.ids("A"), Pending: b.ids("BD"), ID: wire.MembershipID{Daemon: b.id("A"), Time: 902},
		Rings: []wire.RingValue{b.entry("A", "A"), b.entry("B", "B"), b.entry("D", "D")},
	}
	v.Rings[0].TransTime = 901
	return v
}

// The inputs of the table.
var tableInputs = []struct {
	name  string
	input input
	feed  func(*bench) Reason
}{
	{"ALIVE of a member", inputAlive, func(b *bench) Reason { return b.alive(b.other("AB")) }},
	{"ALIVE of a stranger", inputAlive, func(b *bench) Reason { return b.alive("C") }},
	{"JOIN of a member", inputJoin, func(b *bench) Reason { return b.join("D", "D:segment") }},
	{"JOIN of the segment's representative", inputJoin, func(b *bench) Reason { return b.join("C", "C:segment") }},
	{"JOIN of a ring in the segment", inputJoin, func(b *bench) Reason { return b.join("C", "C:ring") }},
	{"JOIN of a stranger elsewhere", inputJoin, func(b *bench) Reason { return b.join("E", "E:ring") }},
	{"REFER", inputRefer, func(b *bench) Reason { return b.refer("D", "C", 2) }},
	{"foreign data", inputForeign, func(b *bench) Reason { return b.foreign("C") }},
	{"FORM1, next pending", inputForm1, func(b *bench) Reason {
		v := form1(b)
		v.Members, v.Pending = b.ids("C"), b.self()
		v.Reps = b.reps("C:segment", "D:segment")
		v.Rings = []wire.RingValue{b.entry("C", "C")}
		return b.form(wire.TokenForm1, "C", wire.MembershipID{Daemon: b.id("C"), Time: 950}, 3333, v)
	}},
	{"FORM1 of the ring's leader, next pending", inputForm1, func(b *bench) Reason {
		v := form1(b)
		v.Members, v.Pending = b.ids("E"+b.other("AB")), b.self()
		v.Reps = b.reps("E:segment", "A:ring")
		v.RepIndex = 2
		own := b.entry("A", b.other("AB"))
		own.Membership = b.installedID
		v.Rings = []wire.RingValue{b.entry("E", "E"), own}
		return b.form(wire.TokenForm1, b.other("AB"), wire.MembershipID{Daemon: b.id("E"), Time: 950}, 3333, v)
	}},
	{"FORM1, next representative", inputForm1, func(b *bench) Reason { return b.formForRep(wire.RepSegment) }},
	{"FORM1, next representative of a ring", inputForm1, func(b *bench) Reason { return b.formForRep(wire.RepRing) }},
	{"FORM1 for another", inputForm1, func(b *bench) Reason {
		v := form1(b)
		v.Members, v.Pending, v.Reps = b.ids("C"), b.ids("E"), b.reps("C:segment", "D:segment")
		v.Rings = []wire.RingValue{b.entry("C", "C")}
		return b.form(wire.TokenForm1, "C", wire.MembershipID{Daemon: b.id("C"), Time: 950}, 3333, v)
	}},
	{"FORM2 of this attempt", inputForm2, func(b *bench) Reason {
		return b.form(wire.TokenForm2, b.other("AB"), attempt, 3333, form2(b))
	}},
	{"FORM2 of another attempt", inputForm2, func(b *bench) Reason {
		return b.form(wire.TokenForm2, b.other("AB"), wire.MembershipID{Daemon: 1, Time: 1}, 3333, form2(b))
	}},
	{"committed", inputCommitted, func(b *bench) Reason { return b.HandleCommitted() }},
	{"installed", inputInstalled, func(b *bench) Reason { return b.HandleInstalled(b.now, 1000, &b.out) }},
	{"token lost", inputTokenLost, func(b *bench) Reason { return b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out) }},
	{"token given up", inputTokenLost, func(b *bench) Reason { return b.HandleTokenLost(b.now, 1000, CauseForced, &b.out) }},
	{"Seg timer", inputSegTimer, nil},
	{"Rep timer", inputRepTimer, nil},
	{"Gather timer", inputGatherTimer, nil},
	{"Form timer", inputFormTimer, nil},
	{"Lookup timer", inputLookupTimer, nil},
	{"Alive timer", inputAliveTimer, nil},
	{"Join timer", inputJoinTimer, nil},
	{"Probe timer", inputProbeTimer, nil},
}

// other returns the first name that is not this daemon's.
func (b *bench) other(names string) string {
	for _, c := range names {
		if b.id(string(c)) != b.cfg.Self {
			return string(c)
		}
	}
	panic("nobody")
}

// formForRep passes in a FORM1 of C on which this daemon is the next representative.
func (b *bench) formForRep(kind wire.RepKind) Reason {
	d := b.top.Daemon(b.cfg.Self)
	v := wire.FormValue{
		Members: b.ids("C"), RepIndex: 1, Reps: append(b.reps("C:segment"), wire.Rep{Daemon: d.ID, Kind: kind}),
		Rings: []wire.RingValue{b.entry("C", "C")},
	}
	return b.form(wire.TokenForm1, "C", wire.MembershipID{Daemon: b.id("C"), Time: 950}, 3333, v)
}

// TestTable passes each input to each state. A cell of testdata/table.golden has the reason, the
// new state, and what is sent or done: membership-protocol §12.
func TestTable(t *testing.T) {
	var out strings.Builder
	for _, s := range tableStates {
		fmt.Fprintf(&out, "%s\n", s.name)
		met := map[input]bool{}
		for _, in := range tableInputs {
			b := s.make(t)
			b.reset()
			before := b.State()
			var v Reason
			if in.feed != nil {
				v = in.feed(b)
			} else {
				v = b.dispatch(in.input, &event{now: b.now, wall: 1000, out: &b.out})
				if v == Accepted {
					b.check()
				}
			}
			met[in.input] = true
			fmt.Fprintf(&out, "    %s: %v", in.name, v)
			if b.State() != before || len(b.out.Transitions) > 0 {
				fmt.Fprintf(&out, " -> %v because %v", b.State(), b.out.Transitions[0].Cause)
			}
			for _, a := range b.out.RingCommands {
				out.WriteString([]string{"", ", stop the ring", ", recover"}[a.Kind])
			}
			for _, line := range b.sent() {
				out.WriteString("\n        " + line)
			}
			out.WriteByte('\n')
			if v != Accepted && (len(b.out.Transitions) > 0 || len(b.out.Sends) > 0 || len(b.out.RingCommands) > 0) {
				t.Errorf("%s, %s: refused as %v, and had effects", s.name, in.name, v)
			}
			if b.Stats().Reasons[v] == 0 {
				t.Errorf("%s, %s: %v is not counted", s.name, in.name, v)
			}
		}
		if len(met) != int(numInputs) {
			t.Errorf("%s: inputs %v only", s.name, slices.Collect(maps.Keys(met)))
		}
	}
	golden.File(t, "testdata/table.golden", out.String())
}

// No cell is empty. A missing cell would panic when its input arrives.
func TestTableFull(t *testing.T) {
	table := reflect.ValueOf(newTable())
	for i := range table.NumField() {
		for in := range numInputs {
			if table.Field(i).Index(int(in)).IsNil() {
				t.Errorf("state %s does not decide on %v", table.Type().Field(i).Name, in)
			}
		}
	}
}

// A copy of a FORM1 that arrives after the attempt failed does not lead into the attempt again.
func TestLateForm1(t *testing.T) {
	b := form(t)
	b.wait(b.now.Add(2600 * time.Millisecond)) // FormTimeout: SEG
	b.join("A", "A:segment")
	if b.State() != StateRepresented {
		t.Fatalf("in %v", b.State())
	}
	if v := b.form(wire.TokenForm1, "A", attempt, 3333, form1(b)); v != AlreadyJoined || b.State() != StateRepresented {
		t.Errorf("%v, now in %v", v, b.State())
	}
}
