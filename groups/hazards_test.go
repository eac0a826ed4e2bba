package groups

import (
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// forged is a state message of a peer, before it is encoded.
type forged struct {
	service   wire.Type
	daemon    string
	numSynced int
	id        wire.MembershipID
	synced    []wire.DaemonID // nil: not the first
	groups    []forgedGroup
	raw       func(b []byte) []byte // changes the whole message
}

type forgedGroup struct {
	name    string
	id      wire.GroupID
	changed bool
	daemons []forgedDaemon
}

type forgedDaemon struct {
	id      wire.DaemonID
	view    wire.MembershipID
	members []string
}

// longName makes a field without a terminator, of a name of 32 bytes.
func longName(s string) (n wire.Name) {
	copy(n[:], s)
	return n
}

func (f *forged) message(o wire.ByteOrder) []byte {
	body := wire.AppendStateHeader(nil, o, f.id, f.synced)
	for _, g := range f.groups {
		name := longName(g.name)
		body = wire.AppendGroupEntry(body, o, &name, g.id, g.changed, len(g.daemons))
		for _, d := range g.daemons {
			var members []wire.Name
			for _, m := range d.members {
				members = append(members, longName(m))
			}
			body = wire.AppendGroupDaemon(body, o, d.id, d.view, members...)
		}
	}
	m := wire.Message{
		Header:  wire.Header{ByteOrder: o, Type: wire.Groups | f.service, Sender: wire.StateSender(o, f.daemon, f.numSynced)},
		Payload: body,
	}
	b := m.Append(nil)
	if f.raw != nil {
		b = f.raw(b)
	}
	return b
}

var (
	oldView    = wire.MembershipID{Daemon: 3, Time: 22}
	exchange40 = wire.MembershipID{Daemon: 1, Time: 40}
)

func toldState() []*forged {
	id := groupID(oldView, 3)
	return []*forged{
		{
			service: wire.Reliable, daemon: "C", numSynced: 2, id: exchange40,
			groups: []forgedGroup{
				{"room", id, false, []forgedDaemon{{4, oldView, []string{"#dan#D", "#dee#D"}}}},
				{"zoo", id, false, []forgedDaemon{{3, oldView, []string{"#cy#C"}}, {4, oldView, []string{"#dan#D"}}}},
			},
		},
		{
			service: wire.Agreed, daemon: "C", numSynced: 2, id: exchange40, synced: []wire.DaemonID{3, 4},
			groups: []forgedGroup{
				{"den", id, false, []forgedDaemon{{3, oldView, []string{"#cat#C", "#cy#C"}}}},
				{"room", id, false, []forgedDaemon{{3, oldView, []string{"#cy#C"}}}},
			},
		},
	}
}

func exchanging(t testing.TB) *node {
	t.Helper()
	c := newCluster(t, "A", "B", "C", "D", "E")
	for rank := range 4 {
		c.start(rank)
	}
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0, 1))
	c.form(c.plan(wire.MembershipID{Daemon: 3, Time: 22}, 2, 3))
	c.run()
	a := c.nodes[0]
	a.connect("ann", true)
	a.request(wire.Join, wire.MakeName("#ann#A"), "room")
	c.run()
	c.form(c.plan(exchange40, 0, 1, 2, 3))
	a.put()
	a.next()
	if a.m.State() != StateGather || !a.m.exchange.ownComplete {
		t.Fatal("the exchange is not where it should be")
	}
	return a
}

// TestToldState: the messages that the tests below alter are valid as they are, in both byte
// orders.
func TestToldState(t *testing.T) {
	for _, o := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
		a := exchanging(t)
		for _, f := range toldState() {
			give(a, f.message(o))
		}
		if a.m.State() != StateOp || a.forced > 0 {
			t.Fatalf("%v: state %v, %d times forced", o, a.m.State(), a.forced)
		}
		const want = `den (3 22 3) C (3, 22) #cat#C #cy#C
room (1 40 1) A (1, 40) #ann#A C (1, 40) #cy#C D (1, 40) #dan#D #dee#D
zoo (3 22 3) C (3, 22) #cy#C D (3, 22) #dan#D
`
		if got := a.m.tablesText("", false); got != want {
			t.Errorf("%v: tables\n%swant\n%s", o, got, want)
		}
	}
}

// give delivers a message and returns what was refused.
func give(n *node, b []byte) []Refused {
	n.m.Deliver(buf.Slice{Block: buf.Wrap(b), Hi: len(b)}, &n.out)
	notes := slices.Clone(n.out.Refused)
	n.done("deliver", nil)
	return notes
}

// TestHazards gives a daemon in an exchange what C daemons take unchecked, or exit on
// (groups-protocol §11).
func TestHazards(t *testing.T) {
	head := func(change func(f *forged)) func(list []*forged) []*forged {
		return func(list []*forged) []*forged { change(list[1]); return list }
	}
	tail := func(change func(f *forged)) func(list []*forged) []*forged {
		return func(list []*forged) []*forged { change(list[0]); return list }
	}
	long := strings.Repeat("x", wire.NameLen)
	tests := []struct {
		what  string
		spoil func(list []*forged) []*forged
		want  Reason
		group string
	}{
		// Messages outside this exchange do no harm.
		{"for another membership", head(func(f *forged) { f.id.Time++ }), OutdatedState, ""},
		{"of an unknown daemon", head(func(f *forged) { f.daemon = "Z" }), UnknownStateSender, ""},
		{"of an unknown daemon, and cut short", head(func(f *forged) {
			f.daemon = "Z"
			f.raw = func(b []byte) []byte { return resize(b, 3) }
		}), UnknownStateSender, ""},

		{"a name field longer than the message", head(func(f *forged) {
			f.raw = func(b []byte) []byte { return b[:60] }
		}), Malformed, ""},
		{"trailing bytes", head(func(f *forged) {
			f.raw = func(b []byte) []byte { return append(b, 0) }
		}), Malformed, ""},
		{"no body", head(func(f *forged) { f.raw = func(b []byte) []byte { return resize(b, 0) } }), BadStateForm, ""},
		{"a body that ends in a group", head(func(f *forged) {
			f.raw = func(b []byte) []byte { return resize(b, len(b)-wire.HeaderLen-5) }
		}), BadStateForm, ""},
		{"more than the buffer of a C daemon", head(func(f *forged) {
			for i := range 1100 {
				name := "m" + string([]byte{'a' + byte(i/676), 'a' + byte(i/26%26), 'a' + byte(i%26)})
				f.groups = slices.Insert(f.groups, 1+i, forgedGroup{name, groupID(oldView, 1), false, []forgedDaemon{{3, oldView, []string{"#cy#C"}}}})
			}
		}), BadStateForm, ""},
		{"group names", head(func(f *forged) {
			f.raw = func(b []byte) []byte {
				wire.ByteOrderOf(b).PutUint32(b[36:], 1)
				return slices.Insert(b, wire.HeaderLen, make([]byte, wire.NameLen)...)
			}
		}), BadStateForm, ""},
		{"the last one of its set, without the set", head(func(f *forged) { f.synced = nil }), BadStateForm, ""},
		{"the set in one that is not the last", tail(func(f *forged) { f.synced = []wire.DaemonID{3, 4} }), BadStateForm, ""},
		{"a service that state does not travel with", tail(func(f *forged) { f.service = wire.Safe }), BadStateForm, ""},
		{"one more after the last", func(list []*forged) []*forged {
			more := *list[0]
			more.groups = nil
			return []*forged{list[0], list[1], &more}
		}, BadStateRepeated, ""},
		{"the last one twice", func(list []*forged) []*forged { return append(list, list[1]) }, BadStateRepeated, ""},

		{"a set with an unknown daemon", head(func(f *forged) { f.synced = []wire.DaemonID{3, 4, 9} }), BadStateSet, ""},
		{"a set with a daemon outside the membership", head(func(f *forged) { f.synced = []wire.DaemonID{3, 4, 5} }), BadStateSet, ""},
		{"a set with a daemon twice", head(func(f *forged) { f.synced = []wire.DaemonID{3, 4, 4} }), BadStateSet, ""},
		{"a set out of order", head(func(f *forged) { f.synced = []wire.DaemonID{4, 3} }), BadStateSet, ""},
		{"an empty set", head(func(f *forged) { f.synced = []wire.DaemonID{} }), BadStateSet, ""},
		{"a set that another head has told", head(func(f *forged) { f.synced = []wire.DaemonID{2, 3, 4}; f.daemon = "B" }), BadStateSet, ""},
		{"a set that the sender does not head", head(func(f *forged) { f.synced = []wire.DaemonID{4} }), BadStateSet, ""},
		{"a number that is not the set's", head(func(f *forged) { f.numSynced = 1 }), BadStateCount, ""},
		{"a number that changes", tail(func(f *forged) { f.numSynced = 3 }), BadStateCount, ""},
		{"a negative number", head(func(f *forged) { f.numSynced = -2 }), BadStateCount, ""},

		{"a group name without an end", head(func(f *forged) { f.groups[0].name = long }), BadStateNames, long[1:]},
		{"a member's name without an end", head(func(f *forged) { f.groups[0].daemons[0].members[0] = "#" + long[1:] }), BadStateNames, "den"},
		{"a member without a daemon", head(func(f *forged) { f.groups[0].daemons[0].members[0] = "cat" }), BadStateNames, "den"},
		{"a member of another daemon", head(func(f *forged) { f.groups[0].daemons[0].members[1] = "#dan#D" }), BadStateNames, "den"},

		{"a group twice", head(func(f *forged) { f.groups[0].name = "room" }), BadStateTables, "room"},
		{"groups out of order", head(func(f *forged) { f.groups[0].name = "yak" }), BadStateTables, "room"},
		{"a group that goes on under another id", tail(func(f *forged) { f.groups[0].id.Index++ }), BadStateTables, "room"},
		{"a group that goes on and has changed", tail(func(f *forged) { f.groups[0].changed = true }), BadStateTables, "room"},
		{"a group that goes on where it may not", tail(func(f *forged) {
			f.groups = slices.Insert(f.groups, 0, forgedGroup{"s", groupID(oldView, 1), false, []forgedDaemon{{3, oldView, []string{"#cy#C"}}}})
		}), BadStateTables, "room"},
		{"a group that goes on with a daemon that it had", tail(func(f *forged) { f.groups[0].daemons[0] = forgedDaemon{3, oldView, []string{"#cat#C"}} }), BadStateTables, "room"},
		{"a group without members", head(func(f *forged) { f.groups[0].daemons = nil }), BadStateTables, "room"},
		{"a last group without members", tail(func(f *forged) { f.groups[1].daemons = nil }), BadStateTables, "zoo"},
		{"a daemon without members", head(func(f *forged) { f.groups[0].daemons[0].members = nil }), BadStateTables, "den"},
		{"a daemon twice", tail(func(f *forged) { f.groups[1].daemons[1] = f.groups[1].daemons[0] }), BadStateTables, "zoo"},
		{"an unknown daemon", head(func(f *forged) { f.groups[0].daemons[0].id = 9 }), BadStateTables, "den"},
		{"a daemon of another set", head(func(f *forged) { f.groups[0].daemons[0] = forgedDaemon{2, oldView, []string{"#bob#B"}} }), BadStateTables, "den"},
		{"a member twice", head(func(f *forged) { f.groups[0].daemons[0].members[1] = "#cat#C" }), BadStateTables, "den"},
		{"members out of order", head(func(f *forged) { slices.Reverse(f.groups[0].daemons[0].members) }), BadStateTables, "den"},
		{"an id that marks the lost", head(func(f *forged) { f.groups[0].daemons[0].view = partitionedView }), BadStateTables, "den"},
		{"a group's id that marks the lost", head(func(f *forged) { f.groups[0].id = groupID(partitionedView, 1) }), BadStateTables, "den"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			for _, o := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
				a := exchanging(t)
				before := a.m.tablesText("", false)
				var notes []Refused
				finished := false
				for _, f := range tt.spoil(toldState()) {
					// The extra message arrives when the exchange would be over. An outsider in the
					// membership prevents that.
					if tt.want == BadStateRepeated {
						a.m.members = daemonSet{0, 1, 2, 3, 4}
					}
					notes = append(notes, give(a, f.message(o))...)
					finished = finished || a.m.State() == StateOp
				}
				if len(notes) != 1 || notes[0].Reason != tt.want || notes[0].Group.String() != tt.group {
					t.Fatalf("%v: noted %v", o, notes)
				}
				if finished || a.m.tablesText("", false) != before {
					t.Errorf("%v: the tables have changed, or the exchange has ended", o)
				}
				want := 0
				if tt.want >= BadStateForm || tt.want == Malformed {
					want = 1
				}
				if a.forced != want {
					t.Errorf("%v: a new membership is forced %d times, want %d", o, a.forced, want)
				}
			}
		})
	}
}

// resize cuts the body of a message and corrects its length.
func resize(b []byte, n int) []byte {
	o := wire.ByteOrderOf(b)
	b = slices.Clone(b[:wire.HeaderLen+n])
	o.PutUint32(b[44:], uint32(n))
	return b
}

// TestForeignHead: the head of the own set sends another set.
func TestForeignHead(t *testing.T) {
	c := newCluster(t, "A", "B", "C")
	for rank := range 3 {
		c.start(rank)
	}
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0, 1))
	c.run()
	c.form(c.plan(exchange40, 0, 1, 2))
	b := c.nodes[1]
	f := &forged{service: wire.Agreed, daemon: "A", numSynced: 1, id: exchange40, synced: []wire.DaemonID{1}}
	if notes := give(b, f.message(wire.LittleEndian)); len(notes) != 1 || notes[0].Reason != BadStateSet || b.forced != 1 {
		t.Errorf("noted %v, forced %d times", notes, b.forced)
	}
}

// TestSpoiledOnce: a spoiled exchange asks for a new membership once, takes nothing more, and
// merges nothing when the new membership comes.
func TestSpoiledOnce(t *testing.T) {
	a := exchanging(t)
	bad := toldState()[1]
	bad.numSynced = 1
	for range 3 {
		give(a, bad.message(wire.LittleEndian))
	}
	for _, f := range toldState() {
		give(a, f.message(wire.LittleEndian))
	}
	if a.forced != 1 || a.m.State() != StateGather || len(a.m.exchange.sets) > 0 {
		t.Errorf("forced %d times, %v, %d sets kept", a.forced, a.m.State(), len(a.m.exchange.sets))
	}
	c := a.c
	c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 50}, 0, 1, 2, 3))
	if n := a.m.NumGroups(); n != 1 {
		t.Errorf("%d groups, want the own one only", n)
	}
	c.run()
	if a.m.State() != StateOp {
		t.Errorf("the second exchange ends in %v", a.m.State())
	}
}

// TestSpoiledAgain: after two exchanges in a row that were spoiled, each daemon sends its own groups
// only, so that it does not matter who believed to agree with whom.
func TestSpoiledAgain(t *testing.T) {
	a := exchanging(t)
	c := a.c
	bad := toldState()[1]
	for i := range int32(2) {
		bad.numSynced = 7
		bad.id = a.m.regular
		give(a, bad.message(wire.LittleEndian))
		if !a.m.exchange.spoiled {
			t.Fatal("the exchange is not spoiled")
		}
		c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 50 + 10*i}, 0, 1, 2, 3))
	}
	if want := (daemonSet{a.m.self}); !slices.Equal(a.m.synced, want) {
		t.Errorf("%v are taken to agree, want %v", a.m.synced, want)
	}
	for g := range a.m.byName.all() {
		for d := range g.daemons() {
			if d.rank != a.m.self {
				t.Errorf("group %s still has members of daemon %d", g.name.Clean(), d.rank)
			}
		}
	}
}

// TestSpoiledInGGT: the new membership is already on its way.
func TestSpoiledInGGT(t *testing.T) {
	a := exchanging(t)
	a.m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 49}, a.c.ids(daemonSet{0, 1}), &a.out)
	a.done("transitional", nil)
	bad := toldState()[1]
	bad.numSynced = 1
	if notes := give(a, bad.message(wire.LittleEndian)); len(notes) != 1 || a.forced > 0 || !a.m.exchange.spoiled {
		t.Errorf("noted %v, forced %d times", notes, a.forced)
	}
}

// TestMessagesOfPeers gives a daemon messages that its own engine would refuse.
func TestMessagesOfPeers(t *testing.T) {
	room := wire.MakeName("room")
	message := func(h wire.Header, groups []byte) []byte {
		m := wire.Message{Header: h, GroupFields: groups}
		return m.Append(nil)
	}
	cy := wire.MakeName("#cy#C")
	for _, tt := range []struct {
		what string
		b    []byte
		want Reason
	}{
		{"nothing", nil, Malformed},
		{"half a header", message(wire.Header{Type: wire.Agreed}, nil)[:20], Malformed},
		{"groups beyond its end", message(wire.Header{Type: wire.Agreed}, room[:])[:70], Malformed},
		{"trailing bytes", append(message(wire.Header{Type: wire.Agreed}, room[:]), 0), Malformed},
		{"a negative count", func() []byte {
			b := message(wire.Header{Type: wire.Agreed}, room[:])
			b[39] = 0x80
			return b
		}(), Malformed},
		{"a reject", message(wire.Header{Type: wire.Agreed | wire.Reject, Sender: cy}, room[:]), Malformed},
		{"a join of nothing", message(wire.Header{Type: wire.Join, Sender: cy}, nil), NoGroup},
		{"a leave of nothing", message(wire.Header{Type: wire.Leave, Sender: cy}, nil), NoGroup},
		{"a join of nobody", message(wire.Header{Type: wire.Join, Sender: wire.MakeName("cy")}, room[:]), IllegalMember},
		{"a kill of nobody", message(wire.Header{Type: wire.Kill, Sender: wire.MakeName("#c y#C")}, nil), IllegalMember},
		{"a name without an end", message(wire.Header{Type: wire.Join, Sender: longName("#cy#" + strings.Repeat("C", 28))}, room[:]), IllegalMember},
		{"a join from elsewhere", message(wire.Header{Type: wire.Join, Sender: wire.MakeName("#cy#Z")}, room[:]), UnknownDaemon},
		{"a join of a session that is not there", message(wire.Header{Type: wire.Join, Sender: wire.MakeName("#nobody#A")}, room[:]), NoSession},
	} {
		for _, o := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
			c := newCluster(t, "A", "B", "C")
			for rank := range 3 {
				c.start(rank)
			}
			c.form(c.plan(wire.MembershipID{Daemon: 1, Time: 20}, 0, 1, 2))
			c.run()
			b := tt.b
			if tt.want != Malformed {
				b = reencode(t, b, o)
			}
			if notes := give(c.nodes[0], b); len(notes) != 1 || notes[0].Reason != tt.want || c.nodes[0].m.NumGroups() > 0 {
				t.Errorf("%s: noted %v", tt.what, notes)
			}
		}
	}
}

// TestForgedKill: if a peer ends a session of ours, the session ends, because all daemons have
// removed it from their tables.
func TestForgedKill(t *testing.T) {
	a := machineIn(t, StateOp)
	m := wire.Message{Header: wire.Header{Type: wire.Kill, Sender: wire.MakeName("#ann#A")}}
	give(a, m.Append(nil))
	if a.m.NumGroups() > 0 || len(a.m.sessions) > 0 {
		t.Error("the session is still there")
	}
}
