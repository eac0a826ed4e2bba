package membership

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// These rules of the specification are not covered by scripts and captures. The sentence of the
// specification is above its check.

// joins returns the receivers of the JOINs since the last reset.
func (b *bench) joins() (to []string) {
	for _, line := range b.sent() {
		if name, _, ok := strings.Cut(line, " JOIN"); ok {
			to = append(to, name)
		}
	}
	return to
}

func wantJoins(t *testing.T, b *bench, want ...string) {
	t.Helper()
	if got := b.joins(); !slices.Equal(got, want) {
		t.Errorf("JOINs to %q, want %q", got, want)
	}
}

// 7.3: Commit ids: the transitional ids, then the entry's further ones, then my commit, without
// repeats.
func TestCommitOnForm1(t *testing.T) {
	b := newBench(t, "B", "ABCDEF")
	b.putInRing("ABCDEF")
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.commit, b.numTrans = b.ids("BAFE"), 2
	b.join("A", "A:segment")
	v := wire.FormValue{
		Members: b.ids("A"), Pending: b.ids("BC"), RepIndex: 1, Reps: b.reps("A:segment"),
		Rings: []wire.RingValue{{Membership: b.installedID, Commit: b.ids("ADE"), NumTrans: 1}},
	}
	if r := b.form(wire.TokenForm1, "A", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	if want := b.ids("ABDEF"); !slices.Equal(b.ownEntry.Commit, want) || b.ownEntry.NumTrans != 2 {
		t.Errorf("commit %v/%d, want %v/2", b.ownEntry.Commit, b.ownEntry.NumTrans, want)
	}
}

// 7.2: `potential` := one potential entry for each segment other than mine that occurs in `reps`
// (used if the attempt fails).
func TestPotentialFromForm1(t *testing.T) {
	b := represented(t)
	v := form1(b)
	v.Reps = b.reps("A:segment", "E:segment", "D:ring")
	if r := b.form(wire.TokenForm1, "A", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	b.reset()
	b.wait(b.now.Add(3100 * time.Millisecond)) // Form, Seg
	if b.State() != StateGather {
		t.Fatalf("in %v", b.State())
	}
	wantJoins(t, b, "segment 0", "E") // and not D, the first configured
}

// 6.1: A ring leader that loses its token in GATHER puts the representatives it has gathered
// (without itself) in front.
func TestPotentialAfterGather(t *testing.T) {
	b := newBench(t, "A", "ABC", "DE")
	b.putInRing("ABD")
	b.join("E", "E:ring")
	b.join("E", "E:ring")
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.reset()
	b.wait(b.now.Add(500 * time.Millisecond))
	wantJoins(t, b, "segment 0", "E") // and not D, its member there
}

// 6.1: For each segment other than mine the first daemon of that segment in `membership`, or, if it
// has none, the first configured daemon of the segment.
func TestPotentialAfterOp(t *testing.T) {
	b := newBench(t, "A", "AB", "CD", "EF")
	b.putInRing("ABD")
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.reset()
	b.wait(b.now.Add(500 * time.Millisecond))
	wantJoins(t, b, "segment 0", "D", "E")
}

// 6.1: … in `membership` (`future` in EVS).
func TestPotentialAfterEVS(t *testing.T) {
	b := represented(t)
	v := form1(b)
	v.Reps = b.reps("A:segment", "E:segment")
	b.form(wire.TokenForm1, "A", attempt, 3333, v)
	w := form2(b)
	w.Pending = b.ids("BE")
	w.Rings[2] = b.entry("E", "E")
	if r := b.form(wire.TokenForm2, "A", attempt, 3333, w); r != Accepted {
		t.Fatal(r)
	}
	b.HandleTokenLost(b.now, 1000, CauseRecoveryTurns, &b.out)
	b.reset()
	b.wait(b.now.Add(500 * time.Millisecond))
	wantJoins(t, b, "segment 0", "E")
}

// 6.5: Not smallest, no token: `heard` := {me}, `potential` := my gathered `reps` without me (as
// they are), GATHER again.
func TestNotSmallest(t *testing.T) {
	b := newBench(t, "D", "ABC", "DEF", "G")
	b.start()
	b.alive("E")
	b.wait(b.now.Add(600 * time.Millisecond))
	b.join("C", "C:segment", "G:ring", "A:ring")
	if want := b.reps("C:segment", "G:ring", "A:ring"); !slices.Equal(b.potential, want) {
		t.Fatalf("potential %v, want %v", b.potential, want)
	}
	b.reset()
	b.wait(b.now.Add(2500 * time.Millisecond))
	if got := b.transitions(); !slices.Equal(got, []string{"GATHER -> GATHER because not smallest"}) {
		t.Fatalf("transitions %q", got)
	}
	if want := b.reps("C:segment"); !slices.Equal(b.potential, want) || len(b.heard) != 1 {
		t.Errorf("potential %v, heard %v", b.potential, b.heard)
	}
}

// 7.1: The transitional membership's id is (first daemon of the transitional set in configuration
// order, trans_time). 8: set = transitional members of `commit` in configuration order.
func TestTransitionalOrder(t *testing.T) {
	b := newBench(t, "B", "ABC")
	b.putInRing("ABC")
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.join("C", "C:segment")
	v := wire.FormValue{
		Members: b.ids("C"), Pending: b.ids("B"), RepIndex: 1, Reps: b.reps("C:segment"),
		Rings: []wire.RingValue{{Membership: b.installedID, Commit: b.ids("C"), NumTrans: 1}},
	}
	b.reset()
	if r := b.form(wire.TokenForm1, "C", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	rec := b.out.RingCommands[0].Recovery
	if !slices.Equal(rec.Transitional, b.ids("BC")) || !slices.Equal(rec.Commit, b.ids("CB")) || rec.TransitionalID.Daemon != b.id("B") {
		t.Errorf("recovery %+v", rec)
	}
}

// C3: no daemon installs the same id twice.
func TestSameIDAgain(t *testing.T) {
	b := newBench(t, "B", "ABC")
	b.putInRing("ABC")
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.join("A", "A:segment")
	e := wire.RingValue{Membership: b.installedID, Commit: b.ids("A"), NumTrans: 1}
	v := wire.FormValue{Members: b.ids("A"), Pending: b.ids("BC"), RepIndex: 1, Reps: b.reps("A:segment"), Rings: []wire.RingValue{e}}
	if r := b.form(wire.TokenForm1, "A", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	e.Commit, e.NumTrans, e.TransTime = b.ids("ABC"), 3, 501
	v = wire.FormValue{Members: b.ids("A"), Pending: b.ids("BC"), ID: b.installedID, Rings: []wire.RingValue{e}}
	b.refused("the id that is installed", Contradiction, func() Reason { return b.form(wire.TokenForm2, "A", attempt, 3333, v) })
}

// 7.1: a member refuses the ids of the last configurations that it has entered, regular and
// transitional ones.
func TestUsedIDs(t *testing.T) {
	b := newBench(t, "B", "AB")
	for ring := range int32(4) {
		b.now = b.now.Add(time.Second)
		if ring == 0 {
			b.start()
		} else {
			b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
		}
		b.join("A", "A:segment")
		e := wire.RingValue{Membership: b.installedID, Commit: b.ids("AB"), NumTrans: 2}
		if ring == 0 {
			e = wire.RingValue{Membership: wire.MembershipID{Daemon: b.id("A"), Time: 7}, Commit: b.ids("A"), NumTrans: 1}
		}
		first := e
		first.Commit, first.NumTrans = e.Commit[:1], 1
		id := wire.MembershipID{Daemon: b.id("A"), Time: 500 + ring}
		v := wire.FormValue{Members: b.ids("A"), Pending: b.ids("B"), RepIndex: 1, Reps: b.reps("A:segment"), Rings: []wire.RingValue{first}}
		if r := b.form(wire.TokenForm1, "A", id, 3333, v); r != Accepted {
			t.Fatal(r)
		}
		e.TransTime = 600 + 10*ring
		v = wire.FormValue{Members: b.ids("A"), Pending: b.ids("B"), ID: wire.MembershipID{Daemon: b.id("A"), Time: e.TransTime + 1}, Rings: []wire.RingValue{e}}
		if ring == 0 {
			v.Rings = append(v.Rings, b.ownEntry)
		}
		token := func() Reason { return b.form(wire.TokenForm2, "A", id, 3333, v) }
		if ring == 3 {
			v.ID.Time = 601
			b.refused("the id of the first ring", Contradiction, token)
			v.ID.Time, v.Rings[0].TransTime = 700, 611
			b.refused("the id of the second ring as a transitional one", Contradiction, token)
			return
		}
		if r := token(); r != Accepted {
			t.Fatal(r)
		}
		b.install()
	}
}

// 7.1: the ids of a life are above those of the life before, whatever the clock is.
func TestLastTime(t *testing.T) {
	top := segments(t, "A")
	m, err := New(Config{Self: 1, Topology: top, Old: &oldRing{}})
	if err != nil {
		t.Fatal(err)
	}
	m.Resume(5000)
	var out Effects
	m.Start(1, 1000, &out)
	in := m.Installation()
	if in.TransitionalID.Time != 5001 || in.RegularID.Time != 5002 || m.LastTime() != 5002 {
		t.Errorf("ids %v and %v, last time %d; want 5001 and 5002", in.TransitionalID, in.RegularID, m.LastTime())
	}
}

// 2.10: the largest ring that can form has 127 daemons.
func TestLargestRing(t *testing.T) {
	var names strings.Builder
	for i := range 128 {
		names.WriteString(string(rune('Ā' + i)))
	}
	b := newBench(t, "Ā", names.String())
	b.start()
	for _, d := range b.top.Daemons()[1:] {
		b.alive(d.Name)
	}
	b.reset()
	b.wait(b.now.Add(1750 * time.Millisecond))
	var tok wire.Token
	var f wire.Form
	if len(b.out.Sends) == 0 {
		t.Fatal("nothing was sent")
	}
	last := b.out.Sends[len(b.out.Sends)-1]
	if err := tok.Decode(last.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if err := f.Decode(&tok); err != nil || f.Members.Len()+f.Pending.Len() != MaxRing {
		t.Errorf("FORM1 for %d daemons (%v), want %d", f.Members.Len()+f.Pending.Len(), err, MaxRing)
	}
}

// 2.10: form token: 65,507 bytes UDP payload; beyond: sender exits.
func TestLongToken(t *testing.T) {
	b := newBench(t, "K", "ABCDEFGHIJKL")
	b.putInRing("KL")
	*b.ring = oldRing{highest: 3300}
	for s := int32(2); s <= 3200; s += 2 {
		b.ring.missing = append(b.ring.missing, s)
	}
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.join("A", "A:segment")
	v := wire.FormValue{Members: b.ids("ABCDEFGHIJ"), Pending: b.ids("KL"), RepIndex: 1, Reps: b.reps("A:segment")}
	for i := range 10 {
		r := b.entry(string(rune('A'+i)), string(rune('A'+i)))
		r.HighestSeq, r.Holes = 3300, slices.Clone(b.ring.missing)[:1590]
		v.Rings = append(v.Rings, r)
	}
	b.reset()
	if r := b.form(wire.TokenForm1, "A", attempt, 7000, v); r != Accepted {
		t.Fatal(r)
	}
	got := b.sent()
	if len(got) != 1 || len(b.out.Sends) != 2 || !strings.Contains(got[0], "members [A B C D E F G H I J] pending [L]") {
		t.Errorf("sent %.200q", got)
	}
	if b.State() != StateForm {
		t.Errorf("in %v", b.State())
	}
	if n := len(b.out.Sends[0].Append(nil)); n > wire.MaxTokenBody+wire.TokenHeaderLen {
		t.Errorf("%d bytes", n)
	}
}

// 8, step 5: foreignSeen := false.
func TestForeignOncePerMembership(t *testing.T) {
	b := newBench(t, "D", "ABC", "DE")
	b.putInRing("AD")
	if v := b.foreign("E"); v != Accepted || len(b.out.Sends) != 2 {
		t.Fatalf("%v, %d datagrams", v, len(b.out.Sends))
	}
	if v := b.foreign("E"); v != AlreadyRelayed {
		t.Errorf("again: %v", v)
	}
	// The leader forms the ring anew, with this daemon.
	v := wire.FormValue{
		Members: b.ids("A"), Pending: b.ids("D"), RepIndex: 1, Reps: b.reps("A:ring"),
		Rings: []wire.RingValue{{Membership: b.installedID, Commit: b.ids("A"), NumTrans: 1}},
	}
	if r := b.form(wire.TokenForm1, "A", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	r := b.ownEntry
	r.TransTime = 901
	w := wire.FormValue{Members: b.ids("A"), Pending: b.ids("D"), ID: wire.MembershipID{Daemon: b.id("A"), Time: 902}, Rings: []wire.RingValue{r}}
	if r := b.form(wire.TokenForm2, "A", attempt, 3333, w); r != Accepted {
		t.Fatal(r)
	}
	b.install()
	if v := b.foreign("E"); v != Accepted {
		t.Errorf("in the next membership: %v", v)
	}
}

// 10.1: relay the packet to the ring leader by unicast, two copies, transmitter = me, all else
// unchanged; in the sender's byte order, and without the order to repeat it.
func TestRelay(t *testing.T) {
	b := newBench(t, "D", "ABC", "DE")
	b.putInRing("AD")
	p := wire.Packet{
		ByteOrder: wire.BigEndian, Type: wire.PacketAgreed | wire.PacketRouted, Transmitter: b.id("E"), Proc: b.id("E"),
		Membership: wire.MembershipID{Daemon: b.id("E"), Time: 77}, Seq: 5, TokenRound: 6, ConfHash: confHash, Padding: 7,
		First: wire.FragmentHeader{Index: -1, Len: 3}, Body: []byte("abc"),
	}
	if v := b.HandleForeign(b.now, 1000, &p, &b.out); v != Accepted {
		t.Fatal(v)
	}
	for _, s := range b.out.Sends {
		var got wire.Packet
		if err := got.Decode(s.Append(nil)); err != nil {
			t.Fatal(err)
		}
		want := p
		want.Transmitter, want.Type = b.id("D"), wire.PacketAgreed
		if fmt.Sprint(got) != fmt.Sprint(want) || s.To.Daemon != b.id("A") || s.To.Token {
			t.Errorf("relayed %+v to %v, want %+v", got, s.To, want)
		}
	}
	if len(b.out.Sends) != 2 {
		t.Errorf("%d copies", len(b.out.Sends))
	}
}

// 3: each GatherTimeout is up to 5 % longer, differently each time and at each daemon. Without a seed
// it is exact.
func TestSpread(t *testing.T) {
	times := func(seed uint64) (list []time.Duration) {
		m, err := New(Config{Self: 1, Topology: segments(t, "AB"), Old: &oldRing{}, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			m.arm(timerGather, 0)
			list = append(list, time.Duration(m.deadlines[timerGather]))
		}
		return list
	}
	gather := LAN().Gather
	for seed, want := range map[uint64][2]time.Duration{0: {gather, gather}, 1: {gather, gather + gather/20}, 1 << 63: {gather, gather + gather/20}} {
		list := times(seed)
		if lo, hi := slices.Min(list), slices.Max(list); lo < want[0] || hi > want[1] || seed != 0 && hi-lo < gather/25 {
			t.Errorf("seed %d: from %v to %v", seed, lo, hi)
		}
	}
	if slices.Equal(times(1), times(2)) {
		t.Error("two seeds give the same times")
	}
	if !slices.Equal(times(3), times(3)) {
		t.Error("one seed gives different times")
	}
}
