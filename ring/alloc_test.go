package ring

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// loop is several rings of one segment, joined in memory. It copies only the datagrams, and reuses
// all memory.
type loop struct {
	pool   buf.Pool
	rings  []*Ring
	ids    []wire.DaemonID
	out    []Effects
	msg    Message
	turn   int // whose token it is
	token  []byte
	events int
}

func newLoop(tb testing.TB, n, size int, cfg Config) *loop {
	l := &loop{out: make([]Effects, n)}
	var s topology.Segment
	for i := range n {
		l.ids = append(l.ids, wire.DaemonID(i+1))
		s.Daemons = append(s.Daemons, topology.Daemon{ID: l.ids[i]})
	}
	top, err := topology.New([]topology.Segment{s})
	if err != nil {
		tb.Fatal(err)
	}
	for _, id := range l.ids {
		cfg.Self, cfg.Topology, cfg.Pool = id, top, &l.pool
		r, err := New(cfg)
		if err != nil {
			tb.Fatal(err)
		}
		l.rings = append(l.rings, r)
	}
	l.msg = text("A", Agreed, strings.Repeat("x", size-textLen))
	for i, r := range l.rings {
		r.Recover(1, topology.Recovery{Future: wire.MembershipID{Daemon: 1, Time: 1}, Members: l.ids, LastSeq: 3333}, &l.out[i])
		l.flush(i)
	}
	for range 3 * n {
		l.hop()
	}
	for i, r := range l.rings {
		r.SetDelivery(1, Everything, &l.out[i])
		l.flush(i)
	}
	return l
}

// flush carries out the effects of ring i.
func (l *loop) flush(i int) {
	out := &l.out[i]
	for k := range out.Sends {
		d := &out.Sends[k]
		if d.To.Token {
			l.token = d.Append(l.token[:0])
			l.turn = int(d.To.Daemon) - 1
			continue
		}
		// One datagram serves all receivers, as those of a simulator or of one host could share it.
		b := l.pool.Get(wire.MaxPacket)
		s := buf.Slice{Block: b, Hi: len(d.Append(b.Bytes()[:0]))}
		for j, r := range l.rings {
			var p wire.Packet
			if j != i && p.Decode(s.Bytes()) == nil {
				r.HandlePacket(1, &p, s, &l.out[j])
			}
		}
		b.Release()
	}
	for j := range l.out {
		out := &l.out[j]
		l.events += len(out.Events)
		for _, b := range out.Releases {
			b.Release()
		}
		if j != i {
			out.Sends = out.Sends[:0]
		}
		out.Reset()
	}
}

// hop gives the ring that has the token its turn.
func (l *loop) hop() {
	var t wire.Token
	if err := t.Decode(l.token); err != nil {
		panic(err)
	}
	i := l.turn
	l.rings[i].HandleToken(1, &t, &l.out[i])
	l.flush(i)
}

// load runs a turn in which a ring has messages to send.
func (l *loop) load(messages int) {
	i := l.turn
	for range messages {
		l.rings[i].Submit(1, l.msg, &l.out[i])
	}
	l.hop()
}

// TestNoAllocations: once tables, queues and pools have grown, ordering a message allocates
// nothing, neither at its maker nor at the others.
func TestNoAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("under the race detector pools lose blocks on purpose")
	}
	for _, tt := range []struct {
		name string
		size int
		cfg  Config
	}{
		{"200 bytes", 200, Config{}},
		{"200 bytes, accelerated", 200, Config{Accelerated: true}},
		{"one packet", FragmentBytes, Config{}},
		{"ten packets", 10 * FragmentBytes, Config{}},
	} {
		l := newLoop(t, 3, tt.size, tt.cfg)
		const messages = 2
		for range 1000 {
			l.load(messages)
		}
		const turns = 300
		before := l.events
		n := testing.AllocsPerRun(4, func() {
			for range turns {
				l.load(messages)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations in %d turns", tt.name, n, turns)
		}
		if got, want := (l.events-before)/3, 5*turns*messages; got < want-10 || got > want+10 {
			t.Errorf("%s: %d messages were delivered, want %d", tt.name, got, want)
		}
	}
}

// BenchmarkOrder measures a message at all three daemons of a ring together: packed, sent,
// received, delivered, forgotten.
func BenchmarkOrder(b *testing.B) {
	for _, bb := range []struct {
		name string
		size int
		cfg  Config
	}{
		{"200", 200, Config{}},
		{"200-accelerated", 200, Config{Accelerated: true}},
		{"1430", 1430, Config{}},
		{"1430-sealed", 1430, Config{Overhead: 48}},
		{"280", 280, Config{}},
		{"280-sealed", 280, Config{Overhead: 48}},
		{"1432", FragmentBytes, Config{}},
		{"14320", 10 * FragmentBytes, Config{}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			messages := min(20, 20*FragmentBytes/bb.size) // what a turn takes
			l := newLoop(b, 3, bb.size, bb.cfg)
			b.ReportAllocs()
			b.SetBytes(int64(bb.size * messages))
			for b.Loop() {
				l.load(messages)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*messages), "ns/message")
		})
	}
}
