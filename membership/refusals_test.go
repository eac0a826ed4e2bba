package membership

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Inputs that a C daemon does not check, and that make it exit or worse (membership-protocol §13),
// are refused with a reason, and change nothing.
func TestRefusedPackets(t *testing.T) {
	const unknown = wire.DaemonID(999)
	members := func(ids ...wire.DaemonID) []byte { return wire.AppendMembers(nil, 0, 0, ids...) }
	reps := func(r ...wire.Rep) []byte { return wire.AppendReps(members(), 0, 0, r...) }
	b := newBench(t, "A", "ABC", "DE")
	b.start()
	b.wait(b.now.Add(600 * time.Millisecond))
	if b.State() != StateGather {
		t.Fatalf("in %v", b.State())
	}
	long := members(b.id("B"))
	long[0] = 200 // more than there are
	full := reps(b.reps("B:segment")[0])
	full[4] = 26
	for _, tt := range []struct {
		name string
		p    wire.Packet
		want Reason
	}{
		{"no type", wire.Packet{Proc: b.id("B"), Body: members()}, BadType},
		{"two types", wire.Packet{Type: wire.PacketAlive | wire.PacketJoin, Proc: b.id("B"), Body: members()}, BadType},
		{"ALIVE of an unknown daemon", wire.Packet{Type: wire.PacketAlive, Proc: unknown, Body: members(unknown)}, UnknownDaemon},
		{"ALIVE of this daemon", wire.Packet{Type: wire.PacketAlive, Proc: b.id("A"), Body: members()}, OwnInput},
		{"ALIVE of another segment", wire.Packet{Type: wire.PacketAlive, Proc: b.id("D"), Body: members()}, OtherSegment},
		{"ALIVE with a count beyond the datagram", wire.Packet{Type: wire.PacketAlive, Proc: b.id("B"), Body: long}, Malformed},
		{"ALIVE with something behind", wire.Packet{Type: wire.PacketAlive, Proc: b.id("B"), Body: append(members(), 0)}, Malformed},
		{"JOIN without representatives", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: members()}, Malformed},
		{"JOIN with none", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: reps()}, Malformed},
		{"JOIN with more than there are", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: full}, Malformed},
		{"JOIN of a potential one", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: reps(b.reps("B:potential")...)}, BadKind},
		{"JOIN with an unknown kind", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: reps(append(b.reps("B:ring"), wire.Rep{Daemon: b.id("C"), Kind: 3})...)}, BadKind},
		{"JOIN with an unknown representative", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: reps(append(b.reps("B:ring"), wire.Rep{Daemon: unknown, Kind: 1})...)}, UnknownDaemon},
		{"JOIN that begins with another", wire.Packet{Type: wire.PacketJoin, Proc: b.id("B"), Body: reps(b.reps("C:ring")...)}, NotTheSender},
		{"REFER with a body", wire.Packet{Type: wire.PacketRefer, Proc: b.id("B"), Membership: wire.MembershipID{Daemon: b.id("C"), Time: 1}, Body: members()}, Malformed},
		{"REFER to an unknown daemon", wire.Packet{Type: wire.PacketRefer, Proc: b.id("B"), Membership: wire.MembershipID{Daemon: unknown, Time: 1}}, UnknownDaemon},
		{"REFER to this daemon", wire.Packet{Type: wire.PacketRefer, Proc: b.id("B"), Membership: wire.MembershipID{Daemon: b.id("A"), Time: 1}}, OwnInput},
		{"REFER of kind 3", wire.Packet{Type: wire.PacketRefer, Proc: b.id("B"), Membership: wire.MembershipID{Daemon: b.id("C"), Time: 3}}, BadKind},
		{"REFER of kind 65537", wire.Packet{Type: wire.PacketRefer, Proc: b.id("B"), Membership: wire.MembershipID{Daemon: b.id("C"), Time: 1<<16 + 1}}, BadKind},
	} {
		tt.p.Transmitter = b.id("B")
		b.refused(tt.name, tt.want, func() Reason { return b.HandlePacket(b.now, 1000, &tt.p, &b.out) })
	}
	p := wire.Packet{Type: wire.PacketSafe, Transmitter: b.id("B"), Proc: unknown}
	b.refused("data of an unknown daemon", UnknownDaemon, func() Reason { return b.HandleForeign(b.now, 1000, &p, &b.out) })
}

// refused passes in an input and checks that it has no effect.
func (b *bench) refused(name string, want Reason, feed func() Reason) {
	b.t.Helper()
	b.reset()
	state, deadlines, counted := b.State(), b.deadlines, b.Stats().Reasons[want]
	got := feed()
	b.check()
	if got != want {
		b.t.Errorf("%s: %v, want %v", name, got, want)
	}
	if b.State() != state || b.deadlines != deadlines || len(b.out.Sends)+len(b.out.RingCommands)+len(b.out.Transitions) > 0 {
		b.t.Errorf("%s: it had effects", name)
	}
	if b.Stats().Reasons[want] != counted+1 {
		b.t.Errorf("%s: not counted", name)
	}
}

// The same for form tokens. A speaks for B, which would forward FORM1.
func TestRefusedForm1(t *testing.T) {
	b := represented(t)
	b.ring.highest = 10
	one := func(v *wire.FormValue) *wire.RingValue { return &v.Rings[0] }
	for _, tt := range []struct {
		name  string
		spoil func(*wire.FormValue)
		want  Reason
	}{
		{"no members", func(v *wire.FormValue) { v.Members = nil }, Malformed},
		{"nobody to represent", func(v *wire.FormValue) { v.Reps, v.RepIndex = nil, 0 }, Malformed},
		{"an index before the first", func(v *wire.FormValue) { v.RepIndex = 0 }, Malformed},
		{"an index beyond the list", func(v *wire.FormValue) { v.RepIndex = 3 }, Malformed},
		{"no ring", func(v *wire.FormValue) { v.Rings = nil }, Malformed},
		{"21 rings", func(v *wire.FormValue) {
			for i := range 20 {
				r := b.entry("A", "A")
				r.Membership.Time = int32(i)
				v.Rings = append(v.Rings, r)
			}
		}, Malformed},
		{"1601 holes", func(v *wire.FormValue) { one(v).Holes = make([]int32, 1601) }, Malformed},
		{"an empty transitional set", func(v *wire.FormValue) { one(v).NumTrans = 0 }, Malformed},
		{"a transitional set larger than the commit set", func(v *wire.FormValue) { one(v).NumTrans = 2 }, Malformed},
		{"an unknown member", func(v *wire.FormValue) { v.Pending = append(v.Pending, 999) }, UnknownDaemon},
		{"an unknown representative", func(v *wire.FormValue) { v.Reps[1].Daemon = 999 }, UnknownDaemon},
		{"an unknown daemon in a commit set", func(v *wire.FormValue) { one(v).Commit = append(one(v).Commit, 999) }, UnknownDaemon},
		{"a member twice", func(v *wire.FormValue) { v.Pending = b.ids("BA") }, NamedTwice},
		{"a representative twice", func(v *wire.FormValue) { v.Reps = b.reps("A:segment", "A:ring") }, NamedTwice},
		{"a representative to be visited that is a member", func(v *wire.FormValue) { v.Members = b.ids("AD") }, NamedTwice},
		{"a representative to be visited that is pending", func(v *wire.FormValue) { v.Pending = b.ids("BD") }, NamedTwice},
		{"a ring twice", func(v *wire.FormValue) { v.Rings = append(v.Rings, v.Rings[0]) }, NamedTwice},
		{"a daemon twice in a commit set", func(v *wire.FormValue) { one(v).Commit = b.ids("AA") }, NamedTwice},
		{"a potential representative", func(v *wire.FormValue) { v.Reps[1].Kind = wire.RepPotential }, BadKind},
		{"a representative of kind 3", func(v *wire.FormValue) { v.Reps[1].Kind = 3 }, BadKind},
		{"aru above the highest", func(v *wire.FormValue) { one(v).Aru, one(v).HighestSeq = 5, 4 }, BadSeq},
		{"aru below 0", func(v *wire.FormValue) { one(v).Aru = -1 }, BadSeq},
		{"a mark below a number", func(v *wire.FormValue) { one(v).HighestSeq = 3333 }, BadSeq},
		{"a time that wraps soon", func(v *wire.FormValue) { one(v).Membership.Time = maxTime + 1 }, BadTime},
		{"a time before all", func(v *wire.FormValue) { one(v).Membership.Time = -2 }, BadTime},
		{"a transitional time that wraps soon", func(v *wire.FormValue) { one(v).TransTime = math.MaxInt32 }, BadTime},
		{"a hole at aru", func(v *wire.FormValue) { one(v).Aru, one(v).HighestSeq, one(v).Holes = 3, 9, []int32{3} }, BadSeq},
		{"a hole above the highest", func(v *wire.FormValue) { one(v).HighestSeq, one(v).Holes = 9, []int32{10} }, BadSeq},
		{"holes that do not ascend", func(v *wire.FormValue) { one(v).HighestSeq, one(v).Holes = 9, []int32{4, 4} }, BadSeq},
		{"a transitional daemon that is not a member", func(v *wire.FormValue) { one(v).Commit, one(v).NumTrans = b.ids("AC"), 2 }, BadTransitional},
		{"a daemon in two transitional sets", func(v *wire.FormValue) { v.Rings = append(v.Rings, b.entry("D", "A")) }, BadTransitional},
		{"a name already", func(v *wire.FormValue) { one(v).TransTime = 5 }, BadTransitional},
		{"this daemon is already a member", func(v *wire.FormValue) {
			v.Members, v.Pending = b.ids("AB"), b.ids("C")
		}, NotMyTurn},
		{"the own ring with a daemon that was not in it", func(v *wire.FormValue) { *one(v) = b.entry("B", "A") }, Contradiction},
	} {
		v := form1(b)
		tt.spoil(&v)
		b.refused(tt.name, tt.want, func() Reason { return b.form(wire.TokenForm1, "A", attempt, 3333, v) })
	}
	b.refused("a token of this daemon", OwnInput, func() Reason { return b.form(wire.TokenForm1, "B", attempt, 3333, form1(b)) })
	b.refused("both kinds", BadType, func() Reason { return b.form(wire.TokenForms, "A", attempt, 3333, form1(b)) })
	b.refused("neither kind", BadType, func() Reason { return b.form(wire.TokenForm1<<4, "A", attempt, 3333, form1(b)) })
	if v := b.form(wire.TokenForm1, "A", attempt, 3333, form1(b)); v != Accepted {
		t.Errorf("what was spoiled is not good itself: %v", v)
	}
}

func TestRefusedForm2(t *testing.T) {
	b := form(t)
	for _, tt := range []struct {
		name  string
		spoil func(*wire.FormValue)
		want  Reason
	}{
		{"nobody pending", func(v *wire.FormValue) {
			v.Members, v.Pending = b.ids("ABD"), nil
			v.Rings[1].TransTime, v.Rings[2].TransTime = 1, 1
		}, NotMyTurn},
		{"another is next", func(v *wire.FormValue) {
			v.Members, v.Pending = nil, b.ids("ABD")
			v.Rings[0].TransTime = 0
		}, NotMyTurn},
		{"members out of order", func(v *wire.FormValue) { v.Pending = b.ids("DB") }, OutOfOrder},
		{"an unknown member", func(v *wire.FormValue) { v.Pending = append(v.Pending, 999) }, UnknownDaemon},
		{"a member twice", func(v *wire.FormValue) { v.Pending = b.ids("BB") }, NamedTwice},
		{"a name of another daemon", func(v *wire.FormValue) { v.ID.Daemon = b.id("D") }, Contradiction},
		{"a name that wraps soon", func(v *wire.FormValue) { v.ID.Time = maxTime + 1 }, BadTime},
		{"the own ring's name", func(v *wire.FormValue) { v.ID = b.installedID }, Contradiction},
		{"no entry of the own ring", func(v *wire.FormValue) { v.Rings = slices.Delete(v.Rings, 1, 2) }, NoEntry},
		{"this daemon left out of its entry", func(v *wire.FormValue) { v.Rings[1].Commit = b.ids("D") }, BadTransitional},
		{"the first ring without a name", func(v *wire.FormValue) { v.Rings[0].TransTime = 0 }, BadTransitional},
		{"a name before its time", func(v *wire.FormValue) { v.Rings[1].TransTime = 5 }, BadTransitional},
	} {
		v := form2(b)
		tt.spoil(&v)
		b.refused(tt.name, tt.want, func() Reason { return b.form(wire.TokenForm2, "A", attempt, 3333, v) })
	}
	b.refused("another attempt", OtherAttempt, func() Reason {
		return b.form(wire.TokenForm2, "A", wire.MembershipID{Daemon: 1, Time: 1}, 3333, form2(b))
	})
	if v := b.form(wire.TokenForm2, "A", attempt, 3333, form2(b)); v != Accepted {
		t.Errorf("what was spoiled is not good itself: %v", v)
	}
}

// The times of a daemon's ids grow with those that others hold of it, unless they are far ahead of its
// clock: then somebody has made them up, and the daemon would run out of times.
func TestTimesOfFormerLives(t *testing.T) {
	for _, tt := range []struct{ held, want int32 }{
		{1000 + 50, 1000 + 51},
		{1000 + maxTimeAhead, 1000 + maxTimeAhead + 1},
		{1000 + maxTimeAhead + 1, 1000},
		{maxTime, 1000},
	} {
		b := represented(t)
		v := form1(b)
		v.Rings = append(v.Rings, wire.RingValue{
			Membership: wire.MembershipID{Daemon: b.id("B"), Time: tt.held}, Commit: b.ids("A"), NumTrans: 1,
		})
		v.Rings = slices.DeleteFunc(v.Rings, func(r wire.RingValue) bool { return r.Membership.Daemon == b.id("A") })
		if r := b.form(wire.TokenForm1, "A", attempt, 3333, v); r != Accepted {
			t.Fatal(r)
		}
		w := form2(b)
		w.Members, w.Pending, w.ID = nil, b.ids("BD"), wire.MembershipID{}
		w.Rings = []wire.RingValue{b.ownEntry, {
			Membership: wire.MembershipID{Daemon: b.id("B"), Time: tt.held}, Commit: b.ids("D"), NumTrans: 1,
		}}
		if r := b.form(wire.TokenForm2, "A", attempt, 3333, w); r != Accepted {
			t.Fatal(r)
		}
		if got := b.Installation().TransitionalID.Time; got != tt.want {
			t.Errorf("others hold %d: the next time is %d, want %d", tt.held, got, tt.want)
		}
	}
}

// A daemon that lacks packets which all others have forgotten refuses three attempts to form a ring
// with it. Then it gives up the packets, because otherwise no ring would ever form.
func TestDispute(t *testing.T) {
	b := newBench(t, "B", "ABC")
	b.putInRing("ABC")
	*b.ring = oldRing{aru: 4, highest: 10, missing: []int32{7}}
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	for i := range int32(2*maxDisputes + 1) {
		b.join("A", "A:segment")                                    // the next attempt
		id := wire.MembershipID{Daemon: b.id("A"), Time: 900 + i/2} // each comes twice
		v := wire.FormValue{
			Members: b.ids("A"), Pending: b.ids("BC"), RepIndex: 1, Reps: b.reps("A:segment"),
			Rings: []wire.RingValue{{Membership: b.installedID, Aru: 8, HighestSeq: 9, Commit: b.ids("A"), NumTrans: 1}},
		}
		want := Contradiction
		if i == 2*maxDisputes {
			want = Accepted
		}
		if r := b.form(wire.TokenForm1, "A", id, 3350, v); r != want {
			t.Fatalf("attempt %d: %v, want %v", i/2, r, want)
		}
	}
	w := wire.FormValue{Members: b.ids("A"), Pending: b.ids("BC"), ID: wire.MembershipID{Daemon: b.id("A"), Time: 990}}
	w.Rings = []wire.RingValue{{
		Membership: b.installedID, TransTime: 980, Aru: 8, HighestSeq: 10, Commit: b.ids("ABC"), NumTrans: 3,
	}}
	if r := b.form(wire.TokenForm2, "A", wire.MembershipID{Daemon: b.id("A"), Time: 900 + maxDisputes}, 3350, w); r != Accepted {
		t.Fatal(r)
	}
	if b.change.lost != 1 {
		t.Errorf("%d packets lost, want 1", b.change.lost)
	}
}

// What a token says about a daemon's ring must agree with what the daemon knows and has said. B was
// in a ring with A and C, and has packets up to 10 except 7 and 9.
func TestContradictions(t *testing.T) {
	start := func() (*bench, wire.FormValue) {
		b := newBench(t, "B", "ABC")
		b.putInRing("ABC")
		*b.ring = oldRing{aru: 4, highest: 10, missing: []int32{7, 9}}
		b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
		b.join("A", "A:segment")
		return b, wire.FormValue{
			Members: b.ids("A"), Pending: b.ids("BC"), RepIndex: 1, Reps: b.reps("A:segment"),
			Rings: []wire.RingValue{{
				Membership: b.installedID, Aru: 5, HighestSeq: 9, Holes: []int32{7, 8}, Commit: b.ids("A"), NumTrans: 1,
			}},
		}
	}
	b, v := start()
	v.Rings[0].Aru, v.Rings[0].Holes = 7, nil
	b.refused("aru above what this daemon has", Contradiction, func() Reason { return b.form(wire.TokenForm1, "A", attempt, 3350, v) })

	b, v = start()
	b.reset()
	if r := b.form(wire.TokenForm1, "A", attempt, 3342, v); r != Accepted {
		t.Fatal(r)
	}
	// 7 is missing at both, and B has 8. 9 is not above A's highest, so some daemon has it.
	want := wire.RingValue{Membership: b.installedID, Aru: 5, HighestSeq: 10, Holes: []int32{7}, Commit: b.ids("AB"), NumTrans: 2}
	if got := b.ownEntry; got.Aru != want.Aru || got.HighestSeq != want.HighestSeq || !slices.Equal(got.Holes, want.Holes) || !slices.Equal(got.Commit, want.Commit) {
		t.Fatalf("on FORM1 is %+v, want %+v", got, want)
	}
	if got := b.sent(); len(got) != 1 || got[0] != "C FORM1 77:900 mark 3343 members [A B] pending [C] reps [A:segment] next 1 {A:500 aru 5 high 10 holes [7] with [A B]} (again)" {
		t.Errorf("sent %q", got)
	}
	v2 := wire.FormValue{Members: b.ids("A"), Pending: b.ids("BC"), ID: wire.MembershipID{Daemon: b.id("A"), Time: 902}}
	good := wire.RingValue{
		Membership: b.installedID, TransTime: 901, Aru: 5, HighestSeq: 12, Holes: []int32{7, 11}, Commit: b.ids("ABC"), NumTrans: 3,
	}
	for _, tt := range []struct {
		name  string
		spoil func(*wire.RingValue)
	}{
		{"aru has fallen", func(r *wire.RingValue) { r.Aru = 4 }},
		{"aru above what this daemon has", func(r *wire.RingValue) { r.Aru, r.Holes = 7, nil }},
		{"the highest has fallen", func(r *wire.RingValue) { r.HighestSeq, r.Holes = 9, []int32{7} }},
		{"a hole that this daemon had", func(r *wire.RingValue) { r.Holes = []int32{7, 8} }},
		{"a hole that was none", func(r *wire.RingValue) { r.Holes = []int32{7, 9} }},
		{"somebody has left", func(r *wire.RingValue) { r.Commit, r.NumTrans = b.ids("BAC"), 3 }},
		{"the transitional set has shrunk", func(r *wire.RingValue) { r.NumTrans = 1 }},
	} {
		r := good
		tt.spoil(&r)
		v2.Rings = []wire.RingValue{r}
		b.refused(tt.name, Contradiction, func() Reason { return b.form(wire.TokenForm2, "A", attempt, 3345, v2) })
	}
	v2.Rings = []wire.RingValue{good}
	if r := b.form(wire.TokenForm2, "A", attempt, 3345, v2); r != Accepted {
		t.Fatal(r)
	}
	rec := b.out.RingCommands[len(b.out.RingCommands)-1].Recovery
	if rec.Aru != 5 || rec.Highest != 12 || !slices.Equal(rec.Holes, []int32{7, 11}) || rec.LastSeq != 3345 || rec.Future.Time != 902 ||
		rec.TransitionalID != (wire.MembershipID{Daemon: b.id("A"), Time: 901}) || !slices.Equal(rec.Transitional, b.ids("ABC")) {
		t.Errorf("recovery %+v", rec)
	}
}

// C daemons and this one refuse a FORM2 for 128 daemons. A daemon that would make it that long
// leaves itself out.
func TestTooMany(t *testing.T) {
	var names strings.Builder
	for i := range 128 {
		names.WriteString(string(rune('Ā' + i)))
	}
	last := string(rune('Ā' + 127))
	b := newBench(t, last, names.String())
	b.start()
	b.join("Ā", "Ā:segment")
	all := []wire.DaemonID{}
	for _, d := range b.top.Daemons() {
		all = append(all, d.ID)
	}
	v := wire.FormValue{
		Members: all[:127], Pending: all[127:], RepIndex: 1, Reps: b.reps("Ā:segment"), Rings: []wire.RingValue{b.entry("Ā", "Ā")},
	}
	b.reset()
	if r := b.form(wire.TokenForm1, "Ā", attempt, 3333, v); r != Accepted {
		t.Fatal(r)
	}
	if got := b.out.Sends; len(got) != 2 {
		t.Fatalf("%d datagrams", len(got))
	}
	var tok wire.Token
	var f wire.Form
	if err := tok.Decode(b.out.Sends[0].Append(nil)); err != nil {
		t.Fatal(err)
	}
	if err := f.Decode(&tok); err != nil || f.Pending.Len() != 127 || f.NumRings != 1 {
		t.Errorf("FORM2 with %d daemons and %d rings (%v), want 127 and 1", f.Pending.Len(), f.NumRings, err)
	}
	v2 := wire.FormValue{Pending: all, Rings: v.Rings}
	v3 := v
	v3.Members, v3.Pending = all, nil
	b.refused("128 daemons on FORM1", TooMany, func() Reason { return b.form(wire.TokenForm1, "Ā", attempt, 3333, v3) })
	b.refused("128 daemons", TooMany, func() Reason { return b.form(wire.TokenForm2, "Ā", attempt, 3333, v2) })
	b.refused("not on it", NotMyTurn, func() Reason {
		return b.form(wire.TokenForm2, "Ā", attempt, 3333, wire.FormValue{Pending: all[:127], Rings: v.Rings})
	})
	// This holds even if another daemon puts it on again.
	v2.Pending = all[127:]
	v2.Rings = []wire.RingValue{b.entry(last, last)}
	b.refused("its entry was not on it", NoEntry, func() Reason { return b.form(wire.TokenForm2, "Ā", attempt, 3333, v2) })
}

// An entry holds 1600 holes. A false highest number, or a ring that lost almost everything, must
// not keep rings from forming: the packets above are given up.
func TestManyHoles(t *testing.T) {
	b := newBench(t, "A", "AB")
	b.putInRing("AB")
	*b.ring = oldRing{aru: 3, highest: 5000}
	for s := int32(10); s < 5000; s += 2 {
		b.ring.missing = append(b.ring.missing, s)
	}
	b.HandleTokenLost(b.now, 1000, CauseTokenTimeout, &b.out)
	b.wait(b.now.Add(2 * time.Second))
	if len(b.out.RingCommands) != 1 {
		t.Fatalf("actions %+v in %v", b.out.RingCommands, b.State())
	}
	rec := b.out.RingCommands[0].Recovery
	if len(rec.Holes) != wire.MaxHoles || rec.Highest != 10+2*wire.MaxHoles-1 || rec.Holes[wire.MaxHoles-1] != rec.Highest-1 {
		t.Errorf("%d holes, the last %d, highest %d", len(rec.Holes), rec.Holes[len(rec.Holes)-1], rec.Highest)
	}
	if rec.LastSeq != 5000+recoveryGap {
		t.Errorf("mark %d", rec.LastSeq)
	}
}

// TestUnknownListed: of the members that a JOIN lists, only configured ones are remembered, for no
// JOIN is checked for others.
func TestUnknownListed(t *testing.T) {
	for _, early := range []bool{false, true} {
		b := newBench(t, "B", "AB")
		b.cfg.Early = early
		b.start()
		b.join("A", "A:ring")
		b.wait(b.now.Add(b.timeout(timerSeg)))
		for i := range 100 {
			ids := make([]wire.DaemonID, wire.MaxMembersOfList)
			for j := range ids {
				ids[j] = wire.DaemonID(1_000_000 + i*len(ids) + j)
			}
			b.packet(wire.PacketJoin, "A", wire.AppendReps(wire.AppendMembers(nil, 0, 0, ids...), 0, 0, b.reps("A:ring")...))
		}
		if len(b.voices) > 1 || len(b.voices) == 1 && len(b.voices[0].members) > 2 {
			t.Errorf("early %v, state %v: %v are remembered, and 2 daemons are configured", early, b.state, b.voices)
		}
	}
}
