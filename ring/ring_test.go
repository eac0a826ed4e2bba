package ring

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// TestAllowance is the table of ring-protocol §16.1.
func TestAllowance(t *testing.T) {
	for _, tt := range []struct {
		window, personal int
		state            State
		highest, aru     int32
		fc               int16
		want             int
	}{
		{160, 20, Operational, 0, 0, 0, 20},
		{160, 20, Operational, 0, 0, 159, 20},
		{160, 20, Operational, 0, 0, 161, 19},
		{160, 20, Operational, 0, 0, 179, 1},
		{160, 20, Operational, 0, 0, 180, 0},
		{160, 20, Operational, 0, 0, math.MaxInt16, 0},
		{160, 20, Operational, 0, 0, -1, 20},
		{160, 20, Operational, 0, 0, math.MinInt16, 20},
		{5, 5, Operational, 0, 0, 4, 5},
		{5, 5, Operational, 0, 0, 6, 4},
		{160, 20, Operational, 2600, 1000, 0, 20},
		{160, 20, Operational, 2601, 1000, 0, 0},
		{160, 20, Recovering, 0, 0, 0, 0},
	} {
		r, err := New(Config{Self: 1, Window: tt.window, PersonalWindow: tt.personal})
		if err != nil {
			t.Fatal(err)
		}
		r.state, r.seq.highest, r.seq.aru = tt.state, tt.highest, tt.aru
		if got := r.allowance(tt.fc); got != tt.want {
			t.Errorf("%+v: %d packets are allowed", tt, got)
		}
	}
}

func TestConfig(t *testing.T) {
	top, err := topology.New([]topology.Segment{{Daemons: []topology.Daemon{{ID: 1}, {ID: 2}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cfg  Config
		want string // part of the error; empty is none
	}{
		{Config{Self: 1, Topology: top}, ""},
		{Config{Self: 1}, ""},
		{Config{Self: 3, Topology: top}, "not in the configuration"},
		{Config{}, "reserved id"},
		{Config{Self: 1, Window: -1}, "Window is -1"},
		{Config{Self: 1, Window: 10}, ""},
		{Config{Self: 1, Window: 10, PersonalWindow: 11}, "PersonalWindow is 11"},
		{Config{Self: 1, Window: 2000, PersonalWindow: 1601}, "PersonalWindow is 1601"},
		{Config{Self: 1, PersonalWindow: 10, AcceleratedWindow: 11}, ""},
		{Config{Self: 1, PersonalWindow: 10, AcceleratedWindow: 11, Accelerated: true}, "AcceleratedWindow is 11"},
		{Config{Self: 1, TokenTimeout: -1}, "timeouts"},
		{Config{Self: 1, QueueMessages: -1}, "QueueMessages"},
	} {
		_, err := New(tt.cfg)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.cfg, err, tt.want)
		}
	}
	for _, tt := range []struct {
		cfg          Config
		token, hurry time.Duration
		accelerated  int
	}{
		{Config{Self: 1}, 1250 * time.Millisecond, 500 * time.Millisecond, 15},
		{Config{Self: 1, Wide: true, AcceleratedWindow: -1}, 5 * time.Second, 1500 * time.Millisecond, 0},
		{Config{Self: 1, Window: 10, TokenTimeout: time.Second, HurryTimeout: time.Minute}, time.Second, time.Minute, 10},
	} {
		r, err := New(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.cfg; c.TokenTimeout != tt.token || c.HurryTimeout != tt.hurry || c.AcceleratedWindow != tt.accelerated {
			t.Errorf("%+v became %+v", tt.cfg, c)
		}
	}
}

// TestQueueBound: at 500 messages no client is read (ring-protocol §16.4); the groups layer is not
// held back.
func TestQueueBound(t *testing.T) {
	n := newNetwork(t, Config{}, []string{"A"})
	a := n.nodes[0]
	for range DefaultQueueMessages {
		if !a.ring.Accepting() || !n.submit(a, FIFO, "x") {
			t.Fatal("refused below the bound")
		}
	}
	last := text("A", FIFO, "y")
	if a.ring.Accepting() || a.ring.Submit(1, last, &a.out) {
		t.Error("accepted at the bound")
	}
	if last.Data.Block.Refs() != 1 {
		t.Error("a refused message's block was kept")
	}
	for range 2 * DefaultQueueMessages {
		a.ring.SubmitGroups(1, last, &a.out)
	}
	n.form(a)
	if got := len(a.texts); got != DefaultQueueMessages {
		t.Errorf("%d messages were delivered when the ring came, want %d", got, DefaultQueueMessages)
	}
	if got := a.ring.Status(); got.UsersQueued != 0 || got.GroupsQueued != 2*DefaultQueueMessages {
		t.Errorf("%d and %d are still queued", got.UsersQueued, got.GroupsQueued)
	}
	a.ring.ClearGroups(&a.out)
	n.done(a)
	if refs := last.Data.Block.Refs(); refs != 1 {
		t.Errorf("%d references to a message that was dropped", refs)
	}
}

// TestAlone: a message in a ring of one gets a number for each packet that it would fill
// (ring-protocol §7.1), and is delivered from its block.
func TestAlone(t *testing.T) {
	n := newNetwork(t, Config{}, []string{"A"})
	a := n.nodes[0]
	n.form(a)
	var want int32
	for _, tt := range []struct {
		size    int
		packets int32
	}{{textLen, 1}, {FragmentBytes, 1}, {FragmentBytes + 1, 2}, {wire.MaxMessage, 100}} {
		m := text("A", Safe, strings.Repeat("x", tt.size-textLen))
		a.out.Reset()
		if !a.ring.Submit(1, m, &a.out) || len(a.out.Events) != 1 {
			t.Fatalf("%d bytes are not delivered at once", tt.size)
		}
		if got := a.out.Events[0].Message; got.Data != m.Data || got.Service != Safe || got.Proc != a.id {
			t.Errorf("delivered %+v", got)
		}
		if len(a.out.Releases) > 0 || m.Data.Block.Refs() != 1 {
			t.Error("the block was retained")
		}
		want += tt.packets
		if got := a.ring.Status().Highest; got != want {
			t.Errorf("after %d bytes the highest number is %d, want %d", tt.size, got, want)
		}
	}
	a.out.Reset()
	// Numbers do not exceed their bound, however long the ring lasts.
	a.ring.seq.highest = MaxSeq - 1
	n.submit(a, FIFO, strings.Repeat("x", 3000))
	if got := a.ring.Status(); got.Highest != 3 || got.Aru != 3 || got.LastDiscarded != 3 {
		t.Errorf("after %d come %+v", MaxSeq-1, got)
	}
	// No other daemon can make packets or tokens of this ring.
	var p wire.Packet
	p.Type, p.Membership, p.Proc, p.Seq = wire.PacketFIFO, a.ring.id, a.id, 4
	if v := a.ring.HandlePacket(1, &p, buf.Slice{Block: buf.Wrap(nil)}, &a.out); v != TooFar {
		t.Errorf("a packet: %v", v)
	}
	k := wire.Token{Membership: a.ring.id, Transmitter: a.id}
	if v := a.ring.HandleToken(1, &k, &a.out); v != TokenUnexpected {
		t.Errorf("a token: %v", v)
	}
	if len(a.out.Sends) > 0 || a.ring.Deadline() != 0 {
		t.Error("a ring of one sends, or waits")
	}
}

// TestPacketsKeepTheRing: any packet of the ring, even a duplicate, restarts the token-loss timer,
// and at the leader the hurry timer (ring-protocol §12 rule 2, §19.2, §20). Hurries and swallowed
// tokens do not.
func TestPacketsKeepTheRing(t *testing.T) {
	b := newBench(t, Config{})
	step := func(what string, restarts bool, f func()) {
		t.Helper()
		before := b.r.deadlines.loss
		b.n.now = b.n.now.Add(10 * time.Millisecond)
		f()
		if got := b.r.deadlines.loss != before; got != restarts {
			t.Errorf("%s restarts the timer: %v", what, got)
		}
		if restarts && b.r.deadlines.loss != b.n.now.Add(DefaultTokenTimeout) {
			t.Errorf("%s: the timer is set to %v", what, b.r.deadlines.loss)
		}
	}
	p := b.packet(1)
	step("a packet", true, func() { b.give(p) })
	step("a duplicate", false, func() { b.give(p) })
	p.Membership.Time++
	step("a foreign packet", false, func() { b.give(p) })
	step("an old token", false, func() { k := b.token(); k.Type = 0; b.take(k) })
	step("a repeated token", false, func() {
		k := b.token()
		k.Type = k.Type.WithARQ(b.arq).WithRetrans(3)
		if v := b.take(k); v != TokenRepeated {
			t.Error(v)
		}
	})
	step("a hurry", false, func() {
		h := wire.Packet{Type: wire.PacketHurry, Proc: b.n.node("C").id}
		b.r.HandleHurry(b.n.now, &h, &b.out)
	})
	step("a token", true, func() { b.take(b.token()) })
	if b.r.deadlines.hurry != 0 {
		t.Error("a daemon that does not lead has a hurry timer")
	}
	b.r.Stop(b.n.now)
	p = b.packet(2)
	b.give(p)
	if b.r.Deadline() != 0 || b.r.Highest() != 2 {
		t.Errorf("without a ring a packet sets a timer, or is not stored: %v", b.r.Deadline())
	}
	a := b.n.nodes[0]
	b.n.submit(a, FIFO, "the token is on its way")
	before := a.ring.deadlines.hurry
	b.n.now = b.n.now.Add(time.Millisecond)
	p.Transmitter, p.Proc = b.b.id, b.b.id
	bytes := p.Append(nil)
	_ = p.Decode(bytes)
	a.ring.HandlePacket(b.n.now, &p, buf.Slice{Block: buf.Wrap(bytes), Hi: len(bytes)}, &a.out)
	if a.ring.deadlines.hurry == before {
		t.Error("a packet does not restart the leader's hurry timer")
	}
}

// TestHurryRefusals: only the leader releases the token, and only for members, while it holds it
// (ring-protocol §19.3).
func TestHurryRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   string
		edit func(n *network, p *wire.Packet)
		want Reason
	}{
		{"a member's", "A", func(*network, *wire.Packet) {}, HurryTaken},
		{"at another", "B", func(*network, *wire.Packet) {}, HurryIgnored},
		{"from outside the ring", "A", func(n *network, p *wire.Packet) { p.Proc = n.node("D").id }, HurryStranger},
		{"from nobody", "A", func(_ *network, p *wire.Packet) { p.Proc = 99 }, HurryStranger},
		{"no hurry", "A", func(_ *network, p *wire.Packet) { p.Type = wire.PacketSafe }, NotData},
		{"without a ring", "A", func(n *network, _ *wire.Packet) { n.nodes[0].ring.Stop(n.now) }, HurryStranger},
		{"while busy", "A", func(n *network, _ *wire.Packet) { n.nodes[0].ring.token.stableTurns = 1 }, HurryIgnored},
		{"after two repeats", "A", func(n *network, _ *wire.Packet) {
			r := n.nodes[0].ring
			r.token.last.Type = r.token.last.Type.WithRetrans(2)
		}, HurryIgnored},
	} {
		n := newBench(t, Config{}).n
		p := wire.Packet{Type: wire.PacketHurry, Transmitter: n.node("C").id, Proc: n.node("C").id, ConfHash: 4711}
		tt.edit(n, &p)
		d := n.node(tt.at)
		v := d.ring.HandleHurry(n.now, &p, &d.out)
		if v != tt.want || (len(d.out.Sends) == 1) != (v == HurryTaken) {
			t.Errorf("%s: %v, %d datagrams; want %v", tt.name, v, len(d.out.Sends), tt.want)
		}
	}
}

// TestWhatMembershipAsks: the numbers for the form tokens.
func TestWhatMembershipAsks(t *testing.T) {
	b := newBench(t, Config{})
	for _, seq := range []int32{1, 2, 4, 7} {
		b.give(b.packet(seq))
	}
	if got := b.r.AppendMissing(nil, 1, 9); !slices.Equal(got, []int32{3, 5, 6, 8, 9}) {
		t.Errorf("missing %v", got)
	}
	k := b.token()
	k.Aru = 2
	b.take(k)
	k = b.token()
	k.Aru = 2
	b.take(k)
	if b.r.Aru() != 2 || b.r.LastDiscarded() != 2 || b.r.MyAru() != 2 || b.r.Highest() != 7 {
		t.Errorf("%+v", b.r.Status())
	}
	for seq, want := range map[int32]bool{-1: false, 0: false, 1: true, 2: true, 3: false, 4: true, 7: true, 8: false, 8196: false} {
		if b.r.Has(seq) != want {
			t.Errorf("Has(%d) is %v", seq, !want)
		}
	}
	if got := b.r.AppendMissing([]int32{9}, -7, 4); !slices.Equal(got, []int32{9, 3}) {
		t.Errorf("missing %v", got)
	}
	if got := b.r.AppendMissing(nil, math.MaxInt32-1, math.MaxInt32); len(got) != 2 {
		t.Errorf("missing %v", got)
	}
}

// TestRecoverRobust: a wrong form token results in a ring that is not installed, not in a daemon
// that hangs or panics.
func TestRecoverRobust(t *testing.T) {
	for _, rec := range []topology.Recovery{
		{Aru: math.MaxInt32, Highest: math.MaxInt32, LastSeq: math.MaxInt32, Holes: []int32{math.MaxInt32, -1, 0, 1, 1}},
		{Aru: -5, Highest: -5, LastSeq: -5, Holes: []int32{math.MinInt32}},
		{Aru: 1, Highest: 9000, LastSeq: 3, Holes: []int32{2, 3, 8193, 8194}},
		{Highest: 3, Holes: []int32{3, 2, 1}},
	} {
		b := newBench(t, Config{})
		for _, seq := range []int32{1, 3, 8192} {
			b.give(b.packet(seq))
		}
		rec.Future = wire.MembershipID{Daemon: 7, Time: 7}
		for _, d := range b.n.nodes[:3] {
			rec.Members = append(rec.Members, d.id)
		}
		b.r.Recover(b.n.now, rec, &b.out)
		b.check()
		k := b.token()
		k.Membership, k.Seq, k.Aru, k.Type = rec.Future, 0, math.MaxInt32, wire.RingType(0).WithARQ(1)
		b.take(k)
		b.give(b.packet(2))
		b.r.Stop(b.n.now)
		b.check()
		b.r.Recover(b.n.now, topology.Recovery{Members: []wire.DaemonID{b.b.id}, LastSeq: 5}, &b.out)
		b.check()
		b.done()
		if n := b.b.pool.Out(); n != 0 {
			t.Errorf("%+v: %d blocks are not released", rec, n)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a ring without this daemon was accepted")
		}
	}()
	b := newBench(t, Config{})
	b.r.Recover(1, topology.Recovery{Members: []wire.DaemonID{b.n.nodes[0].id}}, &b.out)
}

// TestTableGrows: all numbers that the table may hold find their place.
func TestTableGrows(t *testing.T) {
	b := newBench(t, Config{})
	first := int32(1)
	for _, last := range []int32{2 * maxUnstable, 4 * maxUnstable, MaxPackets} { // as far as the windows allow
		for seq := last; seq > first; seq-- {
			if v := b.give1(b.packet(seq)); v != Stored {
				t.Fatalf("%d: %v", seq, v)
			}
		}
		if n := len(b.r.AppendMissing(nil, first, last)); n != 1 || len(b.r.table.slots) < int(last) {
			t.Errorf("%d are missing, of %d slots", n, len(b.r.table.slots))
		}
		b.out.Reset()
		b.give1(b.packet(first))
		if b.r.MyAru() != last || len(b.out.Events) != int(last-first)+1 {
			t.Errorf("my aru is %d, %d messages", b.r.MyAru(), len(b.out.Events))
		}
		first = last + 1
	}
	if len(b.r.table.slots) != MaxPackets {
		t.Errorf("%d slots", len(b.r.table.slots))
	}
	if v := b.give1(b.packet(MaxPackets + 1)); v != TooFar {
		t.Errorf("a number beyond the table: %v", v)
	}
	b.check()
}

// give1 is give without the check of the whole state.
func (b *bench) give1(p wire.Packet) Reason {
	bytes := p.Append(nil)
	_ = p.Decode(bytes)
	return b.r.HandlePacket(b.n.now, &p, buf.Slice{Block: buf.Wrap(bytes), Hi: len(bytes)}, &b.out)
}

// TestNames: each value has a distinct name that is usable as a label.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for v := range Reason(NumReasons) {
		s := v.String()
		if s == "" || seen[s] || strings.ContainsAny(s, " -A") {
			t.Errorf("reason %d is called %q", v, s)
		}
		seen[s] = true
	}
	for _, tt := range []struct{ got, want string }{
		{Reason(200).String(), "Reason(200)"},
		{Safe.String(), "safe"},
		{Service(9).String(), "Service(9)"},
		{Recovering.String(), "recovering"},
		{State(9).String(), "State(9)"},
		{Ordered.String(), "ordered"},
		{Level(9).String(), "Level(9)"},
		{Transitional.String(), "transitional"},
		{EventKind(9).String(), "EventKind(9)"},
		{RecoveryStuck.String(), "recovery stuck"},
		{Cause(9).String(), "Cause(9)"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// TestStatus: the numbers of ring-protocol §23 that the ring knows.
func TestStatus(t *testing.T) {
	n := newNetwork(t, Config{Window: 50, PersonalWindow: 10, AcceleratedWindow: 5}, []string{"A", "B"}, []string{"C"})
	n.form(n.nodes...)
	dropped := false
	n.deliver = func(from, to *node, token bool, b []byte) {
		if to.name == "C" && !token && !dropped {
			dropped = true
			return
		}
		to.put(token, b)
	}
	n.submit(n.nodes[1], Agreed, strings.Repeat("x", 3000))
	n.runIdle(40)
	a, b, c := n.nodes[0].ring.Status(), n.nodes[1].ring.Status(), n.nodes[2].ring.Status()
	for name, ok := range map[string]bool{
		"sent":      a.PacketsSent == 0 && b.PacketsSent == 3 && c.PacketsSent == 0,
		"received":  a.PacketsReceived == 3 && b.PacketsReceived == 0 && c.PacketsReceived == 3,
		"delivered": a.PacketsDelivered == 3 && b.PacketsDelivered == 3 && c.PacketsDelivered == 3,
		"retrans":   a.Retrans+b.Retrans == 1 && a.RetransDaemon+b.RetransDaemon == 1 && c.Retrans == 0,
		"hurries":   a.TokenHurries == 1 && b.TokenHurries == 1 && c.TokenHurries == 1,
		"ring":      a.ID == c.ID && a.Leader == n.nodes[0].id && a.NumProcs == 3 && a.NumSegments == 2 && a.MembershipChanges == 1,
		"windows":   a.Window == 50 && a.PersonalWindow == 10 && a.AcceleratedWindow == 5 && !a.Accelerated,
		"numbers":   a.Highest == 3 && b.MyAru == 3 && c.Aru == 3 && a.TokenRounds > 5,
	} {
		if !ok {
			t.Errorf("%s:\n%+v\n%+v\n%+v", name, a, b, c)
		}
	}
}
