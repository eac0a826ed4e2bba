package groups

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// loaded returns a machine with a client in many groups, and the end of that client.
func loaded(t testing.TB, groups int) (m *Machine, kill buf.Slice) {
	t.Helper()
	m, err := New(Config{Daemons: []Daemon{{ID: 1, Name: "alpha"}}, Self: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 1}, []wire.DaemonID{1}, &out)
	m.HandleRegular(wire.MembershipID{Daemon: 1, Time: 2}, []wire.DaemonID{1}, &out)
	name := wire.MakeName("#x#alpha")
	m.Connect(1, name, true)
	m.Connect(2, wire.MakeName("#y#alpha"), true)
	for i := range groups {
		// In no order, as clients come.
		group := wire.MakeName(fmt.Sprintf("group-%08x", uint32(i)*2654435761))
		msg := wire.Message{Header: wire.Header{Type: wire.Join, Sender: name, Hint: wire.MakeHint(0)}, GroupFields: group[:]}
		m.Deliver(whole(msg.Append(nil)), &out)
		out.Reset()
	}
	if m.NumGroups() != groups {
		t.Fatalf("%d groups, want %d", m.NumGroups(), groups)
	}
	end := wire.Message{Header: wire.Header{Type: wire.Kill | wire.Safe, Sender: name, Hint: wire.MakeHint(0)}}
	return m, whole(end.Append(nil))
}

// BenchmarkSession is the life of a client: it joins groups and ends. The time for a group must grow
// no faster than the logarithm of their number.
func BenchmarkSession(b *testing.B) {
	for _, n := range []int{1, 1e3, 1e5, 1e6} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var joins, kills, piece time.Duration
			for b.Loop() {
				start := time.Now()
				m, kill := loaded(b, n)
				joins += time.Since(start)
				var out Effects
				last := time.Now()
				start = last
				m.Deliver(kill, &out)
				for {
					now := time.Now()
					piece, last = max(piece, now.Sub(last)), now
					if !m.Pending() {
						break
					}
					out.Reset()
					m.Continue(&out)
				}
				kills += time.Since(start)
				if len(out.Ended) != 1 || m.NumGroups() != 0 {
					b.Fatalf("%d groups left, %v", m.NumGroups(), out.Ended)
				}
			}
			each := float64(b.N * n)
			b.ReportMetric(float64(joins.Nanoseconds())/each, "ns/join")
			b.ReportMetric(float64(kills.Nanoseconds())/each, "ns/leave")
			b.ReportMetric(float64(piece.Microseconds()), "longest-piece-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestMemoryOfGroups: a group of one member takes little memory, because a client may have many.
func TestMemoryOfGroups(t *testing.T) {
	const groups, most = 50_000, 140
	used := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := used()
	m, _ := loaded(t, groups)
	each := (used() - before) / groups
	runtime.KeepAlive(m)
	t.Logf("a group takes %d bytes", each)
	if each > most {
		t.Errorf("a group takes %d bytes, want at most %d", each, most)
	}
}

// TestDisconnectInPieces: a client of many groups leaves them in order, in pieces of bounded work,
// and any other input completes it first.
func TestDisconnectInPieces(t *testing.T) {
	t.Parallel()
	const groups = 20_000
	m, kill := loaded(t, groups)
	var out Effects
	m.Deliver(kill, &out)
	pieces := 1
	for ; m.Pending(); pieces++ {
		if len(out.Ended) > 0 {
			t.Fatal("the session has ended before its groups")
		}
		if gone := groups - m.NumGroups(); gone > pieces*pieceCost/groupCost+pieces {
			t.Fatalf("%d groups in %d pieces", gone, pieces)
		}
		m.Continue(&out)
	}
	if pieces < groups*groupCost/pieceCost || len(out.Ended) != 1 || m.NumGroups() != 0 || m.check() != nil {
		t.Errorf("%d pieces, ended %v, %d groups left, %v", pieces, out.Ended, m.NumGroups(), m.check())
	}

	m, kill = loaded(t, groups)
	out.Reset()
	m.Deliver(kill, &out)
	if !m.Pending() {
		t.Fatal("one piece for all")
	}
	m.HandleTransitional(wire.MembershipID{Daemon: 1, Time: 3}, []wire.DaemonID{1}, &out)
	if m.Pending() || len(out.Ended) != 1 || m.NumGroups() != 0 || m.check() != nil {
		t.Errorf("after a membership: pending %v, ended %v, %d groups left, %v", m.Pending(), out.Ended, m.NumGroups(), m.check())
	}
}
