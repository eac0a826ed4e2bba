package ring

import (
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// The fuzz targets replace a datagram with any bytes that pass the checks of ring-protocol §9:
// right ring, right sender. Whatever arrives, the machine does not panic or hang, and keeps its
// invariants. At the end it can be stopped and recover alone.

// fuzzRing returns a ring in one of its states, with some packets missing.
func fuzzRing(t *testing.T, state uint8) *bench {
	b := newBench(t, Config{Accelerated: state&8 != 0})
	for _, seq := range []int32{1, 2, 4, 9} {
		b.give(b.packet(seq))
	}
	b.n.submit(b.b, Safe, "mine")
	b.n.submit(b.b, FIFO, "mine too")
	k := b.token()
	k.Aru = 0
	b.take(k)
	switch state % 4 {
	case 1:
		b.r.Stop(b.n.now)
	case 2:
		rec := topology.Recovery{Future: wire.MembershipID{Daemon: 3, Time: 77}, Aru: 1, Highest: 9, LastSeq: 4000, Holes: []int32{3, 7}, Commit: []wire.DaemonID{b.b.id}}
		for _, d := range b.n.nodes[:3] {
			rec.Members = append(rec.Members, d.id)
		}
		b.r.Recover(b.n.now, rec, &b.out)
	case 3:
		b.r.Recover(b.n.now, topology.Recovery{Members: []wire.DaemonID{b.b.id}, LastSeq: 4000}, &b.out)
	}
	b.arq = b.r.token.last.Type.ARQ()
	b.done()
	return b
}

// finish ends a run.
func (b *bench) finish() {
	b.check()
	b.done()
	b.r.SetDelivery(b.n.now, Everything, &b.out)
	b.r.Advance(b.n.now.Add(1<<40), &b.out)
	b.check()
	b.r.Recover(b.n.now, topology.Recovery{
		Members: []wire.DaemonID{b.b.id}, Aru: b.r.Aru(), Highest: b.r.Highest(), LastSeq: 1 << 30,
		Holes: b.r.AppendMissing(nil, 1, b.r.Highest()),
	}, &b.out)
	b.check()
	if b.r.state != Operational {
		b.t.Error("the ring does not recover")
	}
	b.r.SetDelivery(b.n.now, Everything, &b.out)
	b.done()
	if n := b.b.pool.Out(); n != 0 {
		b.t.Errorf("%d blocks are not released", n)
	}
}

func FuzzPacket(f *testing.F) {
	whole := text("A", FIFO, "text").Data.Bytes()
	p := wire.Packet{Type: wire.PacketFIFO, Proc: 4, Seq: 3, First: wire.FragmentHeader{Index: -1, Len: int16(len(whole))}, Body: whole}
	f.Add(uint8(0), p.Append(nil)) // fills a gap
	p.Body = wire.AppendFragment(slices.Clone(whole), 0, wire.LittleEndian, -1, whole)
	f.Add(uint8(2), p.Append(nil)) // two messages; in recovery
	p.ByteOrder, p.Type = wire.BigEndian, wire.PacketReliable
	p.Body = wire.AppendFragment(slices.Clone(whole), 0, wire.BigEndian, -1, whole)
	f.Add(uint8(8), p.Append(nil)) // a big-endian maker
	p.First = wire.FragmentHeader{Index: 1, Len: 100}
	p.Body = whole[:84]
	f.Add(uint8(1), p.Append(nil)) // a fragment beyond the body
	f.Add(uint8(3), []byte("no packet"))
	blind.Fuzz(f, func(t *testing.T, state uint8, data []byte) {
		b := fuzzRing(t, state)
		// The same packet has several numbers, so that fragments meet.
		for i := range int32(3) {
			var p wire.Packet
			if p.Decode(data) != nil {
				break
			}
			if i > 0 {
				p.Seq = p.Seq%16 + i
			}
			p.Membership = b.r.id
			if b.r.cfg.Topology.Daemon(p.Proc) == nil {
				p.Proc = p.Proc%4 + 1
			}
			bytes := p.Append(nil)
			if p.Decode(bytes) != nil {
				break
			}
			block := b.b.pool.Get(len(bytes))
			s := buf.Slice{Block: block, Hi: copy(block.Bytes(), bytes)}
			if p.Decode(s.Bytes()) == nil {
				b.r.HandlePacket(b.n.now, &p, s, &b.out)
				b.r.HandleHurry(b.n.now, &p, &b.out)
			}
			block.Release()
			b.check()
		}
		b.finish()
	})
}

func FuzzToken(f *testing.F) {
	k := wire.Token{Seq: 11, Aru: 2, AruLast: 4}
	f.Add(uint8(0), k.Append(nil), uint8(1)) // a token
	k.Body = wire.AppendRequest(nil, wire.LittleEndian, wire.MembershipID{Daemon: 4, Time: 1002}, 2, 0, 3, 4, 5)
	f.Add(uint8(8), k.Append(nil), uint8(1)) // with requests
	k.ByteOrder = wire.BigEndian
	k.Body = wire.AppendRequest(nil, wire.BigEndian, wire.MembershipID{Daemon: 9}, wire.NoDaemon, wire.NoSegment, 3)
	f.Add(uint8(2), k.Append(nil), uint8(1)) // of another ring; in recovery
	k.Seq, k.Aru, k.FlowControl = -1, 1<<31-1, -32768
	f.Add(uint8(1), k.Append(nil), uint8(0)) // numbers at their ends
	f.Add(uint8(3), []byte("no token"), uint8(2))
	blind.Fuzz(f, func(t *testing.T, state uint8, data []byte, round uint8) {
		b := fuzzRing(t, state)
		for range 3 {
			var k wire.Token
			if k.Decode(data) != nil {
				break
			}
			k.Transmitter = b.r.route.predecessor
			k.Membership = b.r.tokenID()
			k.Type = k.Type.WithARQ(b.r.token.last.Type.ARQ() + round)
			b.r.HandleToken(b.n.now, &k, &b.out)
			b.check()
			for i := range b.out.Sends {
				checkSent(t, b, b.out.Sends[i].To.Token, b.out.Sends[i].Append(nil))
			}
			b.done()
		}
		b.finish()
	})
}

// checkSent checks that nothing forbidden is sent (ring-protocol §25).
func checkSent(t *testing.T, b *bench, token bool, datagram []byte) {
	if !token {
		var p wire.Packet
		if err := p.Decode(datagram); err != nil || p.CheckFragments() != nil || p.Seq < 1 || len(datagram) > wire.MaxPacket {
			t.Errorf("sent a bad packet: %v", err)
		}
		return
	}
	var k wire.Token
	if err := k.Decode(datagram); err != nil || k.CheckRequests() != nil {
		t.Fatalf("sent a bad token: %v", err)
	}
	requests := k.Requests()
	for q, ok := requests.Next(); ok; q, ok = requests.Next() {
		if q.Membership != b.r.id {
			continue
		}
		for i := range q.NumSeqs() {
			if s := q.Seq(i); s <= b.r.seq.lastDiscarded || s > b.r.seq.highest {
				t.Errorf("asks for %d; %+v", s, b.r.Status())
			}
		}
	}
}
