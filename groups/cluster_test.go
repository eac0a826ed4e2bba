package groups

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// cluster joins several machines by ordered streams, as rings would: machines that install the same
// ring get the same messages in the same order, as far as they get.
type cluster struct {
	t       testing.TB
	names   []string
	nodes   []*node // by rank; a restarted daemon is a new node
	streams []*stream
	lastID  SessionID
	number  int // of the message that was made last
	watch   watcher
}

// watcher observes a cluster.
type watcher interface {
	// step is called after each input of a machine, before its commands are carried out.
	step(n *node, what string, e *entry)
	// received is called for each delivery to a client, in order.
	received(c *client, r *received)
}

// stream is one ring: its regular membership and the order of its messages.
type stream struct {
	id      wire.MembershipID
	members daemonSet
	log     []*entry
	// installed counts the daemons that have installed the ring. Before all have, the token lets no
	// daemon send (membership-protocol §8).
	installed int
}

// entry is a message in a stream.
type entry struct {
	stream *stream
	index  int
	maker  *node
	data   []byte
	number int // of a message between clients
}

// node is a daemon, from its start to its end.
type node struct {
	c       *cluster
	rank    int
	m       *Machine
	dead    bool
	order   wire.ByteOrder // in which its messages are written
	clients map[SessionID]*client

	stream *stream
	at     int // how many messages of the stream were delivered

	users, states []*entry // wait for the ring
	exchange      bool     // only states go
	closed        bool     // the ring is lost and no regular membership has come
	forced        int      // how often it asked for a new membership
	out           Effects
}

// client is a session.
type client struct {
	n      *node
	id     SessionID
	name   wire.Name
	views  bool
	ended  bool
	killed bool // it has asked for its end
	events []*received
}

// received is a message that a client received.
type received struct {
	msg  wire.Message
	data []byte
	memb wire.Membership
	// state is that of the machine at the delivery, and entry is what caused it.
	state State
	entry *entry
}

func newCluster(t testing.TB, names ...string) *cluster {
	c := &cluster{t: t, names: names}
	for rank := range names {
		n := &node{dead: true, rank: rank}
		c.nodes = append(c.nodes, n)
	}
	return c
}

func (c *cluster) config(rank int) Config {
	cfg := Config{Self: wire.DaemonID(rank + 1)}
	for i, n := range c.names {
		cfg.Daemons = append(cfg.Daemons, Daemon{ID: wire.DaemonID(i + 1), Name: n})
	}
	return cfg
}

// start starts a daemon without a ring. Its first ring is formed with the daemons named then.
func (c *cluster) start(rank int) *node { return c.startAs(c.config(rank), rank) }

func (c *cluster) startAs(cfg Config, rank int) *node {
	m, err := New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{c: c, rank: rank, m: m, clients: make(map[SessionID]*client), order: c.nodes[rank].order}
	n.stream = &stream{members: daemonSet{rank}}
	c.nodes[rank] = n
	return n
}

func (c *cluster) crash(rank int) { c.nodes[rank].dead = true }

func (n *node) name() string { return n.c.names[n.rank] }

func (n *node) connect(name string, views bool) *client {
	n.c.lastID++
	cl := &client{n: n, id: n.c.lastID, name: wire.MakeName("#" + name + "#" + n.name()), views: views}
	n.clients[cl.id] = cl
	n.m.Connect(cl.id, cl.name, views)
	return cl
}

// request puts a client's message into the daemon's queue.
func (n *node) request(t wire.Type, from wire.Name, groups ...string) {
	m := wire.Message{Header: wire.Header{Type: t, Sender: from, Hint: wire.MakeHint(0)}}
	for _, g := range groups {
		name := wire.MakeName(g)
		m.GroupFields = append(m.GroupFields, name[:]...)
	}
	e := &entry{maker: n}
	if t&wire.Requests == 0 {
		n.c.number++
		e.number = n.c.number
		m.Payload = fmt.Appendf(nil, "%d", e.number)
	}
	e.data = m.Append(nil)
	n.users = append(n.users, e)
}

// put moves the next message of a daemon's queues into its stream, and reports whether there was
// one.
func (n *node) put() bool {
	queue := &n.users
	if n.exchange {
		queue = &n.states
	}
	if n.dead || n.closed || n.stream.installed < len(n.stream.members) || len(*queue) == 0 {
		return false
	}
	e := (*queue)[0]
	*queue = (*queue)[1:]
	e.data = reencode(n.c.t, e.data, n.order)
	e.stream, e.index = n.stream, len(n.stream.log)
	n.stream.log = append(n.stream.log, e)
	return true
}

// next delivers the next message of the stream.
func (n *node) next() bool {
	if n.dead || n.closed || n.at == len(n.stream.log) {
		return false
	}
	n.at++
	n.deliver(n.stream.log[n.at-1])
	return true
}

func (n *node) deliver(e *entry) {
	n.m.Deliver(buf.Slice{Block: buf.Wrap(e.data), Hi: len(e.data)}, &n.out)
	n.done("deliver", e)
}

// done carries out the effects of a step.
func (n *node) done(what string, e *entry) {
	if err := n.m.check(); err != nil {
		n.c.t.Fatalf("%s, after %s: %v", n.name(), what, err)
	}
	if n.c.watch != nil {
		n.c.watch.step(n, what, e)
	}
	for _, d := range n.out.Deliveries {
		for _, id := range n.out.Receivers(d) {
			n.receive(n.clients[id], d.Data.Bytes(), e)
		}
	}
	for _, id := range n.out.Ended {
		n.clients[id].ended = true
	}
	for _, o := range n.out.RingCommands {
		switch o.Kind {
		case BeginExchange:
			n.exchange, n.closed = true, false
		case EndExchange:
			n.exchange, n.closed = false, false
		case ClearStates:
			n.states = nil
		case SendState:
			n.states = append(n.states, &entry{maker: n, data: o.State})
		case ForceMembership:
			n.forced++
		}
	}
	n.out.Reset()
}

func (n *node) receive(cl *client, data []byte, e *entry) {
	r := &received{data: slices.Clone(data), state: n.m.State(), entry: e}
	if size, err := r.msg.Decode(r.data); err != nil || size != len(data) || r.msg.ByteOrder != wire.LittleEndian {
		n.c.t.Fatalf("%s gets %x (%v)", cl.name, data, err)
	}
	if r.msg.Type.IsMembership() {
		if err := r.memb.Decode(r.msg.Type, r.msg.ByteOrder, r.msg.Payload); err != nil {
			n.c.t.Fatalf("%s gets %s: %v", cl.name, wire.Dump(data), err)
		}
	}
	cl.events = append(cl.events, r)
	if n.c.watch != nil {
		n.c.watch.received(cl, r)
	}
}

// formation is a ring that is being formed. For each old ring it has what the daemons that leave it
// together deliver on the way.
type formation struct {
	to    *stream
	parts []*part
}

// part is a transitional membership.
type part struct {
	id      wire.MembershipID
	from    *stream
	set     daemonSet
	before  int      // messages of the old ring up to here come before the transitional membership
	between []*entry // and these after it
}

// plan makes a formation of the given daemons, in which every message of the old rings is
// delivered. Before the transitional memberships, only those are that some daemon has already
// delivered.
func (c *cluster) plan(id wire.MembershipID, ranks ...int) *formation {
	slices.Sort(ranks)
	f := &formation{to: &stream{id: id, members: ranks}}
	for _, rank := range ranks {
		n := c.nodes[rank]
		i := slices.IndexFunc(f.parts, func(p *part) bool { return p.from == n.stream })
		if i < 0 {
			i = len(f.parts)
			leader := c.nodes[rank].m.cfg.Self
			f.parts = append(f.parts, &part{id: wire.MembershipID{Daemon: leader, Time: id.Time - 1}, from: n.stream})
		}
		p := f.parts[i]
		p.set = append(p.set, rank)
		p.before = max(p.before, n.at)
	}
	for _, p := range f.parts {
		p.between = p.from.log[p.before:]
	}
	c.streams = append(c.streams, f.to)
	return f
}

func (f *formation) part(rank int) *part {
	for _, p := range f.parts {
		if p.set.has(rank) {
			return p
		}
	}
	return nil
}

// install installs a ring at one daemon, in one step as far as others can see.
func (n *node) install(f *formation) {
	p := f.part(n.rank)
	n.closed = false
	for n.at < p.before {
		n.next()
	}
	n.m.HandleTransitional(p.id, n.c.ids(p.set), &n.out)
	n.done("transitional", nil)
	for _, e := range p.between {
		n.deliver(e)
	}
	n.closed = true
	n.m.HandleRegular(f.to.id, n.c.ids(f.to.members), &n.out)
	n.stream, n.at = f.to, 0
	f.to.installed++
	n.done("regular", nil)
	if n.closed {
		n.c.t.Fatalf("%s is not told what to deliver in the new ring", n.name())
	}
}

func (c *cluster) form(f *formation) {
	for _, rank := range f.to.members {
		c.nodes[rank].install(f)
	}
}

func (c *cluster) ids(set daemonSet) []wire.DaemonID {
	var ids []wire.DaemonID
	for _, r := range set {
		ids = append(ids, c.nodes[r].m.cfg.Self)
	}
	return ids
}

// run sends and delivers everything.
func (c *cluster) run() {
	for again := true; again; {
		again = false
		for _, n := range c.nodes {
			again = n.put() || again
		}
		for _, n := range c.nodes {
			for n.next() {
				again = true
			}
		}
	}
}

// reencode writes a message of the daemons in another byte order, as a daemon with that byte order
// would have made it.
func reencode(t testing.TB, b []byte, o wire.ByteOrder) []byte {
	t.Helper()
	var m wire.Message
	if n, err := m.Decode(b); err != nil || n != len(b) {
		t.Fatalf("message %x: %v", b, err)
	}
	if m.ByteOrder == o {
		return b
	}
	if m.Type&wire.Groups != 0 {
		var s wire.GroupState
		if err := s.Decode(&m); err != nil {
			t.Fatal(err)
		}
		m.Sender = wire.StateSender(o, string(s.Daemon), int(s.NumSynced))
		m.Payload = encodeState(&s, o)
	}
	m.ByteOrder = o
	return m.Append(nil)
}

func encodeState(s *wire.GroupState, o wire.ByteOrder) []byte {
	var synced []wire.DaemonID
	for _, id := range s.Synced.All() {
		synced = append(synced, id)
	}
	b := wire.AppendStateHeader(nil, o, s.Membership, synced)
	for g := range s.Groups() {
		b = wire.AppendGroupEntry(b, o, g.Name, g.ID, g.Changed, len(slices.Collect(g.Daemons())))
		for d := range g.Daemons() {
			var members []wire.Name
			for _, n := range d.Members() {
				members = append(members, *n)
			}
			b = wire.AppendGroupDaemon(b, o, d.Daemon, d.Membership, members...)
		}
	}
	return b
}
