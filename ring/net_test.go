package ring

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// text makes a message of a session of daemon with the data s.
func text(daemon string, service Service, s string) Message {
	types := map[Service]wire.Type{Reliable: wire.Reliable, FIFO: wire.FIFO, Agreed: wire.Agreed, Safe: wire.Safe}
	m := wire.Message{
		Header:      wire.Header{Type: types[service], Sender: wire.MakeName("#u#" + daemon), Hint: wire.MakeHint(1)},
		GroupFields: make([]byte, wire.NameLen),
		Payload:     []byte(s),
	}
	copy(m.GroupFields, "grp")
	b := m.Append(nil)
	return Message{Service: service, Data: buf.Slice{Block: buf.Wrap(b), Hi: len(b)}}
}

// textLen is the length of a message of text without its data.
const textLen = wire.HeaderLen + wire.NameLen

// textOf returns the data of a message.
func textOf(b []byte) string {
	var m wire.Message
	if _, err := m.Decode(b); err != nil {
		return err.Error()
	}
	return string(m.Payload)
}

// node is one daemon of a test network: its ring, and what it has received.
type node struct {
	name    string
	id      wire.DaemonID
	segment int
	ring    *Ring
	pool    *buf.Pool
	out     Effects
	data    [][]byte
	tokens  [][]byte
	dead    bool
	// log is what the ring reported to the layers above.
	log []Event
	// texts are the data of the delivered messages.
	texts []string
	// commit is the commit set that the membership would keep.
	commit, future []wire.DaemonID
}

// network joins rings in memory. Time advances only when a test advances it.
type network struct {
	t     testing.TB
	top   *topology.Topology
	nodes []*node
	now   clock.Time
	time  int32 // of the last membership id

	// deliver decides the fate of each copy of a datagram. If it is nil, datagrams arrive in order.
	deliver func(from, to *node, token bool, b []byte)
	// trace is called with what happens, if it is not nil.
	trace func(format string, args ...any)
}

// newNetwork makes a network of segments. Daemons have the given names, and ids in reverse order
// from 1, so that sorting by id fails tests.
func newNetwork(t testing.TB, cfg Config, segments ...[]string) *network {
	n := &network{t: t, now: 1, time: 1000}
	var list []topology.Segment
	id := wire.DaemonID(len(slices.Concat(segments...)))
	for i, names := range segments {
		s := topology.Segment{Port: uint16(4803 + 10*i)}
		for _, name := range names {
			s.Daemons = append(s.Daemons, topology.Daemon{ID: id, Name: name})
			n.nodes = append(n.nodes, &node{name: name, id: id, segment: i, pool: new(buf.Pool)})
			id--
		}
		list = append(list, s)
	}
	var err error
	if n.top, err = topology.New(list); err != nil {
		t.Fatal(err)
	}
	for _, d := range n.nodes {
		cfg.Self, cfg.Topology, cfg.Pool, cfg.ConfHash = d.id, n.top, d.pool, 4711
		if d.ring, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		d.commit = []wire.DaemonID{d.id}
	}
	return n
}

func (n *network) node(name string) *node {
	for _, d := range n.nodes {
		if d.name == name {
			return d
		}
	}
	return nil
}

func (n *network) name(id wire.DaemonID) string {
	for _, d := range n.nodes {
		if d.id == id {
			return d.name
		}
	}
	if id == wire.NoDaemon {
		return "nobody"
	}
	return fmt.Sprint(id)
}

func (n *network) tracef(format string, args ...any) {
	if n.trace != nil {
		n.trace(format, args...)
	}
}

// done carries out the effects of a ring's step.
func (n *network) done(d *node) {
	for i := range d.out.Sends {
		g := &d.out.Sends[i]
		b := g.Append(nil)
		n.tracef("%s: %s -> %s", d.name, n.describe(g.To.Token, b), n.target(g.To))
		for _, to := range n.nodes {
			if to != d && !to.dead && (g.To.Daemon == to.id || g.To.Daemon == 0 && g.To.Segment == to.segment) {
				n.arrive(d, to, g.To.Token, b)
			}
		}
	}
	for _, e := range d.out.Events {
		n.event(d, e)
	}
	for _, b := range d.out.Releases {
		b.Release()
	}
	d.out.Reset()
	if err := d.ring.check(); err != nil {
		n.t.Fatalf("%s: %v", d.name, err)
	}
}

func (n *network) event(d *node, e Event) {
	switch e.Kind {
	case Deliver:
		s := textOf(e.Message.Data.Bytes())
		d.texts = append(d.texts, s)
		n.tracef("%s: deliver %v %s from %s", d.name, e.Message.Service, short(s), n.name(e.Message.Proc))
		e.Message.Data = buf.Slice{} // not kept beyond the step
	case Committed:
		d.commit = d.future
		n.tracef("%s: committed", d.name)
	case Regular:
		d.commit = []wire.DaemonID{d.id}
		n.tracef("%s: regular", d.name)
	case TokenLost:
		n.tracef("%s: token lost, %v", d.name, e.Cause)
	default:
		n.tracef("%s: %v", d.name, e.Kind)
	}
	d.log = append(d.log, e)
}

func (n *network) arrive(from, to *node, token bool, b []byte) {
	if n.deliver != nil {
		n.deliver(from, to, token, b)
		return
	}
	to.put(token, b)
}

func (d *node) put(token bool, b []byte) {
	if token {
		d.tokens = append(d.tokens, b)
	} else {
		d.data = append(d.data, b)
	}
}

// handleData passes the next data packet to a node. Relaying is up to the engine, and here to the
// network.
func (n *network) handleData(d *node) {
	b := d.data[0]
	d.data = d.data[1:]
	var p wire.Packet
	if err := p.Decode(b); err != nil {
		n.t.Fatal(err)
	}
	if p.Type&wire.PacketRouted != 0 {
		p.Type &^= wire.PacketRouted
		relay := p
		relay.Transmitter = d.id
		for _, to := range n.nodes {
			if to != d && to.segment == d.segment && !to.dead {
				n.arrive(d, to, false, relay.Append(nil))
			}
		}
	}
	var v Reason
	if p.Type.Kind() == wire.KindHurry {
		v = d.ring.HandleHurry(n.now, &p, &d.out)
	} else {
		block := d.pool.Get(len(b))
		s := buf.Slice{Block: block, Hi: copy(block.Bytes(), b)}
		if err := p.Decode(s.Bytes()); err != nil {
			n.t.Fatal(err)
		}
		v = d.ring.HandlePacket(n.now, &p, s, &d.out)
		block.Release()
	}
	if v != Stored && v != HurryTaken {
		n.tracef("%s: %v: %s", d.name, v, n.describe(false, b))
	}
	n.done(d)
}

// handleToken passes the next token to a node.
func (n *network) handleToken(d *node) {
	b := d.tokens[0]
	d.tokens = d.tokens[1:]
	var t wire.Token
	if err := t.Decode(b); err != nil {
		n.t.Fatal(err)
	}
	v := d.ring.HandleToken(n.now, &t, &d.out)
	if v != TokenTaken {
		n.tracef("%s: %v", d.name, v)
	}
	n.done(d)
}

// drain passes the data packets that have arrived to all nodes.
func (n *network) drain() {
	for again := true; again; {
		again = false
		for _, d := range n.nodes {
			for len(d.data) > 0 {
				n.handleData(d)
				again = true
			}
		}
	}
}

// hop handles the first token that has arrived anywhere, after all data. It reports false if there
// is none.
func (n *network) hop() bool {
	n.drain()
	for _, d := range n.nodes {
		if len(d.tokens) > 0 {
			n.handleToken(d)
			n.drain()
			return true
		}
	}
	return false
}

// advance moves the time to the next deadline, at most to limit, and runs the timers.
func (n *network) advance(limit clock.Time) {
	next := limit
	for _, d := range n.nodes {
		if at := d.ring.Deadline(); !d.dead && at != 0 {
			next = min(next, at)
		}
	}
	n.now = max(n.now, next)
	for _, d := range n.nodes {
		if at := d.ring.Deadline(); !d.dead && at != 0 && at <= n.now {
			d.ring.Advance(n.now, &d.out)
			n.done(d)
		}
	}
}

// recover replaces the membership: it stops the rings of the members, collects what they have of
// their old rings, and begins to install the new one.
func (n *network) recover(members ...*node) {
	for _, d := range members {
		d.ring.Stop(n.now)
	}
	n.time += 2
	rec := topology.Recovery{LastSeq: 3333}
	for _, d := range members {
		rec.Members = append(rec.Members, d.id)
		rec.LastSeq = max(rec.LastSeq, d.ring.Highest()+3333)
	}
	rec.Future = wire.MembershipID{Daemon: n.top.Ring(rec.Members).Leader(), Time: n.time}
	var recs []topology.Recovery
	for _, d := range members {
		recs = append(recs, n.oldRing(rec, d, members))
	}
	for i, d := range members {
		d.future = recs[i].Commit
		d.ring.Recover(n.now, recs[i], &d.out)
		n.done(d)
	}
}

// oldRing fills in what the members of the same old ring know together, as the form tokens would.
func (n *network) oldRing(rec topology.Recovery, d *node, members []*node) topology.Recovery {
	var old []*node
	for _, o := range members {
		if o.ring.id == d.ring.id && (o == d || o.ring.stats.MembershipChanges > 0) {
			old = append(old, o)
		}
	}
	for _, o := range old {
		rec.Aru = max(rec.Aru, o.ring.Aru())
		rec.Highest = max(rec.Highest, o.ring.Highest())
		rec.Commit = append(rec.Commit, o.id)
	}
	for _, o := range old {
		for _, id := range o.commit {
			if !slices.Contains(rec.Commit, id) {
				rec.Commit = append(rec.Commit, id)
			}
		}
	}
	for seq := rec.Aru + 1; seq <= rec.Highest; seq++ {
		if !slices.ContainsFunc(old, func(o *node) bool { return o.ring.Has(seq) }) {
			rec.Holes = append(rec.Holes, seq)
		}
	}
	return rec
}

// form installs a ring of some nodes, opens it for delivery, and runs it until the leader holds the
// token.
func (n *network) form(members ...*node) {
	n.recover(members...)
	for range 100 {
		for _, d := range members {
			if d.ring.state == Operational && d.ring.level == Blocked {
				d.ring.SetDelivery(n.now, Everything, &d.out)
				n.done(d)
			}
		}
		if !n.hop() {
			return
		}
	}
	n.t.Fatal("the ring does not come to rest")
}

// runIdle runs the ring until the token is held, at most for limit hops.
func (n *network) runIdle(limit int) {
	for range limit {
		if !n.hop() {
			return
		}
	}
}

func (n *network) submit(d *node, s Service, data string) bool {
	m := text(d.name, s, data)
	ok := d.ring.Submit(n.now, m, &d.out)
	n.done(d)
	m.Data.Block.Release()
	return ok
}

// Printing.

func (n *network) target(to topology.Target) string {
	if to.Daemon == 0 {
		return fmt.Sprintf("segment %d", to.Segment)
	}
	return n.name(to.Daemon)
}

// short quotes a text, and shortens a long one.
func short(s string) string {
	if len(s) > 16 {
		return fmt.Sprintf("%q*%d", s[:1], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// describe returns a datagram in one line.
func (n *network) describe(token bool, b []byte) string {
	var s strings.Builder
	if token {
		var t wire.Token
		if err := t.Decode(b); err != nil {
			return err.Error()
		}
		fmt.Fprintf(&s, "token arq %d", t.Type.ARQ())
		if r := t.Type.Retrans(); r > 0 {
			fmt.Fprintf(&s, " retrans %d", r)
		}
		fmt.Fprintf(&s, " seq %d aru %d (%s) fc %d", t.Seq, t.Aru, n.name(t.AruLast), t.FlowControl)
		requests := t.Requests()
		for q, ok := requests.Next(); ok; q, ok = requests.Next() {
			fmt.Fprintf(&s, " wants")
			for i := range q.NumSeqs() {
				fmt.Fprintf(&s, " %d", q.Seq(i))
			}
			fmt.Fprintf(&s, " {%s, segment %d}", n.name(q.Proc), q.Segment)
		}
		return s.String()
	}
	var p wire.Packet
	if err := p.Decode(b); err != nil {
		return err.Error()
	}
	if p.Type.Kind() == wire.KindHurry {
		return "hurry"
	}
	service, _ := serviceOf(p.Type)
	fmt.Fprintf(&s, "%d %v", p.Seq, service)
	if p.Type&wire.PacketRouted != 0 {
		s.WriteString(" routed")
	}
	if p.Proc != p.Transmitter {
		fmt.Fprintf(&s, " of %s", n.name(p.Proc))
	}
	fmt.Fprintf(&s, " round %d [", p.TokenRound)
	fragments := p.Fragments()
	for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
		if s.String()[s.Len()-1] != '[' {
			s.WriteByte(' ')
		}
		if f.Index == -1 {
			s.WriteString(short(textOf(f.Data)))
		} else {
			fmt.Fprintf(&s, "%d:%d", f.Index, f.Len)
		}
	}
	s.WriteByte(']')
	return s.String()
}
