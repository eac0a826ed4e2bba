package membership

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// A daemon that is alone in the configuration is in operation at once.
func TestStartAlone(t *testing.T) {
	b := newBench(t, "A", "A")
	if b.State() != StateSeg {
		t.Errorf("a new machine is in %v, want SEG", b.State())
	}
	b.start()
	if len(b.out.Sends) > 0 {
		t.Errorf("it sent %q", b.sent())
	}
	a := b.out.RingCommands
	if len(a) != 1 || a[0].Kind != Recover || a[0].Recovery.LastSeq != 3333 || !slices.Equal(a[0].Recovery.Members, b.ids("A")) {
		t.Fatalf("actions %+v", a)
	}
	b.install()
	in := b.Installation()
	if in.TransitionalID != (wire.MembershipID{Daemon: 1, Time: 1000}) || in.RegularID != (wire.MembershipID{Daemon: 1, Time: 1001}) ||
		!slices.Equal(in.Transitional, b.ids("A")) || !slices.Equal(in.Regular, b.ids("A")) {
		t.Errorf("installation %+v", in)
	}
	if got := strings.Join(b.transitions(), "\n"); got != "SEG -> EVS because alone\nEVS -> OP because installed" {
		t.Errorf("transitions:\n%s", got)
	}
	if b.Deadline() != 0 {
		t.Error("a daemon that is alone waits for something")
	}
}

// A daemon whose peers do not answer forms a ring of one after Seg and Gather (membership-protocol
// §3), without sending a token, and then looks for others.
func TestRingOfOne(t *testing.T) {
	b := newBench(t, "B", "ABC")
	b.start()
	b.wait(b.now.Add(1749 * time.Millisecond))
	if b.State() != StateGather {
		t.Errorf("in %v before the gather timeout", b.State())
	}
	b.wait(b.now.Add(time.Millisecond))
	if b.State() != StateEVS || len(b.out.RingCommands) != 1 {
		t.Fatalf("in %v with actions %+v", b.State(), b.out.RingCommands)
	}
	b.install()
	// 7.1: the attempt used T, so the ring has T+2.
	if id, _ := b.Installed(); id.Time != 1003 || id.Daemon != b.id("B") {
		t.Errorf("installed %v", id)
	}
	for _, s := range b.out.Sends {
		if s.To.Token {
			t.Error("it sent a token to itself")
		}
	}
	b.reset()
	b.wait(b.now.Add(30 * time.Second))
	if b.State() != StateGather {
		t.Errorf("in %v after the lookup timeout", b.State())
	}
	if got := b.sent(); len(got) != 1 || got[0] != "segment 0 JOIN [] [B:ring]" {
		t.Errorf("the probe is %q", got)
	}
	b.wait(b.now.Add(1250 * time.Millisecond))
	if b.State() != StateOp || len(b.out.RingCommands) > 0 || b.Deadline() != b.now.Add(30*time.Second) {
		t.Errorf("in %v after a probe that nobody answered, actions %v", b.State(), b.out.RingCommands)
	}
}

// An id's time is above all earlier ones, even if the wall clock goes back (membership-protocol
// §7.1), and never 0, which means none.
func TestIDsGrow(t *testing.T) {
	b := newBench(t, "A", "A")
	last := int32(0)
	for _, wall := range []int32{0, 1000, 1000, 999, 1, 2000} {
		got := b.nextTime(wall)
		if got <= last {
			t.Errorf("at %d the time is %d, not above %d", wall, got, last)
		}
		last = got
	}
	if last != 2000 {
		t.Errorf("the last time is %d, want the wall clock's 2000", last)
	}
}

// A leader that has crashed and restarted finds its last id in what the members of its old ring
// report, and goes above it: its former clock may have been ahead of the wall clock
// (membership-protocol §7.1).
func TestIDsGrowOverRestart(t *testing.T) {
	b := newBench(t, "A", "AB")
	b.start()
	b.join("B", "B:segment")
	old := wire.MembershipID{Daemon: b.id("A"), Time: 1005}
	ring := b.entry("B", "B")
	ring.Membership = old
	b.reset()
	if v := b.form(wire.TokenForm1, "B", wire.MembershipID{Daemon: b.id("B"), Time: 1001}, 3333, wire.FormValue{
		Members: b.ids("B"), Pending: b.ids("A"), RepIndex: 1, Reps: b.reps("B:segment"), Rings: []wire.RingValue{ring},
	}); v != Accepted {
		t.Fatal(v)
	}
	b.install()
	in := b.Installation()
	if id := in.RegularID; id.Daemon != old.Daemon || id.Time <= old.Time {
		t.Errorf("after the ring %v comes %v", old, id)
	}
	if id := in.TransitionalID; id.Daemon != old.Daemon || id.Time <= old.Time || id == in.RegularID {
		t.Errorf("after the ring %v comes the transitional %v, then %v", old, id, in.RegularID)
	}
}

func TestConfigRefusals(t *testing.T) {
	top := segments(t, "AB")
	bad := LAN()
	bad.Gather = 0
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "no topology"},
		{Config{Topology: top, Self: 9, Old: &oldRing{}}, "daemon 9 is not in the configuration"},
		{Config{Topology: top, Self: 1}, "no ring"},
		{Config{Topology: top, Self: 1, Old: &oldRing{}, Timeouts: bad}, "GatherTimeout is 0s"},
	} {
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New: %v, want %q", err, tt.want)
		}
	}
	m, err := New(Config{Topology: segments(t, "A", "B"), Self: 1, Old: &oldRing{}})
	if err != nil || m.cfg.Timeouts != WAN() {
		t.Errorf("two segments have timeouts %+v (%v), want those of a WAN", m.cfg.Timeouts, err)
	}
}

// The insertion rules of membership-protocol §6.4. C and D are in one segment.
func TestInsert(t *testing.T) {
	b := newBench(t, "A", "AB", "CD")
	for _, tt := range []struct {
		list, add, want string
	}{
		{"", "C:potential", "C:potential"},
		{"C:ring", "D:potential", "C:ring"},
		{"C:potential", "C:potential", "C:potential"},
		{"C:potential", "D:segment", "D:segment"},
		{"C:potential A:ring", "C:ring", "C:ring A:ring"},
		{"C:ring", "C:segment", "C:segment"},
		{"C:segment", "C:segment", "C:segment"},
		{"C:segment", "C:ring", "C:ring"},
		{"C:ring", "C:ring", "C:ring"},
		{"C:segment", "D:segment", "C:segment D:segment"},
		{"C:ring", "D:segment", "C:ring D:segment"},
		{"C:segment D:ring", "D:segment", "C:segment D:segment"},
		{"A:segment", "C:potential", "A:segment C:potential"},
	} {
		l := repList(b.reps(strings.Fields(tt.list)...))
		add := b.reps(tt.add)[0]
		add.Segment = 19 // that of the configuration counts
		l.insert(b.top, add)
		if !slices.Equal(l, b.reps(strings.Fields(tt.want)...)) {
			t.Errorf("%s into %q gives %v, want %s", tt.add, tt.list, l, tt.want)
		}
	}
}

// The representative of a segment is smaller than that of a ring. Among those of segments, the
// segment decides, then the place in the list; among those of rings, segment and index.
func TestSmallest(t *testing.T) {
	b := newBench(t, "A", "AB", "CD")
	for _, tt := range []struct{ list, want, sorted string }{
		{"A:ring D:segment", "D", "D:segment A:ring"},
		{"C:segment B:segment", "B", "B:segment C:segment"},
		{"B:segment A:segment", "B", "B:segment A:segment"},
		{"B:ring A:ring", "A", "A:ring B:ring"},
		{"D:ring C:ring B:ring", "B", "B:ring C:ring D:ring"},
		{"D:ring C:segment A:ring D:segment", "C", "C:segment D:segment A:ring D:ring"},
	} {
		l := repList(b.reps(strings.Fields(tt.list)...))
		if got := l.smallest(b.top).Daemon; got != b.id(tt.want) {
			t.Errorf("the smallest of %s is %v, want %s", tt.list, got, tt.want)
		}
		l.sort(b.top)
		if !slices.Equal(l, b.reps(strings.Fields(tt.sorted)...)) {
			t.Errorf("%s sorted is %v, want %s", tt.list, l, tt.sorted)
		}
	}
}

// A list takes 25 representatives and refuses more.
func TestListFull(t *testing.T) {
	b := newBench(t, "A", "ABCDEFGHIJKLMNOPQRSTUVWXYZab")
	b.start()
	b.wait(b.now.Add(600 * time.Millisecond))
	for i, c := range "BCDEFGHIJKLMNOPQRSTUVWXYZa" {
		want := Accepted
		if i >= wire.MaxReps-1 { // this daemon is one of them
			want = ListFull
		}
		if v := b.join(string(c), string(c)+":segment"); v != want {
			t.Errorf("representative %d: %v, want %v", i+1, v, want)
		}
	}
	if len(b.Machine.reps) != wire.MaxReps {
		t.Errorf("%d representatives", len(b.Machine.reps))
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range Cause(NumCauses) {
		if s := c.String(); seen[s] || s == "" || (c > 0) == strings.HasPrefix(s, "Cause(") {
			t.Errorf("cause %d is %q", uint8(c), s)
		} else {
			seen[s] = true
		}
	}
	for v := range Reason(NumReasons) {
		if s := v.String(); seen[s] || s == "" || strings.HasPrefix(s, "Reason(") {
			t.Errorf("reason %d is %q", uint8(v), s)
		} else {
			seen[s] = true
		}
	}
	for s := StateOp; s <= StateEVS; s++ {
		if strings.HasPrefix(s.String(), "State(") {
			t.Errorf("state %d has no name", uint8(s))
		}
	}
	for s, want := range map[interface{ String() string }]string{
		State(9): "State(9)", Cause(99): "Cause(99)", Reason(99): "Reason(99)",
	} {
		if s.String() != want {
			t.Errorf("%v, want %s", s, want)
		}
	}
}
