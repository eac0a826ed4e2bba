package engine

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

const self = 2936723249

func newEngine(t testing.TB, cfg Config) *Engine {
	t.Helper()
	cfg.Topology, cfg.Self = topology.Alone(self, "alpha"), self
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func private(name string) wire.Name { return wire.MakeName("#" + name + "#alpha") }

func request(t wire.Type, from string, groups ...string) buf.Slice {
	m := wire.Message{Header: wire.Header{Type: t, Sender: private(from), Hint: wire.MakeHint(0)}, Payload: []byte("x")}
	for _, g := range groups {
		name := wire.MakeName(g)
		m.GroupFields = append(m.GroupFields, name[:]...)
	}
	b := m.Append(nil)
	return buf.Slice{Block: buf.Wrap(b), Hi: len(b)}
}

// dump returns who gets which delivery.
func dump(out *Effects) string {
	var lines []string
	for _, d := range out.Groups.Deliveries {
		for _, id := range out.Groups.Receivers(d) {
			lines = append(lines, string(rune('0'+id))+" "+wire.Dump(d.Data.Bytes()))
		}
	}
	for _, id := range out.Groups.Ended {
		lines = append(lines, string(rune('0'+id))+" ended")
	}
	return strings.Join(lines, "\n")
}

func TestStartInstallsTransitionalThenRegular(t *testing.T) {
	e := newEngine(t, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	if len(out.Installations) != 1 {
		t.Fatalf("%d installations, want one", len(out.Installations))
	}
	in := out.Installations[0]
	if in.TransitionalID == in.RegularID || in.RegularID.Daemon != self || in.RegularID.Time < 1000 {
		t.Errorf("ids %v and %v", in.TransitionalID, in.RegularID)
	}
	if st := e.Status(); st.Membership != membership.StateOp || st.Groups != groups.StateOp {
		t.Errorf("status after the start: %v", st)
	}
	if e.Deadline() != 0 {
		t.Error("a ring of one waits for something")
	}
}

func TestRequests(t *testing.T) {
	e := newEngine(t, Config{MaxLocalMembers: 2})
	var out Effects
	e.Start(1, 1000, &out)
	for id, name := range []string{"zero", "one", "two"} {
		e.Connect(SessionID(id), private(name), true)
	}
	for _, tt := range []struct {
		what    string
		session SessionID
		data    buf.Slice
		want    Reason
	}{
		{"a join of a legal name", 0, request(wire.Join, "zero", "grp"), Accepted},
		{"a second one", 1, request(wire.Join, "one", "grp"), Accepted},
		{"one member too many", 2, request(wire.Join, "two", "grp"), Rejected},
		{"an empty name", 2, request(wire.Join, "two", ""), IllegalGroup},
		{"a private name", 2, request(wire.Join, "two", "#two#alpha"), IllegalGroup},
		{"a name with a space", 2, request(wire.Join, "two", "a b"), IllegalGroup},
		{"no name", 2, request(wire.Join, "two"), NoGroup},
		{"a leave of no name", 2, request(wire.Leave, "two"), NoGroup},
		{"the first of two names counts", 2, request(wire.Join, "two", "other", "a b"), Accepted},
		{"a message to an illegal name", 2, request(wire.Safe, "two", "a b"), Accepted},
		{"a leave", 0, request(wire.Leave, "zero", "grp"), Accepted},
		{"a join where there is room again", 2, request(wire.Join, "two", "grp"), Accepted},
	} {
		if got := e.Submit(1, tt.session, tt.data, &out); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}

func TestRejectMessage(t *testing.T) {
	e := newEngine(t, Config{MaxLocalMembers: 1})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(1, private("one"), false)
	e.Connect(2, private("two"), false)
	e.Submit(1, 1, request(wire.Join, "one", "grp"), &out)
	out.Reset()
	// A C daemon loses the reject of a request with SELF_DISCARD.
	if o := e.Submit(1, 2, request(wire.Join|wire.SelfDiscard, "two", "grp"), &out); o != Rejected {
		t.Fatalf("outcome %v", o)
	}
	if len(out.Rejects) != 1 || out.Rejects[0].Session != 2 {
		t.Fatalf("rejects: %v", out.Rejects)
	}
	const want = "le REJECT|SELF_DISCARD from #two#alpha to [grp #two#alpha] type 0 was CAUSED_BY_JOIN|SELF_DISCARD data 1"
	if got := wire.Dump(out.Rejects[0].Message); got != want {
		t.Errorf("reject message\n%s, want\n%s", got, want)
	}
}

func TestRejectOfFullList(t *testing.T) {
	names := make([]string, wire.MaxGroups)
	for i := range names {
		names[i] = "g"
	}
	names[0] = "first"
	data := request(wire.Join, "two", names...)
	var m wire.Message
	if _, err := m.Decode(rejectMessage(wire.Join, private("two"), data.Bytes())); err != nil {
		t.Fatal(err)
	}
	if m.NumGroups != wire.MaxGroups {
		t.Errorf("%d groups, want them to stay at %d", m.NumGroups, wire.MaxGroups)
	}
	for i, n := range m.Groups() {
		if i == wire.MaxGroups-1 && n.String() != "#two#alpha" {
			t.Errorf("the last group is %s, want the requester", n)
		}
	}
}

func TestDisconnectOnce(t *testing.T) {
	e := newEngine(t, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(1, private("one"), true)
	e.Connect(2, private("two"), true)
	e.Submit(1, 1, request(wire.Join, "one", "grp"), &out)
	e.Submit(1, 2, request(wire.Join, "two", "grp"), &out)
	out.Reset()
	if o := e.Disconnect(1, 1, &out); o != Accepted {
		t.Fatalf("disconnect: %v", o)
	}
	const want = "2 le REG_MEMB|CAUSED_BY_DISCONNECT of grp members [#two#alpha] id -1358244047 1001 3 set*[#one#alpha]\n1 ended"
	if got := dump(&out); got != want {
		t.Errorf("effects\n%s, want\n%s", got, want)
	}
	out.Reset()
	if o := e.Disconnect(1, 1, &out); o != Leaving {
		t.Errorf("a second disconnect: %v", o)
	}
	// The session's own request is followed by the end of its connection.
	if o := e.Submit(1, 2, request(wire.Kill, "two", "#one#alpha"), &out); o != Accepted {
		t.Errorf("kill: %v", o)
	}
	if got := dump(&out); got != "2 ended" {
		t.Errorf("effects of a kill:\n%s", got)
	}
	if o := e.Disconnect(1, 2, &out); o != Leaving {
		t.Errorf("a disconnect after a kill: %v", o)
	}
	e.Connect(3, private("two"), false) // the name is free
}

// TestNothingAfterTheEnd: once the daemon has ended a session, messages that were still on their way
// from its reader are not ordered, neither while the disconnect is in the order nor after it.
func TestNothingAfterTheEnd(t *testing.T) {
	submitted := []struct {
		what string
		data buf.Slice
	}{
		{"a message", request(wire.Agreed, "one", "grp")},
		{"a reliable message", request(wire.Reliable, "one", "grp")},
		{"a join", request(wire.Join, "one", "grp")},
		{"a leave", request(wire.Leave, "one", "grp")},
		{"a disconnect", request(wire.Kill, "one", "#one#alpha")},
	}
	for _, ended := range []struct {
		how string
		end func(e *Engine, out *Effects)
	}{
		{"dropped, before the disconnect is delivered", func(e *Engine, out *Effects) {
			// Without a ring the disconnect waits, as it does during a change of membership.
			e.Disconnect(1, 1, out)
			e.Start(1, 1000, out)
		}},
		{"dropped", func(e *Engine, out *Effects) {
			e.Start(1, 1000, out)
			e.Disconnect(1, 1, out)
		}},
		{"by its own disconnect", func(e *Engine, out *Effects) {
			e.Start(1, 1000, out)
			e.Submit(1, 1, request(wire.Kill, "one", "#one#alpha"), out)
		}},
	} {
		e := newEngine(t, Config{})
		var out Effects
		e.Connect(1, private("one"), true)
		e.Connect(2, private("two"), true)
		ended.end(e, &out)
		e.Submit(1, 2, request(wire.Join, "two", "grp"), &out)
		for _, m := range submitted {
			out.Reset()
			if o := e.Submit(1, 1, m.data, &out); o != Leaving {
				t.Errorf("%s, %s: %v, want %v", ended.how, m.what, o, Leaving)
			}
			if got := dump(&out); got != "" {
				t.Errorf("%s, %s: effects\n%s", ended.how, m.what, got)
			}
		}
	}
}

// TestQueueBeforeStart: messages before the first membership wait in order, up to a limit, and
// their blocks are held and released.
func TestQueueBeforeStart(t *testing.T) {
	e := newEngine(t, Config{QueueMessages: 3})
	var out Effects
	e.Connect(1, private("one"), true)
	e.Connect(2, private("two"), true)
	for i, m := range []struct {
		session SessionID
		data    buf.Slice
		want    Reason
	}{
		{1, request(wire.Join, "one", "grp"), Accepted},
		{1, request(wire.Reliable, "one", "grp"), Accepted},
		{1, request(wire.Kill, "one"), Accepted},
		{2, request(wire.Safe, "two", "grp"), QueueFull},
	} {
		if got := e.Submit(1, m.session, m.data, &out); got != m.want {
			t.Errorf("message %d: %v, want %v", i, got, m.want)
		}
	}
	if e.Accepting() {
		t.Error("a full queue accepts")
	}
	if got := dump(&out); got != "" {
		t.Errorf("effects before the start:\n%s", got)
	}
	e.Start(1, 1000, &out)
	const want = `1 le REG_MEMB|CAUSED_BY_JOIN of grp members [#one#alpha] id -1358244047 1001 1 set*[#one#alpha]
1 le RELIABLE from #one#alpha to [grp] type 0 data 1
1 ended`
	if got := dump(&out); got != want {
		t.Errorf("effects of the start\n%s, want\n%s", got, want)
	}
	if len(out.Releases) != 3 {
		t.Fatalf("%d blocks to release, want 3", len(out.Releases))
	}
	for i, b := range out.Releases {
		if b.Refs() != 2 {
			t.Errorf("block %d has %d references, want ours and the queue's", i, b.Refs())
		}
		b.Release()
	}
	if !e.Accepting() {
		t.Error("an empty queue does not accept")
	}
}

// TestSubmitAllocs: passing a message through the machines allocates nothing.
func TestSubmitAllocs(t *testing.T) {
	e := newEngine(t, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(1, private("one"), true)
	e.Connect(2, private("two"), true)
	e.Submit(1, 1, request(wire.Join, "one", "grp"), &out)
	e.Submit(1, 2, request(wire.Join, "two", "grp"), &out)
	msg := request(wire.Reliable, "one", "grp", "#two#alpha")
	n := testing.AllocsPerRun(1000, func() {
		out.Reset()
		if o := e.Submit(1, 1, msg, &out); o != Accepted {
			t.Fatal(o)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a message", n)
	}
	if len(out.Groups.Deliveries) != 1 || len(out.Groups.Receivers(out.Groups.Deliveries[0])) != 2 {
		t.Errorf("effects:\n%s", dump(&out))
	}
}

func TestServices(t *testing.T) {
	for _, tt := range []struct {
		t    wire.Type
		want string
	}{
		{wire.Unreliable, "reliable"},
		{wire.Reliable, "reliable"},
		{wire.FIFO, "fifo"},
		{wire.Causal, "agreed"},
		{wire.Agreed, "agreed"},
		{wire.Safe, "safe"},
		{wire.Join, "agreed"},
		{wire.Leave, "agreed"},
		{wire.Kill, "agreed"},
		{wire.Kill | wire.Safe, "safe"},
	} {
		if got := service(tt.t).String(); got != tt.want {
			t.Errorf("%v travels as %s, want %s (ring-protocol §7.4)", tt.t, got, tt.want)
		}
	}
}

func BenchmarkSubmit(b *testing.B) {
	e := newEngine(b, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	e.Connect(1, private("one"), true)
	e.Submit(1, 1, request(wire.Join, "one", "grp"), &out)
	msg := request(wire.Reliable, "one", "grp")
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		e.Submit(1, 1, msg, &out)
	}
}
