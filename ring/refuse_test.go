package ring

import (
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// bench is one daemon, B of a ring of A, B and C, whose inputs a test writes by hand. Every packet
// of the ring is stable, and B has had its turn of round arq.
type bench struct {
	t   *testing.T
	n   *network
	b   *node
	r   *Ring
	out Effects
	arq uint8
}

func newBench(t *testing.T, cfg Config) *bench {
	n := newNetwork(t, cfg, []string{"A", "B", "C"}, []string{"D"})
	n.form(n.nodes[0], n.nodes[1], n.nodes[2])
	b := n.nodes[1]
	return &bench{t: t, n: n, b: b, r: b.ring, arq: b.ring.token.last.Type.ARQ()}
}

// packet returns the next packet of A, with one whole message.
func (b *bench) packet(seq int32) wire.Packet {
	body := text("A", FIFO, "text").Data.Bytes()
	return wire.Packet{
		Type: wire.PacketFIFO, Transmitter: b.n.node("A").id, Proc: b.n.node("A").id, Membership: b.r.id,
		Seq: seq, TokenRound: 9, ConfHash: 4711, First: wire.FragmentHeader{Index: -1, Len: int16(len(body))}, Body: body,
	}
}

// give passes a packet in, and releases what the ring does not keep.
func (b *bench) give(p wire.Packet) Reason {
	bytes := p.Append(nil)
	if err := p.Decode(bytes); err != nil {
		b.t.Fatal(err)
	}
	block := b.b.pool.Get(len(bytes))
	s := buf.Slice{Block: block, Lo: 8, Hi: 8 + copy(block.Bytes()[8:], bytes)}
	if err := p.Decode(s.Bytes()); err != nil {
		b.t.Fatal(err)
	}
	v := b.r.HandlePacket(b.n.now, &p, s, &b.out)
	block.Release()
	b.check()
	return v
}

func (b *bench) check() {
	b.t.Helper()
	if err := b.r.check(); err != nil {
		b.t.Error(err)
	}
}

// token returns the token of the next round, from A.
func (b *bench) token() wire.Token {
	made := b.r.token.made + b.r.token.retransmitted + int(b.r.seq.highest-b.r.token.last.Seq)
	return wire.Token{
		FlowControl: int16(made),
		Type:        wire.RingType(0).WithARQ(b.arq + 1), Transmitter: b.n.node("A").id, Proc: b.n.node("A").id,
		Membership: b.r.tokenID(), Seq: b.r.seq.highest, Aru: b.r.seq.highest, AruLast: b.n.node("A").id, ConfHash: 4711,
	}
}

func (b *bench) take(t wire.Token) Reason {
	bytes := t.Append(nil)
	if err := t.Decode(bytes); err != nil {
		b.t.Fatal(err)
	}
	v := b.r.HandleToken(b.n.now, &t, &b.out)
	if v == TokenTaken {
		b.arq = t.Type.ARQ()
	}
	b.check()
	return v
}

// done releases the blocks that the steps so far have released.
func (b *bench) done() {
	for _, block := range b.out.Releases {
		block.Release()
	}
	b.out.Reset()
}

// TestPacketRefusals: no harmful packet is stored (ring-protocol §9, §12, §25), and each is counted
// with its reason.
func TestPacketRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(b *bench, p *wire.Packet)
		want Reason
	}{
		{"good", func(b *bench, p *wire.Packet) {}, Stored},
		{"another ring", func(b *bench, p *wire.Packet) { p.Membership.Time++ }, Foreign},
		{"no service", func(b *bench, p *wire.Packet) { p.Type = wire.PacketRouted }, NotData},
		{"two services", func(b *bench, p *wire.Packet) { p.Type |= wire.PacketSafe }, NotData},
		{"unreliable", func(b *bench, p *wire.Packet) { p.Type = 1 }, NotData},
		{"a membership packet", func(b *bench, p *wire.Packet) { p.Type |= wire.PacketJoin }, NotData},
		{"number 0", func(b *bench, p *wire.Packet) { p.Seq = 0 }, TooFar},
		{"a negative number", func(b *bench, p *wire.Packet) { p.Seq = -5 }, TooFar},
		{"the last number that the windows allow", func(b *bench, p *wire.Packet) { p.Seq = 3200 }, Stored},
		{"a number that they do not", func(b *bench, p *wire.Packet) { p.Seq = 3201 }, TooFar},
		{"a made-up number", func(b *bench, p *wire.Packet) { p.Seq = 1<<31 - 1 }, TooFar},
		{"an unknown maker", func(b *bench, p *wire.Packet) { p.Proc = 99 }, UnknownMaker},
		{"a maker outside the ring", func(b *bench, p *wire.Packet) { p.Proc = b.n.node("D").id }, Stored},
		{"a fragment beyond the body", func(b *bench, p *wire.Packet) { p.First.Len++ }, Malformed},
		{"a negative length", func(b *bench, p *wire.Packet) { p.First.Len = -1 }, Malformed},
		{"fragment 0", func(b *bench, p *wire.Packet) { p.First.Index = 0 }, Malformed},
		{"fragment 111", func(b *bench, p *wire.Packet) { p.First.Index = 111 }, Malformed},
		{"a tail", func(b *bench, p *wire.Packet) { p.Body = append(slices.Clone(p.Body), 0, 0, 0) }, Malformed},
	} {
		b := newBench(t, Config{})
		p := b.packet(1)
		tt.edit(b, &p)
		before := b.r.Counts()
		if v := b.give(p); v != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, v, tt.want)
		}
		after := b.r.Counts()
		if after[tt.want] != before[tt.want]+1 {
			t.Errorf("%s: not counted as %v", tt.name, tt.want)
		}
		if stored := b.r.seq.highest > 0; stored != (tt.want == Stored) || len(b.out.Sends) > 0 {
			t.Errorf("%s: highest is %d, %d datagrams", tt.name, b.r.seq.highest, len(b.out.Sends))
		}
	}
}

// TestOldPackets: a packet that all members have is forgotten, and not stored again.
func TestOldPackets(t *testing.T) {
	b := newBench(t, Config{})
	p := b.packet(1)
	if v := b.give(p); v != Stored {
		t.Fatal(v)
	}
	if v := b.give(p); v != Duplicate {
		t.Errorf("a second copy: %v", v)
	}
	for range 2 {
		if v := b.take(b.token()); v != TokenTaken {
			t.Fatal(v)
		}
	}
	if v := b.give(p); v != Old {
		t.Errorf("a copy of a stable packet: %v", v)
	}
	b.done()
	if n := b.b.pool.Out(); n != 0 {
		t.Errorf("%d blocks are not released", n)
	}
}

// TestTokenRefusals: a harmful token is swallowed, so that the ring forms anew instead of
// continuing wrongly (ring-protocol §9, §13.1, §15.3, §25).
func TestTokenRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(b *bench, k *wire.Token)
		want Reason
	}{
		{"good", func(b *bench, k *wire.Token) {}, TokenTaken},
		{"repeated by the leader and new here", func(b *bench, k *wire.Token) { k.Type = k.Type.WithRetrans(2) }, TokenTaken},
		{"a form token", func(b *bench, k *wire.Token) { k.Type |= wire.TokenForm1 }, TokenNotRegular},
		{"another ring", func(b *bench, k *wire.Token) { k.Membership.Daemon++ }, TokenForeign},
		{"not from the predecessor", func(b *bench, k *wire.Token) { k.Transmitter = b.n.node("C").id }, TokenStranger},
		{"a negative seq", func(b *bench, k *wire.Token) { k.Seq = -1 }, TokenMalformed},
		{"a negative aru", func(b *bench, k *wire.Token) { k.Aru = -1 }, TokenMalformed},
		{"a request beyond the body", func(b *bench, k *wire.Token) {
			k.Body = wire.AppendRequest(nil, wire.LittleEndian, b.r.id, 1, 0, 1)[:18]
		}, TokenMalformed},
		{"a seq beyond the windows", func(b *bench, k *wire.Token) { k.Seq, k.FlowControl = 3201, 3201 }, TokenTooFar},
		{"the last seq within them", func(b *bench, k *wire.Token) { k.Seq, k.FlowControl = 3200, 3200 }, TokenTaken},
		{"a seq without packets", func(b *bench, k *wire.Token) { k.Seq, k.FlowControl = 10, 9 }, TokenMiscounted},
		{"a negative flow control", func(b *bench, k *wire.Token) { k.FlowControl = -1 }, TokenMiscounted},
		{"an aru above the seq", func(b *bench, k *wire.Token) { k.Aru = 1 }, TokenAruAhead},
		{"an aru of nobody", func(b *bench, k *wire.Token) { k.AruLast = wire.NoDaemon }, TokenAruStranger},
		{"an aru of a daemon outside the ring", func(b *bench, k *wire.Token) { k.AruLast = b.n.node("D").id }, TokenAruStranger},
		{"a spent ring", func(b *bench, k *wire.Token) { k.Seq = MaxSeq + 1 }, TokenSpent},
		{"this round's", func(b *bench, k *wire.Token) { k.Type = k.Type.WithARQ(b.arq) }, TokenOld},
		{"this round's, repeated", func(b *bench, k *wire.Token) { k.Type = k.Type.WithARQ(b.arq).WithRetrans(1) }, TokenRepeated},
		{"the last round's", func(b *bench, k *wire.Token) { k.Type = k.Type.WithARQ(b.arq - 1).WithRetrans(3) }, TokenOld},
		{"a round ahead", func(b *bench, k *wire.Token) { k.Type = k.Type.WithARQ(b.arq + 2) }, TokenOld},
	} {
		b := newBench(t, Config{})
		b.r.token.last.Type = b.r.token.last.Type.WithRetrans(0)
		k := b.token()
		tt.edit(b, &k)
		rounds := b.r.token.turns
		if v := b.take(k); v != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, v, tt.want)
		}
		sends := tt.want == TokenTaken || tt.want == TokenRepeated
		if turn := b.r.token.turns > rounds; turn != (tt.want == TokenTaken) || (len(b.out.Sends) > 0) != sends {
			t.Errorf("%s: turn taken: %v; %d datagrams", tt.name, turn, len(b.out.Sends))
		}
		if b.r.Counts()[tt.want] == 0 {
			t.Errorf("%s: not counted", tt.name)
		}
	}
}

// TestAruMustNotDecrease: all members have the packets below a daemon's aru, and may have forgotten
// them. A token with a lower aru would kill a C daemon (ring-protocol §25).
func TestAruMustNotDecrease(t *testing.T) {
	b := newBench(t, Config{})
	b.give(b.packet(1))
	b.give(b.packet(2))
	for range 2 {
		b.take(b.token())
	}
	if b.r.Aru() != 2 {
		t.Fatalf("aru is %d", b.r.Aru())
	}
	k := b.token()
	k.Aru = 1
	if v := b.take(k); v != TokenAruDecreases {
		t.Errorf("a token with a lower aru: %v", v)
	}
	k.Aru = 2
	if v := b.take(k); v != TokenTaken {
		t.Errorf("a token with my aru: %v", v)
	}
	// The same holds for seq, because a token from 16 rounds ago looks new.
	k = b.token()
	k.Seq = 1
	if v := b.take(k); v != TokenSeqDecreases {
		t.Errorf("a token with a lower seq: %v", v)
	}
}

// TestRequestsOutOfBounds: only numbers that all may still have are answered or widened, and only
// to existing receivers (ring-protocol §9, §14.1).
func TestRequestsOutOfBounds(t *testing.T) {
	b := newBench(t, Config{})
	for seq := range int32(6) {
		if seq != 3 { // of numbers 1 to 6, 4 is missing
			b.give(b.packet(seq + 1))
		}
	}
	b.take(b.token()) // aru 3 in its second round
	k := b.token()
	k.Aru = 3
	b.take(k)
	b.done()
	if b.r.Aru() != 3 {
		t.Fatalf("aru is %d", b.r.Aru())
	}
	c := b.n.node("C").id
	for _, tt := range []struct {
		name    string
		proc    wire.DaemonID
		segment int16
		seqs    []int32
		sent    []int32 // answered
		ignored int64
		mine    string // how B asks for 4 itself
	}{
		{"fine", c, 0, []int32{5, 6}, []int32{5, 6}, 0, "wants 4 {B, segment 0}"},
		{"missing here too", c, 0, []int32{4, 5}, []int32{5}, 0, "wants 4 {nobody, segment 0}"},
		{"missing here too, in another segment", wire.NoDaemon, 1, []int32{4}, nil, 0, "wants 4 {nobody, segment -1}"},
		{"stable", c, 0, []int32{2, 3, 5}, []int32{5}, 2, "wants 4 {B, segment 0}"},
		{"unknown to all", c, 0, []int32{5, 7, 1000000}, []int32{5}, 2, "wants 4 {B, segment 0}"},
		{"negative", c, 0, []int32{-1}, nil, 1, "wants 4 {B, segment 0}"},
		{"twice", c, 0, []int32{5, 5, 6}, []int32{5, 6}, 1, "wants 4 {B, segment 0}"},
		{"descending", c, 0, []int32{6, 5}, []int32{6}, 1, "wants 4 {B, segment 0}"},
		{"for an unknown daemon", 99, 0, []int32{4, 5}, nil, 1, "wants 4 {B, segment 0}"},
		{"for B itself", b.b.id, 0, []int32{4, 5}, nil, 1, "wants 4 {B, segment 0}"},
		{"for segment 7", wire.NoDaemon, 7, []int32{4, 5}, nil, 1, "wants 4 {B, segment 0}"},
		{"for segment -2", wire.NoDaemon, -2, []int32{4, 5}, nil, 1, "wants 4 {B, segment 0}"},
	} {
		before := b.r.Counts()[RequestIgnored]
		k := b.token()
		k.Aru = 3
		k.Body = wire.AppendRequest(nil, wire.LittleEndian, b.r.id, tt.proc, tt.segment, tt.seqs...)
		if v := b.take(k); v != TokenTaken {
			t.Fatalf("%s: %v", tt.name, v)
		}
		var sent []int32
		for i := range b.out.Sends {
			d := &b.out.Sends[i]
			if d.To.Token {
				if s := b.n.describe(true, d.Append(nil)); !strings.HasSuffix(s, tt.mine) {
					t.Errorf("%s: %s, want %s", tt.name, s, tt.mine)
				}
				continue
			}
			var p wire.Packet
			if err := p.Decode(d.Append(nil)); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, p.Seq)
		}
		if !slices.Equal(sent, tt.sent) {
			t.Errorf("%s: sent %v, want %v", tt.name, sent, tt.sent)
		}
		if n := b.r.Counts()[RequestIgnored] - before; n != tt.ignored {
			t.Errorf("%s: %d numbers ignored, want %d", tt.name, n, tt.ignored)
		}
		b.done()
	}
}

// TestRequestsOfOtherRings: in a recovery they stay on the token, unchanged and in front. The own
// request follows, as far as it fits into one frame (ring-protocol §14).
func TestRequestsOfOtherRings(t *testing.T) {
	for _, o := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
		b := newBench(t, Config{})
		b.give(b.packet(1000))
		b.recover(1000)
		other := wire.MembershipID{Daemon: 5, Time: 6}
		k := b.token()
		k.ByteOrder, k.Seq, k.Aru = o, 0, 0
		k.Body = wire.AppendRequest(nil, o, other, 7, 3, 10, 20, 30)
		k.Body = wire.AppendRequest(k.Body, o, b.r.id, wire.NoDaemon, wire.NoSegment, 5, 1000)
		k.Body = wire.AppendRequest(k.Body, o, wire.MembershipID{Daemon: 8}, wire.NoDaemon, 1, 40)
		if v := b.take(k); v != TokenTaken {
			t.Fatal(v)
		}
		d := &b.out.Sends[len(b.out.Sends)-1]
		bytes := d.Append(nil)
		var sent wire.Token
		if err := sent.Decode(bytes); err != nil {
			t.Fatal(err)
		}
		want := wire.AppendRequest(nil, wire.LittleEndian, other, 7, 3, 10, 20, 30)
		want = wire.AppendRequest(want, wire.LittleEndian, wire.MembershipID{Daemon: 8}, wire.NoDaemon, 1, 40)
		var mine []int32
		for seq := int32(1); len(want)+16+4*len(mine)+4 <= wire.MaxPacket-wire.TokenHeaderLen; seq++ {
			mine = append(mine, seq)
		}
		want = wire.AppendRequest(want, wire.LittleEndian, b.r.id, wire.NoDaemon, wire.NoSegment, mine...)
		if !slices.Equal(sent.Body, want) || len(bytes) > wire.MaxPacket {
			t.Errorf("%v: the requests are\n%x, want\n%x", o, sent.Body, want)
		}
		b.done()
	}
}

// recover makes the members begin to recover into a ring of their own, with packets up to a number.
func (b *bench) recover(highest int32) {
	rec := topology.Recovery{Future: wire.MembershipID{Daemon: b.n.node("A").id, Time: 2000}, Highest: highest, LastSeq: 5000, Commit: []wire.DaemonID{b.b.id}}
	for _, d := range b.n.nodes[:3] {
		rec.Members = append(rec.Members, d.id)
	}
	b.r.Recover(b.n.now, rec, &b.out)
	b.arq = 0
	b.done()
}

// TestTooManyRequests: requests of more rings than can recover at once are dropped, and so are those
// that arrive while none recovers. What stays leaves room for the own request.
func TestTooManyRequests(t *testing.T) {
	b := newBench(t, Config{})
	b.give(b.packet(1000))
	b.recover(1000)
	k := b.token()
	k.Seq, k.Aru = 0, 0
	for i := range int32(100) {
		k.Body = wire.AppendRequest(k.Body, wire.LittleEndian, wire.MembershipID{Daemon: 9, Time: i}, wire.NoDaemon, wire.NoSegment, make([]int32, 30)...)
	}
	if v := b.take(k); v != TokenTaken {
		t.Fatal(v)
	}
	var sent wire.Token
	if err := sent.Decode(b.out.Sends[len(b.out.Sends)-1].Append(nil)); err != nil {
		t.Fatal(err)
	}
	carried, own := 0, 0
	requests := sent.Requests()
	for q, ok := requests.Next(); ok; q, ok = requests.Next() {
		if q.Membership == b.r.id {
			own += q.NumSeqs()
		} else {
			carried++
		}
	}
	if carried != maxCarried || own != minAsked || b.r.Counts()[RequestIgnored] != 100-maxCarried {
		t.Errorf("%d requests are carried on, %d numbers asked for, %d requests ignored", carried, own, b.r.Counts()[RequestIgnored])
	}
	b.done()
}

// TestBigEndianSender: a packet of a big-endian maker is stored so that it can be sent again in our
// byte order, with its messages unchanged. The datagram is not written to, because others may be
// about to get it (ring-protocol §2).
func TestBigEndianSender(t *testing.T) {
	b := newBench(t, Config{})
	p := b.packet(1)
	one := text("A", FIFO, "one").Data.Bytes()
	two := text("A", FIFO, "number two").Data.Bytes()
	body := func(o wire.ByteOrder) []byte {
		return wire.AppendFragment(wire.AppendFragment(slices.Clone(one), 0, o, -1, two), 0, o, -1, one)
	}
	p.First.Len = int16(len(one))
	p.ByteOrder, p.Body = wire.BigEndian, body(wire.BigEndian)
	datagram := p.Append(nil)
	kept := slices.Clone(datagram)
	if err := p.Decode(datagram); err != nil {
		t.Fatal(err)
	}
	if v := b.r.HandlePacket(1, &p, buf.Slice{Block: buf.Wrap(datagram), Hi: len(datagram)}, &b.out); v != Stored {
		t.Fatal(v)
	}
	if !slices.Equal(datagram, kept) {
		t.Error("the datagram has changed")
	}
	var texts []string
	for _, e := range b.out.Events {
		texts = append(texts, textOf(e.Message.Data.Bytes()))
	}
	if !slices.Equal(texts, []string{"one", "number two", "one"}) {
		t.Errorf("delivered %q", texts)
	}
	b.done()
	k := b.token()
	k.ByteOrder, k.Aru = wire.BigEndian, 0
	k.Body = wire.AppendRequest(nil, wire.BigEndian, b.r.id, b.n.node("C").id, 0, 1)
	if v := b.take(k); v != TokenTaken {
		t.Fatal(v)
	}
	want := p
	want.ByteOrder, want.Body, want.Transmitter = wire.LittleEndian, body(wire.LittleEndian), b.b.id
	if got := b.out.Sends[0].Append(nil); !slices.Equal(got, want.Append(nil)) {
		t.Errorf("sent again as\n%x, want\n%x", got, want.Append(nil))
	}
	if o := wire.ByteOrderOf(b.out.Sends[1].Head[:]); o != wire.LittleEndian {
		t.Errorf("the token went on in order %v", o)
	}
	b.done()
	if n := b.b.pool.Out(); n != 1 { // the packet, which C may want again
		t.Errorf("%d blocks are out, want 1", n)
	}
}
