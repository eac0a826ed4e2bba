package groups

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/wire"
)

// capturedDaemons are the daemons of the captures, in configuration order.
var capturedDaemons = []Daemon{
	{1512122152, "m1"}, {1704903263, "m2"}, {1404050750, "m3"}, {2670016427, "m4"}, {2633150978, "m5"},
}

// replay gives our machines the history of C daemons: the rings that they formed, and the messages
// in order. Each GROUPS message that a C daemon sent must be among those that our machine has ready
// in its place, byte for byte.
type replay struct {
	t      *testing.T
	c      *cluster
	out    strings.Builder
	built  map[*node][][]byte // all state messages of a node
	alias  map[wire.MembershipID]wire.MembershipID
	states int // GROUPS messages that were compared
	stale  int // of these, for a ring that is gone or out of place
}

func newReplay(t *testing.T) *replay {
	r := &replay{t: t, built: make(map[*node][][]byte), alias: make(map[wire.MembershipID]wire.MembershipID)}
	var names []string
	for _, d := range capturedDaemons {
		names = append(names, d.Name)
	}
	r.c = newCluster(t, names...)
	r.c.watch = r
	return r
}

func (r *replay) step(n *node, _ string, _ *entry) {
	for _, o := range n.out.RingCommands {
		if o.Kind == SendState {
			r.built[n] = append(r.built[n], o.State)
		}
	}
	for _, note := range n.out.Refused {
		fmt.Fprintf(&r.out, "%s ignored: %v (%s)\n", n.name(), note.Reason, note.Member)
	}
}

func (r *replay) received(c *client, e *received) {
	fmt.Fprintf(&r.out, "%s <- %s\n", c.name, strings.TrimPrefix(wire.Dump(e.data), "le "))
}

func (r *replay) rank(id wire.DaemonID) int {
	i := slices.IndexFunc(capturedDaemons, func(d Daemon) bool { return d.ID == id })
	if i < 0 {
		r.t.Fatalf("daemon %d is not configured", id)
	}
	return i
}

func (r *replay) startNode(rank int) *node {
	return r.c.startAs(Config{Self: capturedDaemons[rank].ID, Daemons: capturedDaemons}, rank)
}

// form forms a ring as a FORM2 token says. Rings of one are in no capture, because daemons send
// nothing to themselves; they show as the old ring of a later one.
func (r *replay) form(v *wire.FormValue) {
	f := &formation{to: &stream{id: v.ID}}
	for _, ring := range v.Rings {
		p := &part{id: wire.MembershipID{Time: ring.TransTime}}
		for _, id := range ring.Commit[:ring.NumTrans] {
			p.set = append(p.set, r.rank(id))
		}
		slices.Sort(p.set)
		first := p.set[0]
		p.id.Daemon = capturedDaemons[first].ID
		if ring.TransTime == 0 {
			p.id.Time = v.ID.Time - 1
		}
		n := r.c.nodes[first]
		switch {
		case ring.Membership.Time == -1: // new, or started anew
			n = r.startNode(first)
		case n.stream.id != ring.Membership && len(p.set) == 1:
			r.alone(n, ring.Membership)
		}
		p.from = n.stream
		p.before = p.from.at(r.c)
		p.between = p.from.log[p.before:]
		for _, rank := range p.set {
			if other := r.c.nodes[rank]; other.stream != n.stream || n.stream.id != ring.Membership && n.m.members != nil {
				r.t.Fatalf("%s comes from ring %v, want %v", other.name(), other.stream.id, ring.Membership)
			}
		}
		f.to.members = f.to.members.union(p.set)
		f.parts = append(f.parts, p)
	}
	fmt.Fprintf(&r.out, "\nring %v of", v.ID)
	for _, rank := range f.to.members {
		fmt.Fprintf(&r.out, " %s", capturedDaemons[rank].Name)
	}
	r.out.WriteString("\n")
	r.c.streams = append(r.c.streams, f.to)
	r.c.form(f)
	if len(f.to.members) == 1 {
		r.c.run() // an exchange with itself is in no capture either
	}
}

// alone makes a daemon form a ring of one.
func (r *replay) alone(n *node, id wire.MembershipID) {
	own := n.m.cfg.Self
	r.form(&wire.FormValue{ID: id, Rings: []wire.RingValue{{Membership: n.stream.id, Commit: []wire.DaemonID{own}, NumTrans: 1}}})
}

// at returns how much of a stream has been delivered to any daemon.
func (s *stream) at(c *cluster) int {
	most := 0
	for _, n := range c.nodes {
		if n.stream == s {
			most = max(most, n.at)
		}
	}
	return most
}

// message puts a captured message into its stream and delivers it.
func (r *replay) message(m captured) {
	if id, ok := r.alias[m.id]; ok {
		m.id = id
	}
	n := r.c.nodes[r.rank(m.maker)]
	if m.id.Daemon == m.maker && n.stream != nil && n.stream.id != m.id {
		r.alone(n, m.id)
	}
	if n.stream == nil || n.stream.id != m.id {
		r.t.Fatalf("a message of %s in ring %v, which it is not in", n.name(), m.id)
	}
	var msg wire.Message
	if _, err := msg.Decode(m.message); err != nil {
		r.t.Fatal(err)
	}
	var group string
	for _, g := range msg.Groups() {
		group = g.String()
	}
	switch {
	case msg.Type&wire.Groups != 0:
		r.state(n, m)
	case msg.Type&wire.Requests != 0:
		fmt.Fprintf(&r.out, "%v %s %s\n", msg.Type, msg.Sender, group)
	}
	if private, daemon, _ := msg.Sender.SplitPrivate(); msg.Type&wire.Join != 0 && string(daemon) == n.name() {
		if n.m.sessions[msg.Sender.Clean()] == nil {
			n.connect(string(private), true)
		}
	}
	e := &entry{stream: n.stream, index: len(n.stream.log), maker: n, data: m.message}
	n.stream.log = append(n.stream.log, e)
	for _, rank := range n.stream.members {
		if other := r.c.nodes[rank]; other.stream == n.stream {
			other.next()
		}
	}
}

// state compares a captured GROUPS message with what our machine has built.
func (r *replay) state(n *node, m captured) {
	r.states++
	if len(n.states) > 0 && bytes.Equal(n.states[0].data, m.message) {
		fmt.Fprintf(&r.out, "%s tells, %d bytes\n", n.name(), len(m.message))
		n.states = n.states[1:]
		return
	}
	if slices.ContainsFunc(r.built[n], func(b []byte) bool { return bytes.Equal(b, m.message) }) {
		fmt.Fprintf(&r.out, "%s tells late, %d bytes\n", n.name(), len(m.message))
		r.stale++ // C daemons do not clear their queue
		return
	}
	want := "nothing"
	if len(n.states) > 0 {
		want = wire.Dump(n.states[0].data) + fmt.Sprintf("%x", n.states[0].data)
	}
	r.t.Fatalf("%s sends\n%x, our machine\n%s", n.name(), m.message, want)
}

// join makes a join that was not captured, because it came before.
func (r *replay) join(id wire.MembershipID, member, group string) {
	name := wire.MakeName(member)
	_, daemon, _ := name.SplitPrivate()
	i := slices.IndexFunc(capturedDaemons, func(d Daemon) bool { return d.Name == string(daemon) })
	g := wire.MakeName(group)
	m := wire.Message{Header: wire.Header{Type: wire.Join, Sender: name, Hint: wire.MakeHint(0)}, GroupFields: g[:]}
	r.message(captured{id: id, maker: capturedDaemons[i].ID, message: m.Append(nil)})
}

// begin puts daemons into a ring that they formed before the capture began.
func (r *replay) begin(id wire.MembershipID, ranks ...int) {
	v := &wire.FormValue{ID: id}
	for _, rank := range ranks {
		own := capturedDaemons[rank].ID
		v.Rings = append(v.Rings, wire.RingValue{
			Membership: wire.MembershipID{Daemon: own, Time: -1}, Commit: []wire.DaemonID{own}, NumTrans: 1,
		})
	}
	r.form(v)
	r.c.run()
}

func (r *replay) play(captures ...string) {
	for _, name := range captures {
		fmt.Fprintf(&r.out, "\n# %s\n", name)
		for _, m := range readCapture(r.t, name) {
			switch {
			case m.ring != nil:
				r.form(m.ring)
			case m.message != nil:
				r.message(m)
			}
		}
		last := r.c.streams[len(r.c.streams)-1]
		for _, rank := range last.members {
			if n := r.c.nodes[rank]; n.m.State() != StateOp {
				r.t.Errorf("after %s: %s is in %v", name, n.name(), n.m.State())
			}
		}
	}
}

const m1 wire.DaemonID = 1512122152

func TestCaptures(t *testing.T) {
	tests := []struct {
		name   string
		states int
		late   int // of these: m5 does not clear its queue
		play   func(r *replay)
	}{
		// One run, captured in parts: its daemons start, clients come and go, a daemon crashes and
		// restarts, two more start, and the network partitions and heals, twice. The part with the
		// clients was recorded in another run.
		{"one-segment", 10 + 2, 0, func(r *replay) {
			r.alias[wire.MembershipID{Daemon: m1, Time: 1795235139}] = wire.MembershipID{Daemon: m1, Time: 1795234340}
			r.play("start3", "groups", "crash", "restart", "add2", "partition", "merge", "idlemerge")
		}},
		// The same with two segments.
		{"two-segments", 3 + 2 + 2 + 2 + 2, 0, func(r *replay) {
			r.play("two_start", "two_refer", "two_refer2")
			id := wire.MembershipID{Daemon: m1, Time: 1795234489}
			r.join(id, "#ann#m1", "room")
			r.join(id, "#cy#m3", "room")
			r.join(id, "#eli#m5", "room")
			r.play("two_foreign", "two_leader_crash", "two_partition")
		}},
		{"monitor", 2, 0, func(r *replay) {
			id := wire.MembershipID{Daemon: m1, Time: 1795234923}
			r.begin(id, 0, 1, 2, 3, 4)
			r.join(id, "#u1#m1", "room")
			r.join(id, "#u2#m2", "room")
			r.join(id, "#u3#m3", "room")
			r.play("monitor")
		}},
		// Daemons die while state is exchanged.
		{"cascades", 2 + 4, 1, func(r *replay) {
			id := wire.MembershipID{Daemon: m1, Time: 1795235840}
			r.begin(id, 0, 1, 2, 3)
			r.join(id, "#u1#m1", "room")
			r.join(id, "#u2#m2", "room")
			r.join(id, "#u4#m4", "room")
			r.play("ggt_newcomer", "ggt_member")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReplay(t)
			tt.play(r)
			if r.states != tt.states || r.stale != tt.late {
				t.Errorf("%d GROUPS messages compared, %d of them late, want %d and %d", r.states, r.stale, tt.states, tt.late)
			}
			golden.File(t, filepath.Join("testdata", "captures", tt.name+".txt"), r.out.String())
		})
	}
}

// TestManyGroups is the capture of a state of two messages. It shows which daemon joined what; our
// machine must find the same division.
func TestManyGroups(t *testing.T) {
	r := newReplay(t)
	id := wire.MembershipID{Daemon: m1, Time: 1795235175}
	r.begin(id, 0, 1, 2)
	list := readCapture(t, "bigstate")
	for _, m := range slices.Backward(list) {
		if m.maker != m1 {
			continue
		}
		var msg wire.Message
		var state wire.GroupState
		if _, err := msg.Decode(m.message); err != nil {
			t.Fatal(err)
		}
		if err := state.Decode(&msg); err != nil {
			t.Fatal(err)
		}
		for g := range state.Groups() {
			for d := range g.Daemons() {
				for _, member := range d.Members() {
					r.join(id, member.String(), g.Name.String())
				}
			}
		}
	}
	r.play("bigstate")
	if r.states != 3 || r.stale > 0 {
		t.Errorf("%d GROUPS messages compared, %d of them late, want 3 and none", r.states, r.stale)
	}
	for _, rank := range []int{0, 1, 2, 4} {
		if n := r.c.nodes[rank].m.NumGroups(); n != 1202 {
			t.Errorf("%s has %d groups, want 1202", capturedDaemons[rank].Name, n)
		}
	}
}
