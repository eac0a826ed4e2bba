package membership

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// network joins machines in memory. A datagram takes a millisecond. The token of a ring goes around
// every ten, unless a daemon on its way is gone.
type network struct {
	refuse  bool     // hosts refuse datagrams for daemons that are down
	early   bool     // daemons form rings as soon as all have answered
	classic []string // names of those that keep to their timers all the same, as C daemons do
	t       testing.TB
	top     *topology.Topology
	now     clock.Time
	nodes   []*node // in configuration order
	queue   []delivery
	side    []int // of each daemon in a partition
	rules   []*dropRule
	// log is called with what happens.
	log func(kind logKind, format string, args ...any)
	// checks are called after each step of a node.
	checks []func(*node)
	round  clock.Time
	jitter func() time.Duration // added to the way of a datagram
	// reasons is called with the reason for each datagram. lost decides which are lost. committing
	// is called with a ring whose daemons are about to commit. All may be nil.
	reasons    func(to *node, token bool, b []byte, v Reason)
	lost       func(delivery) bool
	committing func(ring []*node)
}

type logKind uint8

const (
	logTransition logKind = 1 << iota
	logForm
	logGather
	logRing
	logDrop
	logChange
)

const (
	latency   = time.Millisecond
	roundTime = 10 * time.Millisecond
	wallBase  = 1000
)

type delivery struct {
	at    clock.Time
	from  int
	to    int
	token bool
	b     []byte
	one   bool // to one daemon, not to a segment
}

// dropRule loses datagrams.
type dropRule struct {
	kind     string // "FORM1", …, or "any"
	from, to string // names, or "*"
	left     int    // how many
}

// node is one daemon: a machine, and a ring that follows its commands.
type node struct {
	net   *network
	rank  int
	name  string
	id    wire.DaemonID
	up    bool
	m     *Machine
	ring  oldRing
	out   Effects
	steps int // times that it was started

	recovering bool
	rec        topology.Recovery
	committed  bool
	installed  bool // since a check last looked
	lossAt     clock.Time
}

func newNetwork(t testing.TB, names ...string) *network {
	n := &network{t: t, top: segments(t, names...), now: origin, round: origin, log: func(logKind, string, ...any) {}}
	n.jitter = func() time.Duration { return 0 }
	n.side = make([]int, len(n.top.Daemons()))
	for i, d := range n.top.Daemons() {
		n.nodes = append(n.nodes, &node{net: n, rank: i, name: d.Name, id: d.ID})
	}
	return n
}

func (n *network) wall() int32 { return wallBase + int32(n.now.Sub(origin)/time.Second) }

func (n *network) node(name string) *node {
	for _, o := range n.nodes {
		if o.name == name {
			return o
		}
	}
	n.t.Fatalf("no daemon %q", name)
	return nil
}

func (n *network) d() dumper { return dumper{n.top} }

// start starts or restarts a daemon.
func (o *node) start() {
	last := int32(0)
	if o.m != nil {
		last = o.m.LastTime() // as from a file
	}
	*o = node{net: o.net, rank: o.rank, name: o.name, id: o.id, steps: o.steps + 1, up: true}
	m, err := New(Config{Self: o.id, Topology: o.net.top, ConfHash: confHash, Old: &o.ring, Early: o.net.early && !o.classic()})
	if err != nil {
		o.net.t.Fatal(err)
	}
	o.m = m
	m.Resume(last)
	m.Start(o.net.now, o.net.wall(), &o.out)
	o.effects()
}

// classic reports whether the daemon stands for a C daemon.
func (o *node) classic() bool { return slices.Contains(o.net.classic, o.name) }

// doubled returns the daemon that a C daemon in the place of this one would put on a FORM1 a second
// time, or 0: as a representative of a ring, it adds all members of the ring (membership-protocol
// §7.3).
func (o *node) doubled(t *wire.Token) wire.DaemonID {
	var f wire.Form
	if t.Type&wire.TokenForms != wire.TokenForm1 || !o.classic() || !o.m.alive || o.m.state != StateGather || f.Decode(t) != nil {
		return 0
	}
	v := f.Value()
	if len(v.Pending) > 0 || int(v.RepIndex) >= len(v.Reps) || v.Reps[v.RepIndex] != (wire.Rep{Daemon: o.id, Kind: wire.RepRing, Segment: v.Reps[v.RepIndex].Segment}) {
		return 0
	}
	for _, id := range o.m.installed.Members() {
		if id != o.id && (slices.Contains(v.Members, id) || repList(v.Reps).contains(id)) {
			return id
		}
	}
	return 0
}

// active returns the id of the ring whose token the daemon uses.
func (o *node) active() (wire.MembershipID, []wire.DaemonID, bool) {
	switch {
	case !o.up || !o.m.TokenAlive():
		return wire.MembershipID{}, nil, false
	case o.recovering:
		return o.rec.Future, o.rec.Members, true
	default:
		return o.m.installedID, o.m.installed.Members(), true
	}
}

// run advances the time to a moment, or until done reports true, and returns whether it did.
func (n *network) run(until clock.Time, done func() bool) bool {
	for !done() {
		next := n.round.Add(roundTime)
		for _, o := range n.nodes {
			if o.up {
				next = clock.Earliest(next, clock.Earliest(o.m.Deadline(), o.lossAt))
			}
		}
		for i := range n.queue {
			next = min(next, n.queue[i].at)
		}
		if next > until {
			n.now = until
			return false
		}
		n.now = max(n.now, next)
		n.step()
	}
	return true
}

// step performs what is due.
func (n *network) step() {
	for i := range n.queue {
		if d := n.queue[i]; d.at <= n.now {
			n.queue = slices.Delete(n.queue, i, i+1)
			n.deliver(d)
			return
		}
	}
	for _, o := range n.nodes {
		if o.up && o.lossAt != 0 && o.lossAt <= n.now {
			o.lossAt, o.recovering = 0, false
			o.m.HandleTokenLost(n.now, n.wall(), CauseTokenTimeout, &o.out)
			o.effects()
		}
		if o.up && o.m.Deadline() != 0 && o.m.Deadline() <= n.now {
			o.m.Advance(n.now, n.wall(), &o.out)
			o.effects()
		}
	}
	if n.round.Add(roundTime) <= n.now {
		n.round = n.now
		n.tokens()
	}
}

// tokens moves the token of each ring around, if possible.
func (n *network) tokens() {
	var seen []wire.MembershipID
	for _, o := range n.nodes {
		id, members, ok := o.active()
		if !ok || len(members) == 1 || slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		if n.refuse {
			n.refuseToken(id, members)
		}
		if ring, whole := n.whole(id, members); whole {
			for _, r := range ring {
				r.lossAt = n.now.Add(r.m.cfg.Timeouts.Token)
			}
			n.recover(ring)
		}
	}
}

// refuseToken has the host of a daemon that is down refuse the ring's token.
func (n *network) refuseToken(id wire.MembershipID, members []wire.DaemonID) {
	for i, m := range members {
		o, next := n.nodes[n.top.Rank(m)], n.nodes[n.top.Rank(members[(i+1)%len(members)])]
		if a, _, ok := o.active(); ok && a == id && !next.up && n.side[o.rank] == n.side[next.rank] {
			o.refused(next)
		}
	}
}

// whole returns the daemons of a ring, if the token can pass all of them.
func (n *network) whole(id wire.MembershipID, members []wire.DaemonID) (ring []*node, ok bool) {
	for _, m := range members {
		o := n.nodes[n.top.Rank(m)]
		if a, _, ok := o.active(); !ok || a != id {
			return nil, false
		}
		ring = append(ring, o)
	}
	for i, o := range ring {
		next := ring[(i+1)%len(ring)]
		if n.side[o.rank] != n.side[next.rank] || n.dropped("TOKEN", o, next) {
			return nil, false
		}
	}
	return ring, true
}

// recover advances a recovery by one step: first all commit, then one after another installs.
func (n *network) recover(ring []*node) {
	commit := false
	for _, o := range ring {
		if o.recovering && !o.committed {
			if !commit && n.committing != nil {
				n.committing(ring)
			}
			commit = true
			o.committed = true
			o.ring.missing = slices.Clone(o.rec.Holes)
			n.log(logRing, "%s commits", o.name)
			o.m.HandleCommitted()
			o.effects()
		}
	}
	if commit {
		return
	}
	for _, o := range ring {
		if o.recovering {
			o.install()
			return
		}
	}
}

func (o *node) install() {
	o.recovering, o.committed, o.installed = false, false, true
	o.ring = oldRing{}
	o.m.HandleInstalled(o.net.now, o.net.wall(), &o.out)
	in, d := o.m.Installation(), o.net.d()
	o.net.log(logTransition, "%s installs %s %s, before it %s %s", o.name,
		d.id(in.RegularID), d.names(in.Regular), d.id(in.TransitionalID), d.names(in.Transitional))
	o.net.log(logChange, "%s %s", o.name, d.change(&o.out.Changes[0]))
	o.effects()
}

// dropped reports whether a rule loses a datagram.
func (n *network) dropped(kind string, from, to *node) bool {
	for _, r := range n.rules {
		if r.left > 0 && (r.kind == "any" || r.kind == kind) && (r.from == "*" || r.from == from.name) && (r.to == "*" || r.to == to.name) {
			r.left--
			return true
		}
	}
	return false
}

func (n *network) deliver(d delivery) {
	from, to := n.nodes[d.from], n.nodes[d.to]
	if n.side[d.from] != n.side[d.to] {
		return
	}
	if !to.up {
		if n.refuse && d.one && from.up {
			from.refused(to)
		}
		return
	}
	if len(n.rules) > 0 {
		kind, _, _ := strings.Cut(n.d().datagram(d.token, d.b), " ")
		if n.dropped(kind, from, to) {
			n.log(logDrop, "%s %s from %s is lost", to.name, kind, from.name)
			return
		}
	}
	if n.lost != nil && n.lost(d) {
		return
	}
	to.receive(d.token, d.b)
}

// refused reports that the host of another daemon refuses datagrams for it.
func (o *node) refused(other *node) {
	o.m.HandleRefused(o.net.now, o.net.wall(), other.id, &o.out)
	o.effects()
}

// receive passes a datagram to the machine, as the engine would.
func (o *node) receive(token bool, b []byte) {
	if token {
		var t wire.Token
		if err := t.Decode(b); err != nil {
			o.net.t.Fatal(err)
		}
		if id := o.doubled(&t); id != 0 {
			o.net.log(logForm, "%s, if it is a C daemon, names %s twice", o.name, o.net.d().names([]wire.DaemonID{id}))
		}
		o.judge(true, b, o.m.HandleForm(o.net.now, o.net.wall(), &t, &o.out))
		o.effects()
		return
	}
	var p wire.Packet
	if err := p.Decode(b); err != nil {
		o.net.t.Fatal(err)
	}
	if p.Type.Kind() == wire.KindHurry {
		o.m.HandleHello(&p)
	} else if p.Type.Kind() == wire.KindMembership {
		o.judge(false, b, o.m.HandlePacket(o.net.now, o.net.wall(), &p, &o.out))
	} else if p.Membership != o.m.installedID {
		o.m.HandleForeign(o.net.now, o.net.wall(), &p, &o.out)
	}
	o.effects()
}

func (o *node) judge(token bool, b []byte, v Reason) {
	if o.net.reasons != nil {
		o.net.reasons(o, token, b, v)
	}
}

// send sends a datagram.
func (n *network) send(from int, to topology.Target, b []byte) {
	for _, o := range n.nodes {
		d := n.top.Daemons()[o.rank]
		if o.rank == from || to.Daemon != 0 && to.Daemon != o.id || to.Daemon == 0 && to.Segment != d.Segment {
			continue
		}
		n.queue = append(n.queue, delivery{n.now.Add(latency + n.jitter()), from, o.rank, to.Token, b, to.Daemon != 0})
	}
}

// data makes a daemon send a message to its ring. The whole segment hears it.
func (o *node) data() {
	p := wire.Packet{Type: wire.PacketSafe, Transmitter: o.id, Proc: o.id, Membership: o.m.installedID, ConfHash: confHash, Seq: 1}
	o.net.send(o.rank, topology.ToSegment(o.net.top.Daemons()[o.rank].Segment), p.Append(nil))
}

// effects checks the machine's effects and carries them out.
func (o *node) effects() {
	n := o.net
	for _, t := range o.out.Transitions {
		n.log(logTransition, "%s %v", o.name, t)
	}
	actions := slices.Clone(o.out.RingCommands)
	for i := 0; i < len(o.out.Sends); i++ {
		s := o.out.Sends[i]
		b := s.Append(nil)
		copies := 1
		for i+1 < len(o.out.Sends) && o.out.Sends[i+1].To == s.To && slices.Equal(o.out.Sends[i+1].Append(nil), b) {
			i++
			copies++
		}
		kind, times := logGather, ""
		if s.To.Token {
			kind = logForm
		} else if copies > 1 {
			times = fmt.Sprintf(", %d times", copies)
		}
		n.log(kind, "%s -> %s %s%s", o.name, n.d().target(s.To), n.d().datagram(s.To.Token, b), times)
		for range copies {
			n.send(o.rank, s.To, b)
		}
	}
	o.out.Reset()
	for _, a := range actions {
		switch a.Kind {
		case StopRing:
			n.log(logRing, "%s stops its ring", o.name)
			o.recovering, o.lossAt = false, 0
		case Recover:
			o.recover(a.Recovery)
		}
	}
	if err := o.m.Check(); err != nil {
		n.t.Fatalf("%v: %s: %v", n.now.Sub(origin), o.name, err)
	}
	for _, check := range n.checks {
		check(o)
	}
}

// recover does what the ring does when FORM2 is read (ring-protocol §22.2).
func (o *node) recover(rec topology.Recovery) {
	n := o.net
	holes := ""
	if len(rec.Holes) > 0 {
		holes = fmt.Sprintf(" holes %v", rec.Holes)
	}
	n.log(logRing, "%s recovers for %s %s: aru %d high %d%s, mark %d, with %s of %s", o.name, n.d().id(rec.Future), n.d().names(rec.Members),
		rec.Aru, rec.Highest, holes, rec.LastSeq, n.d().names(rec.Transitional), n.d().names(rec.Commit))
	for s := o.ring.highest + 1; s <= rec.Highest; s++ {
		o.ring.missing = append(o.ring.missing, s)
	}
	for _, h := range rec.Holes {
		if o.ring.Has(h) {
			o.ring.missing = append(o.ring.missing, h) // came too late
		}
	}
	slices.Sort(o.ring.missing)
	o.ring.missing = slices.DeleteFunc(o.ring.missing, func(s int32) bool { return s > rec.Highest })
	o.ring.highest = rec.Highest
	o.ring.aru = max(o.ring.aru, rec.Aru)
	o.ring.discarded = max(o.ring.discarded, rec.Aru)
	o.recovering, o.rec, o.committed = true, rec, false
	o.lossAt = n.now.Add(o.m.cfg.Timeouts.Token)
	if len(rec.Members) == 1 {
		o.lossAt = 0
		o.m.HandleCommitted()
		o.install()
	}
}
