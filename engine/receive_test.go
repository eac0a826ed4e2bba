package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

const hash = 0xabcdef01

func addr(host byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, host}) }

// several returns the engine of daemon self, with a and b in one segment and c alone in another.
func several(t *testing.T, self wire.DaemonID) *Engine {
	t.Helper()
	top, err := topology.New([]topology.Segment{
		{Port: 4803, Addrs: []netip.Addr{addr(255)}, Daemons: []topology.Daemon{
			{ID: 1, Name: "a", Addr: addr(1)}, {ID: 2, Name: "b", Addr: addr(2)},
		}},
		{Port: 4803, Daemons: []topology.Daemon{{ID: 3, Name: "c", Addr: addr(3)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Topology: top, Self: self, ConfHash: hash})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	e.Start(1, 1000, &out)
	return e
}

func datagram(p wire.Packet) buf.Slice {
	b := p.Append(nil)
	return buf.Slice{Block: buf.Wrap(b), Hi: len(b)}
}

// TestRefusals: each check of ring-protocol §9, in order, for both ports.
func TestRefusals(t *testing.T) {
	good := wire.Packet{Type: wire.PacketFIFO, Transmitter: 2, Proc: 2, Seq: 1, ConfHash: hash}
	with := func(change func(*wire.Packet)) wire.Packet {
		p := good
		change(&p)
		return p
	}
	for _, tt := range []struct {
		what string
		p    wire.Packet
		from netip.Addr
		want Reason
	}{
		{"as it should be", good, addr(2), Accepted},
		{"another configuration", with(func(p *wire.Packet) { p.ConfHash++ }), addr(2), OtherConfiguration},
		{"a stranger of another configuration", with(func(p *wire.Packet) { p.ConfHash++; p.Transmitter = 9 }), addr(9), OtherConfiguration},
		{"a stranger", with(func(p *wire.Packet) { p.Transmitter = 9 }), addr(2), UnknownTransmitter},
		{"another's address", good, addr(3), WrongSource},
		{"our own", with(func(p *wire.Packet) { p.Transmitter = 1 }), addr(1), Own},
		{"no kind", with(func(p *wire.Packet) { p.Type = 0 }), addr(2), UnknownKind},
		{"a monitor on our own host", with(func(p *wire.Packet) { p.Type = wire.PacketStatus; p.Transmitter = 1 }), addr(1), Accepted},
	} {
		e := several(t, 1)
		var out Effects
		if got := e.HandleData(2, 1000, tt.from, datagram(tt.p), &out); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
		if n := e.Counts().Datagrams[tt.want]; n != 1 {
			t.Errorf("%s: counted %d times", tt.what, n)
		}
		if control := tt.p.Type == wire.PacketStatus; control != (len(out.Controls) == 1) {
			t.Errorf("%s: %d controls", tt.what, len(out.Controls))
		}
	}
	e := several(t, 1)
	var out Effects
	short := datagram(good)
	short.Hi--
	if got := e.HandleData(2, 1000, addr(2), short, &out); got != Malformed {
		t.Errorf("39 bytes: %v", got)
	}
	token := wire.Token{Transmitter: 2, Proc: 2, ConfHash: hash}
	for _, tt := range []struct {
		what   string
		change func(*wire.Token)
		from   netip.Addr
		want   Reason
	}{
		{"as it should be", func(*wire.Token) {}, addr(2), Accepted},
		{"our own, as in a ring of one", func(t *wire.Token) { t.Transmitter = 1 }, addr(1), Accepted},
		{"another configuration", func(t *wire.Token) { t.ConfHash++ }, addr(2), OtherConfiguration},
		{"a stranger", func(t *wire.Token) { t.Transmitter = 9 }, addr(2), UnknownTransmitter},
		{"another's address", func(*wire.Token) {}, addr(3), WrongSource},
	} {
		x := token
		tt.change(&x)
		if got := e.HandleToken(2, 1000, tt.from, x.Append(nil), &out); got != tt.want {
			t.Errorf("token %s: %v, want %v", tt.what, got, tt.want)
		}
	}
	if got := e.HandleToken(2, 1000, addr(2), token.Append(nil)[:39], &out); got != Malformed {
		t.Errorf("token of 39 bytes: %v", got)
	}
}

// TestRelay: a packet from another segment is repeated to our own before any other check, even if
// it is old or of another ring, in its maker's byte order (ring-protocol §10.3).
func TestRelay(t *testing.T) {
	for _, order := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
		p := wire.Packet{
			ByteOrder: order, Type: wire.PacketFIFO | wire.PacketRouted, Transmitter: 3, Proc: 3, Seq: 7, TokenRound: 5,
			Membership: wire.MembershipID{Daemon: 3, Time: 77}, ConfHash: hash,
			First: wire.FragmentHeader{Index: -1, Len: 4}, Body: []byte("body"),
		}
		e := several(t, 2)
		var out Effects
		e.HandleData(2, 1000, addr(3), datagram(p), &out)
		if len(out.Sends) != 1 || out.Sends[0].To != topology.ToSegment(0) {
			t.Fatalf("%v: sends %+v, want one to the segment", order, out.Sends)
		}
		var got wire.Packet
		if err := got.Decode(out.Sends[0].Append(nil)); err != nil {
			t.Fatal(err)
		}
		want := p
		want.Type, want.Transmitter = wire.PacketFIFO, 2
		if got.Type != want.Type || got.Transmitter != want.Transmitter || got.ByteOrder != order || got.Proc != 3 ||
			got.Seq != 7 || got.TokenRound != 5 || got.Membership != want.Membership || string(got.Body) != "body" || got.First != want.First {
			t.Errorf("%v: relayed %+v, want %+v", order, got, want)
		}
	}
	// A daemon that is alone in its segment has nobody to repeat it to.
	e := several(t, 3)
	var out Effects
	e.HandleData(2, 1000, addr(1), datagram(wire.Packet{
		Type: wire.PacketFIFO | wire.PacketRouted, Transmitter: 1, Proc: 1, Seq: 1, ConfHash: hash,
	}), &out)
	if len(out.Sends) != 0 {
		t.Errorf("relayed to nobody: %+v", out.Sends)
	}
}

// TestPartition: daemons of other components are not heard until the time is over or another
// partition arrives.
func TestPartition(t *testing.T) {
	e := several(t, 1)
	alive := func(now clock.Time, from wire.DaemonID, host byte) Reason {
		var out Effects
		return e.HandleData(now, 1000, addr(host), datagram(wire.Packet{
			Type: wire.PacketAlive, Transmitter: from, Proc: from, ConfHash: hash, Body: wire.AppendMembers(nil, wire.LittleEndian, 0, from),
		}), &out)
	}
	if err := e.Partition(10, []int16{0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	if r := alive(11, 2, 2); r != PartitionedOff {
		t.Errorf("from another component: %v", r)
	}
	if r := alive(11, 3, 3); r != Accepted {
		t.Errorf("from our component: %v", r)
	}
	end := clock.Time(10).Add(PartitionTime)
	if d := e.Deadline(); d == 0 || d > end {
		t.Errorf("the deadline is %v, the partition ends at %v", d, end)
	}
	var out Effects
	e.Advance(end, 1060, &out)
	if r := alive(end, 2, 2); r != Accepted {
		t.Errorf("after its time: %v", r)
	}
	for what, components := range map[string][]int16{"too short": {0, 0}, "no component for us": {-1, 0, 0}} {
		if e.Partition(10, components) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestDisconnectIsNeverRefused: it waits for the ring, behind earlier messages.
func TestDisconnectIsNeverRefused(t *testing.T) {
	e := newEngine(t, Config{QueueMessages: 1})
	var out Effects
	e.Connect(0, private("zero"), true)
	e.Connect(1, private("one"), true)
	if o := e.Submit(1, 0, request(wire.Join, "zero", "grp"), &out); o != Accepted {
		t.Fatalf("join: %v", o)
	}
	for id := range SessionID(2) {
		if o := e.Disconnect(1, id, &out); o != Accepted {
			t.Errorf("disconnect %d with a full ring: %v", id, o)
		}
	}
	if e.Accepting() {
		t.Error("messages would overtake the disconnects")
	}
	if o := e.Disconnect(1, 0, &out); o != Leaving {
		t.Errorf("a second disconnect: %v", o)
	}
	e.Start(1, 1000, &out)
	if got := out.Groups.Ended; len(got) != 2 || got[0] != 0 || got[1] != 1 {
		t.Errorf("sessions %v have ended, want both", got)
	}
	if !e.Accepting() {
		t.Error("the ring is up, and nothing is taken")
	}
}

// TestForcedWhileInstalling: a state message that is delivered when the next ring is installed can make
// the groups ask for a new membership, which is on its way. The installation ends, and is explained.
func TestForcedWhileInstalling(t *testing.T) {
	e := newEngine(t, Config{})
	var out Effects
	e.memb.Start(1, 1000, &e.membOut)
	if got := e.Status().Membership; got != membership.StateEVS {
		t.Fatalf("in %v", got)
	}
	out.Groups.RingCommands = append(out.Groups.RingCommands, groups.RingCommand{Kind: groups.ForceMembership})
	e.groupsCommands(1, &out)
	e.settle(1, &out)
	if got := e.Status().Membership; got != membership.StateOp || len(out.Installations) != 1 || len(out.Changes) != 1 {
		t.Errorf("in %v with %d installations and %d changes, want one of each", got, len(out.Installations), len(out.Changes))
	}
}

// TestForcedMembership: the groups may ask for a new membership, and get it at most once in
// ForceInterval.
func TestForcedMembership(t *testing.T) {
	e := newEngine(t, Config{})
	var out Effects
	e.Start(1, 1000, &out)
	lost := func() bool { return e.Status().Membership != membership.StateOp }
	force := func(now clock.Time) {
		out.Reset()
		out.Groups.RingCommands = append(out.Groups.RingCommands, groups.RingCommand{Kind: groups.ForceMembership})
		e.groupsCommands(now, &out)
		e.settle(now, &out)
	}
	// form runs the timers until there is a ring again.
	form := func() (now clock.Time) {
		t.Helper()
		for range 100 {
			if !lost() {
				return now
			}
			now = e.Deadline()
			e.Advance(now, 1000, &out)
		}
		t.Fatal("no ring is formed")
		return 0
	}
	first := clock.Time(time.Second)
	force(first)
	if !lost() {
		t.Fatal("the ring goes on")
	}
	now := form()
	force(now)
	if lost() {
		t.Errorf("the ring is given up again %v later", now.Sub(first))
	}
	due := first.Add(ForceInterval)
	if d := e.Deadline(); d != due {
		t.Errorf("the deadline is %v, want %v", d, due)
	}
	e.Advance(due-1, 1000, &out)
	if lost() {
		t.Error("the ring is given up before its time")
	}
	e.Advance(due, 1010, &out)
	if !lost() {
		t.Error("the ring is not given up when it is due")
	}
	form()
	if err := e.Check(); err != nil {
		t.Error(err)
	}
}
