package topology

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/wire"
)

// two returns a topology of two segments. Ids do not follow the order, so that sorting by id fails
// tests.
func two(t *testing.T) *Topology {
	t.Helper()
	a := netip.MustParseAddr("10.0.0.1")
	top, err := New([]Segment{
		{Port: 4803, Addrs: []netip.Addr{netip.MustParseAddr("239.0.0.1")}, Daemons: []Daemon{{ID: 9, Name: "a", Addr: a}, {ID: 3, Name: "b"}}},
		{Port: 4903, Daemons: []Daemon{{ID: 7, Name: "c"}}},
		{Port: 5003, Daemons: []Daemon{{ID: 1, Name: "d"}, {ID: 8, Name: "e"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestOrder(t *testing.T) {
	top := two(t)
	ids := []wire.DaemonID{1, 100, 3, 8, 9, 50, 7}
	top.Sort(ids)
	if want := []wire.DaemonID{9, 3, 7, 1, 8, 50, 100}; !slices.Equal(ids, want) {
		t.Errorf("configuration order is %v, want %v", ids, want)
	}
	d := top.Daemon(8)
	if d.Name != "e" || d.Segment != 2 || d.Index != 1 || d.Rank != 4 {
		t.Errorf("daemon 8 is %+v", d)
	}
	if top.Daemon(2) != nil || top.Rank(2) != -1 {
		t.Error("daemon 2 is known")
	}
	if got := top.Segments()[2].Daemons; len(got) != 2 || &got[0] != top.Daemon(1) {
		t.Errorf("segment 2 has %+v", got)
	}
}

func TestRing(t *testing.T) {
	r := two(t).Ring([]wire.DaemonID{8, 3, 1, 9, 3})
	if want := []wire.DaemonID{9, 3, 1, 8}; !slices.Equal(r.Members(), want) {
		t.Fatalf("ring is %v, want %v", r.Members(), want)
	}
	if r.Leader() != 9 || r.Last() != 8 || !r.Contains(1) || r.Contains(7) {
		t.Error("leader, last or membership are wrong")
	}
	for i, id := range r.Members() {
		next := r.Members()[(i+1)%4]
		if r.Successor(id) != next || r.Predecessor(next) != id {
			t.Errorf("successor of %d is %d, predecessor of %d is %d", id, r.Successor(id), next, r.Predecessor(next))
		}
		if last := id == 3 || id == 8; r.LastOfSegment(id) != last {
			t.Errorf("LastOfSegment(%d) = %v", id, !last)
		}
	}
	for segment, want := range []wire.DaemonID{9, 0, 1} {
		if id, ok := r.SegmentLeader(segment); id != want || ok != (want != 0) {
			t.Errorf("leader of segment %d is %d, %v", segment, id, ok)
		}
	}
}

func TestRefusals(t *testing.T) {
	many := make([]Daemon, MaxDaemons+1)
	for i := range many {
		many[i].ID = wire.DaemonID(i + 1)
	}
	for _, tt := range []struct {
		segments []Segment
		want     string
	}{
		{nil, "no daemon"},
		{make([]Segment, MaxSegments+1), "at most 20"},
		{[]Segment{{Addrs: make([]netip.Addr, 6)}}, "at most 5"},
		{[]Segment{{Daemons: many}}, "at most 128"},
		{[]Segment{{Daemons: []Daemon{{ID: 1, Name: "a"}}}, {Daemons: []Daemon{{ID: 1, Name: "b"}}}}, "same id"},
		{[]Segment{{Daemons: []Daemon{{ID: 0}}}}, "reserved"},
	} {
		if _, err := New(tt.segments); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%d segments): %v, want %q", len(tt.segments), err, tt.want)
		}
	}
}

func TestDatagram(t *testing.T) {
	d := Datagram{To: ToTokenPort(7), Body: []byte("xy")}
	d.Head[39] = 'h'
	if b := d.Append([]byte("p")); len(b) != 43 || string(b[40:]) != "hxy" {
		t.Errorf("appended %q", b)
	}
	for _, tt := range []struct {
		to   Target
		want string
	}{{ToDaemon(7), "daemon 7"}, {d.To, "token port of daemon 7"}, {ToSegment(1), "segment 1"}} {
		if tt.to.String() != tt.want {
			t.Errorf("%+v prints %q, want %q", tt.to, tt.to, tt.want)
		}
	}
}

// TestEqual: every difference counts, and names belong to ids.
func TestEqual(t *testing.T) {
	make2 := func(change func([]Segment)) *Topology {
		s := []Segment{
			{Port: 1, Addrs: []netip.Addr{netip.MustParseAddr("239.0.0.1")}, Daemons: []Daemon{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}},
			{Port: 1, Daemons: []Daemon{{ID: 3, Name: "c"}}},
		}
		change(s)
		top, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		return top
	}
	base := make2(func([]Segment) {})
	if !base.Equal(make2(func([]Segment) {})) {
		t.Error("not equal to the same")
	}
	for _, tt := range []struct {
		what    string
		change  func([]Segment)
		renames string
	}{
		{"port", func(s []Segment) { s[0].Port = 2 }, ""},
		{"address of a segment", func(s []Segment) { s[0].Addrs = nil }, ""},
		{"address of a daemon", func(s []Segment) { s[1].Daemons[0].Addr = netip.MustParseAddr("10.0.0.1") }, ""},
		{"one less", func(s []Segment) { s[0].Daemons = s[0].Daemons[:1] }, ""},
		{"one more", func(s []Segment) { s[1].Daemons = append(s[1].Daemons, Daemon{ID: 4, Name: "d"}) }, ""},
		{"another one", func(s []Segment) { s[1].Daemons[0] = Daemon{ID: 4, Name: "d"} }, ""},
		{"order", func(s []Segment) { s[0], s[1] = s[1], s[0] }, ""},
		{"name", func(s []Segment) { s[1].Daemons[0].Name = "d" }, `"c" with the id 3 would become "d" with 3`},
		{"id", func(s []Segment) { s[1].Daemons[0].ID = 4 }, `"c" with the id 3 would become "c" with 4`},
	} {
		other := make2(tt.change)
		if base.Equal(other) {
			t.Errorf("%s: equal", tt.what)
		}
		if err := base.Renames(other); (err == nil) != (tt.renames == "") || err != nil && !strings.Contains(err.Error(), tt.renames) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.renames)
		}
	}
}
