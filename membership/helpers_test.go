package membership

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const confHash = 0xc0ffee

// oldRing is a ring's packets as the membership sees them.
type oldRing struct {
	aru, highest, discarded int32
	missing                 []int32 // ascending, above aru
}

func (r *oldRing) Aru() int32           { return r.aru }
func (r *oldRing) Highest() int32       { return r.highest }
func (r *oldRing) LastDiscarded() int32 { return r.discarded }
func (r *oldRing) Has(seq int32) bool   { return seq <= r.highest && !slices.Contains(r.missing, seq) }

func (r *oldRing) MyAru() int32 {
	if len(r.missing) > 0 {
		return r.missing[0] - 1
	}
	return r.highest
}

func (r *oldRing) AppendMissing(dst []int32, from, to int32) []int32 {
	for _, n := range r.missing {
		if n >= from && n <= to {
			dst = append(dst, n)
		}
	}
	return dst
}

// segments makes a topology of daemons named by letters, as in segments("AB", "C"). Their ids are
// 1, 2, 3 in reverse, so that sorting by id fails tests.
func segments(t testing.TB, names ...string) *topology.Topology {
	t.Helper()
	n := len(strings.Join(names, ""))
	var list []topology.Segment
	for _, s := range names {
		var seg topology.Segment
		for _, c := range s {
			seg.Daemons = append(seg.Daemons, topology.Daemon{ID: wire.DaemonID(n), Name: string(c)})
			n--
		}
		list = append(list, seg)
	}
	top, err := topology.New(list)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// dumper prints what is sent, with the daemons' names.
type dumper struct{ top *topology.Topology }

func (d dumper) name(id wire.DaemonID) string {
	if c := d.top.Daemon(id); c != nil {
		return c.Name
	}
	return fmt.Sprint(int32(id))
}

func (d dumper) names(ids []wire.DaemonID) string {
	var s []string
	for _, id := range ids {
		s = append(s, d.name(id))
	}
	return "[" + strings.Join(s, " ") + "]"
}

func (d dumper) id(id wire.MembershipID) string {
	return fmt.Sprintf("%s:%d", d.name(id.Daemon), id.Time)
}

func (d dumper) reps(reps []wire.Rep) string {
	var s []string
	for _, r := range reps {
		s = append(s, d.name(r.Daemon)+":"+[]string{"potential", "segment", "ring"}[r.Kind])
	}
	return "[" + strings.Join(s, " ") + "]"
}

func (d dumper) target(t topology.Target) string {
	if t.Daemon == 0 {
		return fmt.Sprintf("segment %d", t.Segment)
	}
	return d.name(t.Daemon)
}

// datagram returns a membership packet or a form token as text, without the noise of its fixed
// lists.
func (d dumper) datagram(token bool, b []byte) string {
	if token {
		var t wire.Token
		var f wire.Form
		if err := t.Decode(b); err != nil {
			return err.Error()
		}
		if t.Type&wire.TokenForms == 0 {
			return "TOKEN"
		}
		if err := f.Decode(&t); err != nil {
			return err.Error()
		}
		return d.form(&t, f.Value())
	}
	var p wire.Packet
	var g wire.Gather
	if err := p.Decode(b); err != nil {
		return err.Error()
	}
	switch {
	case p.Type&wire.PacketRefer != 0:
		id, kind := p.Refer()
		return "REFER to " + d.reps([]wire.Rep{{Daemon: id, Kind: kind}})
	case p.Type.Kind() == wire.KindHurry:
		return "HURRY"
	case p.Type&wire.PacketMemberships == 0:
		return fmt.Sprintf("DATA of %s by %s via %s", d.id(p.Membership), d.name(p.Proc), d.name(p.Transmitter))
	}
	if err := g.Decode(&p); err != nil {
		return err.Error()
	}
	var heard []wire.DaemonID
	for _, id := range g.Members.All() {
		heard = append(heard, id)
	}
	if p.Type&wire.PacketAlive != 0 {
		return "ALIVE " + d.names(heard)
	}
	var reps []wire.Rep
	for _, r := range g.Reps.All() {
		reps = append(reps, r)
	}
	return fmt.Sprintf("JOIN %s %s", d.names(heard), d.reps(reps))
}

func (d dumper) form(t *wire.Token, v wire.FormValue) string {
	var s strings.Builder
	if t.Type&wire.TokenForm1 != 0 {
		fmt.Fprintf(&s, "FORM1 %s mark %d members %s pending %s reps %s next %d",
			d.id(t.Membership), t.Seq, d.names(v.Members), d.names(v.Pending), d.reps(v.Reps), v.RepIndex)
	} else {
		fmt.Fprintf(&s, "FORM2 %s mark %d members %s pending %s", d.id(t.Membership), t.Seq, d.names(v.Members), d.names(v.Pending))
		if len(v.Members) > 0 { // noise before
			fmt.Fprintf(&s, " ring %s", d.id(v.ID))
		}
	}
	for _, r := range v.Rings {
		fmt.Fprintf(&s, " {%s", d.id(r.Membership))
		if r.TransTime != 0 {
			fmt.Fprintf(&s, " at %d", r.TransTime)
		}
		fmt.Fprintf(&s, " aru %d high %d", r.Aru, r.HighestSeq)
		if len(r.Holes) > 0 {
			fmt.Fprintf(&s, " holes %v", r.Holes)
		}
		fmt.Fprintf(&s, " with %s", d.names(r.Commit[:r.NumTrans]))
		if len(r.Commit) > r.NumTrans {
			fmt.Fprintf(&s, " bound to %s", d.names(r.Commit[r.NumTrans:]))
		}
		s.WriteByte('}')
	}
	return s.String()
}

// bench is one machine without a network.
type bench struct {
	*Machine
	t    testing.TB
	top  *topology.Topology
	ring *oldRing
	now  clock.Time
	out  Effects
}

// newBench starts a machine as daemon name of a topology.
func newBench(t testing.TB, name string, names ...string) *bench {
	t.Helper()
	b := &bench{t: t, top: segments(t, names...), ring: &oldRing{}, now: 1}
	m, err := New(Config{Self: b.id(name), Topology: b.top, ConfHash: confHash, Old: b.ring})
	if err != nil {
		t.Fatal(err)
	}
	b.Machine = m
	return b
}

func (b *bench) id(name string) wire.DaemonID {
	for _, d := range b.top.Daemons() {
		if d.Name == name {
			return d.ID
		}
	}
	b.t.Fatalf("no daemon %s", name)
	return 0
}

func (b *bench) ids(names string) (ids []wire.DaemonID) {
	for _, c := range names {
		ids = append(ids, b.id(string(c)))
	}
	return ids
}

// reset drops the effects so far.
func (b *bench) reset() { b.out.Reset() }

func (b *bench) check() {
	b.t.Helper()
	if err := b.Check(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) start() {
	b.Start(b.now, 1000, &b.out)
	b.check()
}

// wait advances the time, timer by timer.
func (b *bench) wait(until clock.Time) {
	for d := b.Deadline(); d != 0 && d <= until; d = b.Deadline() {
		b.now = d
		b.Advance(d, 1000+int32(d/1e9), &b.out)
		b.check()
	}
	b.now = until
}

// sent returns everything that was sent since the last reset, one line each, with copies joined.
func (b *bench) sent() []string {
	d := dumper{b.top}
	var list []string
	last := ""
	for _, s := range b.out.Sends {
		line := d.target(s.To) + " " + d.datagram(s.To.Token, s.Append(nil))
		if line == last {
			list[len(list)-1] = line + " (again)"
			continue
		}
		list, last = append(list, line), line
	}
	return list
}

func (b *bench) transitions() (s []string) {
	for _, t := range b.out.Transitions {
		s = append(s, t.String())
	}
	return s
}

// packet passes in a packet of a daemon.
func (b *bench) packet(t wire.RingType, from string, body []byte) Reason {
	p := wire.Packet{Type: t, Transmitter: b.id(from), Proc: b.id(from), ConfHash: confHash, Body: body}
	v := b.HandlePacket(b.now, 1000, &p, &b.out)
	b.check()
	return v
}

func (b *bench) alive(from string) Reason {
	return b.packet(wire.PacketAlive, from, wire.AppendMembers(nil, 0, 0, b.id(from)))
}

// join passes in a JOIN with representatives like "A:segment".
func (b *bench) join(from string, reps ...string) Reason {
	body := wire.AppendMembers(nil, 0, 0)
	return b.packet(wire.PacketJoin, from, wire.AppendReps(body, 0, 0, b.reps(reps...)...))
}

func (b *bench) reps(reps ...string) (list []wire.Rep) {
	for _, r := range reps {
		name, kind, _ := strings.Cut(r, ":")
		d := b.top.Daemon(b.id(name))
		list = append(list, wire.Rep{
			Daemon: d.ID, Segment: int16(d.Segment),
			Kind: wire.RepKind(slices.Index([]string{"potential", "segment", "ring"}, kind)),
		})
	}
	return list
}

func (b *bench) refer(from, to string, kind int32) Reason {
	p := wire.Packet{
		Type: wire.PacketRefer, Transmitter: b.id(from), Proc: b.id(from), ConfHash: confHash,
		Membership: wire.MembershipID{Daemon: b.id(to), Time: kind},
	}
	v := b.HandlePacket(b.now, 1000, &p, &b.out)
	b.check()
	return v
}

func (b *bench) foreign(from string) Reason {
	p := wire.Packet{
		Type: wire.PacketSafe | wire.PacketRouted, Transmitter: b.id(from), Proc: b.id(from), ConfHash: confHash,
		Membership: wire.MembershipID{Daemon: b.id(from), Time: 7}, Seq: 1, Body: []byte("data"),
	}
	v := b.HandleForeign(b.now, 1000, &p, &b.out)
	b.check()
	return v
}

// form passes in a form token.
func (b *bench) form(t wire.RingType, from string, attempt wire.MembershipID, mark int32, v wire.FormValue) Reason {
	tok := wire.Token{
		Type: t, Transmitter: b.id(from), Proc: b.id(from), Membership: attempt, Seq: mark, ConfHash: confHash,
		Body: v.Append(nil, wire.LittleEndian, t),
	}
	r := b.HandleForm(b.now, 1000, &tok, &b.out)
	b.check()
	return r
}

// install makes the ring report that the recovery is done, and starts it with no packets.
func (b *bench) install() {
	b.t.Helper()
	if v := b.HandleCommitted(); v != Accepted {
		b.t.Fatalf("committed: %v", v)
	}
	if v := b.HandleInstalled(b.now, 1000, &b.out); v != Accepted {
		b.t.Fatalf("installed: %v", v)
	}
	*b.ring = oldRing{}
	b.check()
}
