package ring

import (
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// The tests of this file are rows of docs/spec/bounds.md: one datagram that lies about a number must
// not stop the ring.

// attacked is a ring of A, B and C that is installed and idle.
func attacked(t *testing.T, cfg Config) *network {
	n := newNetwork(t, cfg, []string{"A", "B", "C"})
	n.form(n.nodes...)
	for _, d := range n.nodes {
		n.submit(d, FIFO, "before")
	}
	n.runIdle(1000)
	return n
}

// inject passes a data packet that no daemon has sent to one of them.
func (n *network) inject(d *node, p wire.Packet) {
	b := p.Append(nil)
	block := d.pool.Get(len(b))
	s := buf.Slice{Block: block, Hi: copy(block.Bytes(), b)}
	if err := p.Decode(s.Bytes()); err != nil {
		n.t.Fatal(err)
	}
	d.ring.HandlePacket(n.now, &p, s, &d.out)
	block.Release()
	n.done(d)
}

// forged returns a packet of a member with a number, as it would come from it.
func (n *network) forged(from *node, seq int32) wire.Packet {
	body := text(from.name, FIFO, "forged").Data.Bytes()
	return wire.Packet{
		Type: wire.PacketFIFO, Transmitter: from.id, Proc: from.id, Membership: from.ring.id, Seq: seq,
		ConfHash: 4711, First: wire.FragmentHeader{Index: -1, Len: int16(len(body))}, Body: body,
	}
}

// works checks that all members send and receive, in the ring that there is, within a time.
func (n *network) works(within time.Duration) {
	n.t.Helper()
	before := make(map[*node]int)
	for _, d := range n.nodes {
		before[d] = len(d.texts)
	}
	for i := range 100 {
		n.submit(n.nodes[i%3], Safe, "after")
	}
	arrived := func() bool {
		for _, d := range n.nodes {
			got := 0
			for _, s := range d.texts[before[d]:] {
				if s == "after" {
					got++
				}
			}
			if got < 100 {
				return false
			}
		}
		return true
	}
	for end := n.now.Add(within); n.now < end; {
		for range 100 {
			if arrived() {
				return
			}
			if !n.hop() {
				break
			}
		}
		n.now = n.now.Add(time.Millisecond)
		n.advance(n.now)
	}
	for _, d := range n.nodes {
		n.t.Errorf("%s: %d of 100 messages; %+v", d.name, len(d.texts)-before[d], d.ring.Status())
	}
}

// TestForgedSeq: a packet with a number above all that exist stops nobody.
func TestForgedSeq(t *testing.T) {
	for _, accelerated := range []bool{false, true} {
		for _, by := range []int32{1, 2, 20, 1700, 3000, 5000, 8000} {
			n := attacked(t, Config{Accelerated: accelerated})
			n.inject(n.nodes[1], n.forged(n.nodes[0], n.nodes[1].ring.Highest()+by))
			n.works(200 * time.Millisecond)
		}
	}
}

// forge edits the next token on its way to a member.
func (n *network) forge(to *node, edit func(k *wire.Token)) {
	n.t.Helper()
	for range 100 {
		n.drain()
		if len(to.tokens) > 0 {
			break
		}
		if !n.hop() {
			n.now = n.now.Add(DefaultHurryTimeout)
			n.advance(n.now)
		}
	}
	var k wire.Token
	if err := k.Decode(to.tokens[0]); err != nil {
		n.t.Fatal(err)
	}
	edit(&k)
	// The forged token overtakes the real one.
	to.tokens = append([][]byte{k.Append(nil)}, to.tokens...)
}

// TestForgedToken: a token that lies about one number stops nobody.
func TestForgedToken(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(n *network, k *wire.Token)
	}{
		{"flow control at its upper end", func(_ *network, k *wire.Token) { k.FlowControl = 32767 }},
		{"flow control at its lower end", func(_ *network, k *wire.Token) { k.FlowControl = -32768 }},
		{"flow control above both windows", func(_ *network, k *wire.Token) { k.FlowControl = 500 }},
		{"an aru that nobody raises", func(_ *network, k *wire.Token) { k.AruLast = wire.NoDaemon; k.Aru-- }},
		{"an aru of a stranger", func(_ *network, k *wire.Token) { k.AruLast = 99; k.Aru = 0 }},
		{"an aru above the seq", func(_ *network, k *wire.Token) { k.Aru += 100 }},
		{"a seq", func(_ *network, k *wire.Token) { k.Seq += 1700 }},
		{"a seq that flow control does not count", func(_ *network, k *wire.Token) { k.Seq++ }},
		{"requests of a ring that is gone", func(_ *network, k *wire.Token) {
			seqs := make([]int32, 340)
			for i := range seqs {
				seqs[i] = int32(i + 1)
			}
			k.Body = wire.AppendRequest(nil, wire.LittleEndian, wire.MembershipID{Daemon: 9, Time: 5}, wire.NoDaemon, wire.NoSegment, seqs...)
		}},
		{"repeats", func(_ *network, k *wire.Token) { k.Type = k.Type.WithRetrans(15) }},
		{"this round's, repeated", func(_ *network, k *wire.Token) {
			k.Type = k.Type.WithARQ(k.Type.ARQ() - 1).WithRetrans(15)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := attacked(t, Config{})
			for range 20 {
				n.submit(n.nodes[0], FIFO, "meanwhile")
			}
			n.forge(n.nodes[1], func(k *wire.Token) { tt.edit(n, k) })
			n.works(200 * time.Millisecond)
			n.runIdle(10_000)
			for _, d := range n.nodes {
				if len(d.tokens) > 0 || d.ring.token.last.FlowControl > 200 {
					t.Errorf("%s: the ring does not come to rest: %+v", d.name, d.ring.token.last)
				}
			}
		})
	}
}

// TestForgedTokenAndCount: a token whose seq and flow control agree on packets that nobody has made.
// Nobody can have them, so the watchdog gives up the ring.
func TestForgedTokenAndCount(t *testing.T) {
	n := attacked(t, Config{})
	n.submit(n.nodes[0], FIFO, "meanwhile")
	n.forge(n.nodes[1], func(k *wire.Token) { k.Seq += 1700; k.FlowControl += 1700 })
	began := n.now
	for n.now < began.Add(time.Minute) {
		n.runIdle(30)
		n.now = n.now.Add(10 * time.Millisecond)
		n.advance(n.now)
		for _, d := range n.nodes {
			for _, e := range d.log {
				if e.Kind != TokenLost {
					continue
				}
				took := n.now.Sub(began)
				if e.Cause != NoProgress || took < maxStuck*DefaultTokenTimeout || took > (maxStuck+1)*DefaultTokenTimeout {
					t.Errorf("%s: the ring is given up after %v because of %v", d.name, took, e.Cause)
				}
				return
			}
		}
	}
	t.Error("the ring stands still for a minute")
}

// TestWatchdogWaits: a ring that is idle, and one that makes progress slowly, is not given up.
func TestWatchdogWaits(t *testing.T) {
	n := attacked(t, Config{})
	for range 100 {
		n.submit(n.nodes[0], Safe, "now and then")
		n.runIdle(10)
		n.now = n.now.Add(DefaultHurryTimeout)
		n.advance(n.now)
	}
	for _, d := range n.nodes {
		if d.ring.state != Operational {
			t.Errorf("%s: %v", d.name, d.ring.state)
		}
	}
}

// TestOldPacketsProveNothing: copies of packets that everybody has do not postpone the loss of the
// token, and neither do made-up ones for long.
func TestOldPacketsProveNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		next func(i int32) int32 // number of the packet to pass in
		most time.Duration
	}{
		{"two old packets", func(i int32) int32 { return 1 + i%2 }, DefaultTokenTimeout},
		{"one that is held", func(int32) int32 { return 4 }, DefaultTokenTimeout + 100*time.Millisecond},
		{"new ones", func(i int32) int32 { return 10 + i }, maxStuck * DefaultTokenTimeout},
	} {
		n := attacked(t, Config{})
		c := n.nodes[2]
		began := n.now
		for i := int32(0); c.ring.state == Operational; i++ {
			n.now = n.now.Add(100 * time.Millisecond)
			n.inject(c, n.forged(n.nodes[0], tt.next(i)))
			if at := c.ring.Deadline(); at != 0 && at <= n.now {
				c.ring.Advance(n.now, &c.out)
				n.done(c)
			}
			if n.now > began.Add(time.Minute) {
				break
			}
		}
		if took := n.now.Sub(began); took > tt.most+100*time.Millisecond {
			t.Errorf("%s: the loss is noticed after %v, want %v", tt.name, took, tt.most)
		}
	}
}

// TestHeldTokenIsReleased: packets that arrive while the leader holds the token are of nobody, and do
// not keep it from repeating the token.
func TestHeldTokenIsReleased(t *testing.T) {
	n := attacked(t, Config{})
	a := n.nodes[0]
	due := a.ring.deadlines.hurry
	if !a.ring.idle() || due.IsZero() {
		t.Fatal("the leader does not hold the token")
	}
	n.now = n.now.Add(100 * time.Millisecond)
	n.inject(a, n.forged(n.nodes[1], a.ring.Highest()+10))
	if at := a.ring.deadlines.hurry; at != due {
		t.Errorf("the token is repeated at %v instead of %v", at, due)
	}
}

// TestGapDelaysNothing: packets with numbers that the token has not counted neither postpone a token
// that is held, nor keep others from asking for it.
func TestGapDelaysNothing(t *testing.T) {
	n := attacked(t, Config{})
	due := n.nodes[0].ring.deadlines.hurry
	for i, to := range n.nodes {
		from := n.nodes[(i+1)%len(n.nodes)]
		for range 3 {
			n.now = n.now.Add(10 * time.Millisecond)
			n.inject(to, n.forged(from, to.ring.Highest()+10))
		}
		if !to.ring.idle() {
			t.Errorf("node %d would not ask for the token", i)
		}
	}
	if at := n.nodes[0].ring.deadlines.hurry; at != due {
		t.Errorf("the token is repeated at %v instead of %v", at, due)
	}
}

// TestRecoverBeyond: a daemon that lacks packets which all others have forgotten completes the recovery
// without them.
func TestRecoverBeyond(t *testing.T) {
	b := newBench(t, Config{})
	for _, seq := range []int32{1, 2, 4, 5} {
		b.give(b.packet(seq))
	}
	rec := topology.Recovery{
		Future: wire.MembershipID{Daemon: b.b.id, Time: 2000}, Members: []wire.DaemonID{b.b.id}, Aru: 4, Highest: 5, LastSeq: 5000,
		Commit: []wire.DaemonID{b.b.id},
	}
	b.r.Recover(b.n.now, rec, &b.out)
	b.check()
	var got []EventKind
	for _, e := range b.out.Events {
		got = append(got, e.Kind)
	}
	// The packets after the gap are of a daemon that has not come along.
	if want := []EventKind{Deliver, Deliver, Committed, Transitional, Regular}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	b.done()
}
