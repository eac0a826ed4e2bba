package ring

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// layout is a configuration of the captures' README.
type layout struct {
	segments    [][]string // the daemons' addresses
	addrs       []string   // of the segments
	ports       []uint16
	accelerated bool
}

var (
	bcast    = layout{[][]string{{"10.99.0.1", "10.99.0.2", "10.99.0.3"}}, []string{"10.99.0.255"}, []uint16{4901}, false}
	bcastAcc = layout{bcast.segments, bcast.addrs, bcast.ports, true}
	mcast    = layout{bcast.segments, []string{"239.99.0.1"}, bcast.ports, false}
	mcastAcc = layout{bcast.segments, mcast.addrs, bcast.ports, true}
	twoSeg   = layout{[][]string{{"10.99.0.1", "10.99.0.2"}, {"10.99.0.3", "10.99.0.4"}}, []string{"239.99.0.1", "239.99.0.2"}, []uint16{4911, 4921}, false}
	unicast  = layout{[][]string{{"10.99.0.1"}, {"10.99.0.2"}, {"10.99.0.3"}}, []string{"10.99.0.255", "10.99.0.255", "10.99.0.255"}, []uint16{4901, 4901, 4901}, false}
)

// loss is the loss at a host according to the README: every n-th datagram of more than min UDP
// bytes to a port. The phase of the counter at the beginning of the capture is not known.
type loss struct {
	min   int
	token bool
	every int
}

// replays are the captures, and the daemons whose part is replayed.
var replays = []struct {
	file   string
	layout layout
	losses map[string]loss // by address
	skip   string          // a daemon, or half, that is not replayed
}{
	{"bcast-original-form-idle", bcast, nil, ""},
	{"bcast-original-services", bcast, nil, ""},
	{"mcast-original-load", mcast, nil, ""},
	// The message has one byte more than we send: ring-protocol §25.
	{"message-100-fragments", mcast, nil, "10.99.0.1"},
	{"two-seg-original", twoSeg, nil, ""},
	{"unicast-three-segments", unicast, nil, ""},
	{"bcast-accel-services", bcastAcc, nil, ""},
	{"mcast-accel-load", mcastAcc, nil, ""},
	{"loss-original", mcast, map[string]loss{"10.99.0.2": {200, false, 9}, "10.99.0.3": {200, false, 9}}, ""},
	{"loss-accel", mcastAcc, map[string]loss{"10.99.0.2": {200, false, 9}, "10.99.0.3": {200, false, 9}}, ""},
	{"two-seg-loss", twoSeg, map[string]loss{"10.99.0.2": {200, false, 7}, "10.99.0.4": {200, false, 7}, "10.99.0.3": {200, false, 5}}, ""},
	{"token-loss-original", mcast, map[string]loss{"10.99.0.2": {0, true, 9}, "10.99.0.1": {0, true, 11}}, ""},
	{"two-seg-token-loss", twoSeg, map[string]loss{"10.99.0.3": {0, true, 4}}, ""},
	{"evs-crash-accel", mcastAcc, map[string]loss{"10.99.0.2": {400, false, 3}}, ""},
	// The daemons reload their configuration, which gives it another hash and an accelerated ring:
	// ring-protocol §18.1. Each half is replayed.
	{"reload-accel-unset", bcast, nil, "second half"},
	{"reload-accel-unset", bcastAcc, nil, "first half"},
	// The capture begins in mid-traffic. The third daemon is killed.
	{"evs-recovery-original", mcast, map[string]loss{"10.99.0.2": {400, false, 3}}, "10.99.0.3"},
}

// TestReplay puts this machine in the place of each daemon of each capture, passes in what reached
// that daemon, and compares what it sends with what the daemon sent: every datagram, with its
// receiver, byte for byte (ring-protocol §27 items 3 and 4).
func TestReplay(t *testing.T) {
	for _, tt := range replays {
		list := readPcap(t, filepath.Join("..", "wire", "testdata", "ring", tt.file+".pcap"))
		switch tt.skip {
		case "second half":
			list, _ = halves(list)
		case "first half":
			_, list = halves(list)
		}
		for _, addr := range slices.Concat(tt.layout.segments...) {
			if addr == tt.skip {
				continue
			}
			t.Run(tt.file+"/"+addr, func(t *testing.T) {
				t.Parallel()
				l, lossy := tt.losses[addr]
				if !lossy {
					if r, err := replayAs(t, tt.layout, list, addr, loss{}, 0); err != nil {
						t.Fatalf("after %d of %d datagrams: %v", r.i, len(list), err)
					}
					return
				}
				best, why := 0, error(nil)
				for phase := range l.every {
					r, err := replayAs(t, tt.layout, list, addr, l, phase)
					if err == nil {
						return
					}
					if r.i >= best {
						best, why = r.i, err
					}
				}
				t.Errorf("whatever was lost: after %d of %d datagrams: %v", best, len(list), why)
			})
		}
	}
}

// halves splits a capture where the configuration's hash changes.
func halves(list []captured) (a, b []captured) {
	hash := func(d *captured) uint32 {
		var k wire.Token
		var p wire.Packet
		if d.to.Port()%2 == 0 && k.Decode(d.payload) == nil {
			return k.ConfHash
		}
		_ = p.Decode(d.payload)
		return p.ConfHash
	}
	i := slices.IndexFunc(list, func(d captured) bool { return hash(&d) != hash(&list[0]) })
	a, b = list[:i], slices.Clone(list[i:])
	start := b[0].at - 1e9
	for i := range b {
		b[i].at -= start
	}
	return a, b
}

// replay is one daemon's part in a capture.
type replay struct {
	t      *testing.T
	layout layout
	list   []captured
	top    *topology.Topology
	ids    map[netip.Addr]wire.DaemonID
	self   *topology.Daemon
	hash   uint32

	ring *Ring
	i    int // the datagram that is on
	// pending is what the machine has sent and the capture has not shown yet.
	pending []topology.Datagram
	bodies  [][]byte

	messages  []ownMessage
	delivered []string
	// rounds is the number of turns the daemon had taken when the capture began.
	rounds int32

	loss  loss
	count int
	cut   bool // the capture ends within a turn
	// behind is, on an accelerated ring, data that arrived after a token and that the daemon may
	// have read before it.
	token  *captured
	behind []*captured
}

// ownMessage is a message of the daemon's clients, and the place of its first packet in the order.
type ownMessage struct {
	ring    wire.MembershipID
	seq     int32
	message Message
}

func replayAs(t *testing.T, l layout, list []captured, addr string, lo loss, phase int) (*replay, error) {
	// The round counters follow from the daemon's first packet.
	r := newReplay(t, l, list, addr, lo, phase)
	err := r.run()
	if wrong, ok := errors.AsType[*roundError](err); ok {
		r = newReplay(t, l, list, addr, lo, phase)
		r.rounds = wrong.want - wrong.got
		err = r.run()
	}
	return r, err
}

func newReplay(t *testing.T, l layout, list []captured, addr string, lo loss, phase int) *replay {
	r := &replay{t: t, layout: l, list: list, ids: make(map[netip.Addr]wire.DaemonID), loss: lo, count: phase}
	for _, d := range list {
		if _, ok := r.ids[d.from]; !ok {
			r.ids[d.from] = wire.DaemonID(wire.ByteOrderOf(d.payload).Uint32(d.payload[4:]))
		}
	}
	var segments []topology.Segment
	for i, s := range l.segments {
		seg := topology.Segment{Port: l.ports[i], Addrs: []netip.Addr{netip.MustParseAddr(l.addrs[i])}}
		for _, a := range s {
			ip := netip.MustParseAddr(a)
			seg.Daemons = append(seg.Daemons, topology.Daemon{ID: r.ids[ip], Name: a, Addr: ip})
		}
		segments = append(segments, seg)
	}
	var err error
	if r.top, err = topology.New(segments); err != nil {
		t.Fatal(err)
	}
	r.self = r.top.Daemon(r.ids[netip.MustParseAddr(addr)])
	var tok wire.Token
	for _, d := range list {
		if r.isToken(&d) && tok.Decode(d.payload) == nil {
			r.hash = tok.ConfHash
			break
		}
	}
	r.ring, err = New(Config{
		Self: r.self.ID, Topology: r.top, ConfHash: r.hash,
		Accelerated: l.accelerated, Wide: len(l.segments) > 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.findMessages()
	return r
}

func (r *replay) isToken(d *captured) bool { return d.to.Port()%2 == 0 }

// isRegular reports whether a datagram is a regular token.
func (r *replay) isRegular(d *captured) bool {
	var t wire.Token
	return r.isToken(d) && t.Decode(d.payload) == nil && t.Type&wire.TokenForms == 0
}

// toSelf reports whether a datagram reached the daemon's host.
func (r *replay) toSelf(d *captured) bool {
	s := r.top.Segments()[r.self.Segment]
	return d.to.Addr() == r.self.Addr || d.to.Addr() == s.Addrs[0] && d.to.Port() == s.Port && len(s.Daemons) > 1
}

// findMessages assembles the messages of the daemon's clients from its packets, as they were first
// sent.
func (r *replay) findMessages() {
	var part []byte
	var start, highest int32
	var ring wire.MembershipID
	for i := range r.list {
		d := &r.list[i]
		var p wire.Packet
		if d.from != r.self.Addr || r.isToken(d) || p.Decode(d.payload) != nil || p.Type.Kind() != wire.KindData || p.Proc != r.self.ID {
			continue
		}
		if p.Membership != ring && (p.Seq < 100 || highest == 0) {
			ring, highest = p.Membership, 0
		}
		if p.Membership != ring || p.Seq <= highest {
			continue // a retransmission, or the packet for another segment
		}
		highest = p.Seq
		fragments := p.Fragments()
		for f, ok := fragments.Next(); ok; f, ok = fragments.Next() {
			if f.Index == 1 || f.Index == -1 {
				part, start = nil, p.Seq
			}
			part = append(part, f.Data...)
			if f.Index < 0 {
				b := slices.Clone(part)
				m := Message{Service: serviceOfMessage(wire.TypeOf(b)), Data: buf.Slice{Block: buf.Wrap(b), Hi: len(b)}}
				r.messages = append(r.messages, ownMessage{ring, start, m})
			}
		}
	}
}

// serviceOfMessage is the table of ring-protocol §7.4.
func serviceOfMessage(t wire.Type) Service {
	switch {
	case t&(wire.Unreliable|wire.Reliable) != 0:
		return Reliable
	case t&wire.FIFO != 0:
		return FIFO
	case t&(wire.Causal|wire.Agreed) != 0:
		return Agreed
	case t&wire.Safe != 0:
		return Safe
	default:
		return Agreed
	}
}

// run replays the capture.
func (r *replay) run() error {
	if !slices.ContainsFunc(r.list, func(d captured) bool {
		var p wire.Packet
		return !r.isToken(&d) && p.Decode(d.payload) == nil && p.Type&wire.PacketAlive != 0 && d.at < 2e9
	}) {
		r.startIdle()
		r.fillTable()
	}
	last := len(r.list) - 1
	for r.list[last].from != r.self.Addr {
		last-- // it may have been killed
	}
	for r.i = range r.list[:last+1] {
		d := &r.list[r.i]
		if r.i == 0 && r.ring.seq.highest > r.ring.seq.aru && d.from == r.self.Addr {
			continue // the state is that after this token
		}
		var err error
		if at := r.ring.deadlines.loss; at != 0 && d.at >= at {
			r.ring.Advance(d.at, new(Effects))
		}
		switch {
		case d.from == r.self.Addr:
			err = r.sent(d)
		case r.toSelf(d) && !r.lost(d):
			err = r.received(d)
		}
		if err == nil {
			err = r.ring.check()
		}
		if err != nil {
			return fmt.Errorf("datagram %d at %v: %w", r.i+1, d.at, err)
		}
	}
	if len(r.pending) > 0 && !r.cut {
		return fmt.Errorf("datagrams that were not sent: %s", r.describe(&r.pending[0], r.bodies[0]))
	}
	return r.checkDelivered()
}

// lost decides whether the host dropped a datagram. It also counts the host's own multicasts, but
// those are handled by sent.
func (r *replay) lost(d *captured) bool {
	if r.loss.every == 0 || r.loss.token != r.isToken(d) || len(d.payload)+8 <= r.loss.min {
		return false
	}
	r.count++
	return r.count%r.loss.every == 0
}

// startIdle sets the state of a daemon whose capture begins with an idle ring: everything is
// stable, and the leader holds the token.
func (r *replay) startIdle() {
	var first wire.Token
	i := slices.IndexFunc(r.list, func(d captured) bool { return r.isToken(&d) && d.from == r.self.Addr })
	if err := first.Decode(r.list[i].payload); err != nil {
		r.t.Fatal(err)
	}
	var leaders wire.Token
	j := slices.IndexFunc(r.list, func(d captured) bool { return r.isToken(&d) })
	if err := leaders.Decode(r.list[j].payload); err != nil {
		r.t.Fatal(err)
	}
	g := r.ring
	var members []wire.DaemonID
	for _, d := range r.top.Daemons() {
		members = append(members, d.ID)
	}
	g.route = newRoute(r.top, r.self.ID, members)
	g.id = leaders.Membership
	g.state, g.level = Operational, Everything
	g.stats.MembershipChanges = 1
	seq := leaders.Seq
	g.seq.highest, g.seq.myAru, g.seq.aru, g.seq.lastDiscarded, g.seq.lastDelivered = seq, seq, seq, seq, seq
	g.token.stableTurns, g.token.turns = 100, r.rounds
	g.token.last = leaders
	g.token.last.Type, g.token.last.Body = 0, nil
	g.token.last.Transmitter = r.self.ID
	arq := leaders.Type.ARQ()
	if !g.route.leads {
		arq-- // of the round before
	}
	g.token.last.Type = g.token.last.Type.WithARQ(arq)
	g.restartLoss(r.list[0].at)
	g.restartHurry(r.list[0].at)
	if g.route.leads {
		g.deadlines.hurry = r.list[0].at // or when it may have been
	}
}

// sent compares a datagram that the daemon sent with what the machine sends.
func (r *replay) sent(d *captured) error {
	var p wire.Packet
	if r.isToken(d) {
		var t wire.Token
		if err := t.Decode(d.payload); err != nil {
			return err
		}
		if t.Type&wire.TokenForms != 0 {
			return r.sentForm(d, &t)
		}
	} else if err := p.Decode(d.payload); err != nil {
		return err
	} else if !isOurs(&p) {
		return nil
	}
	if r.loss.every > 0 && !r.loss.token && !r.isToken(d) && r.toSelf(d) {
		r.lost(d) // one's own multicast is counted, and dropped by its reader if it was not
	}
	for range 3 { // a token that is held, then what lets it go
		if len(r.pending) > 0 {
			break
		}
		if err := r.provoke(d); err != nil {
			return err
		}
	}
	return r.compare(d)
}

// provoke performs the event that makes the daemon send by itself: a timer, a message of a client,
// or a token that waited for data behind it.
func (r *replay) provoke(d *captured) error {
	if r.token != nil {
		return r.turnBehind()
	}
	if at := r.ring.Deadline(); at != 0 && at <= d.at.Add(2e6) {
		return r.step(func(out *Effects) { r.ring.Advance(max(at, d.at), out) })
	}
	// A client's message made the daemon hurry, or release the token.
	if len(r.messages) > 0 {
		return r.submit(d.at, 1)
	}
	if r.ring.route.leads && r.ring.idle() {
		// So did a message whose packet is no longer in the capture.
		return r.step(func(out *Effects) { r.ring.letGo(d.at, out) })
	}
	return fmt.Errorf("the machine sends nothing, and has no reason to")
}

// isOurs reports whether a packet belongs to the ring, rather than the membership or a monitor.
func isOurs(p *wire.Packet) bool {
	k := p.Type.Kind()
	return k == wire.KindData || k == wire.KindHurry
}

func (r *replay) submit(at clock.Time, n int) error {
	return r.step(func(out *Effects) {
		for _, m := range r.messages[:n] {
			if !r.ring.Submit(at, m.message, out) {
				r.t.Fatal("a message was refused")
			}
		}
		r.messages = r.messages[n:]
	})
}

// step runs the machine and keeps what it sends. It does not release blocks, so bodies stay valid.
func (r *replay) step(f func(out *Effects)) error {
	var out Effects
	refused := r.ring.counts[MessageRefused]
	f(&out)
	for _, d := range out.Sends {
		r.pending = append(r.pending, d)
		r.bodies = append(r.bodies, slices.Clone(d.Body))
	}
	if r.ring.counts[MessageRefused] != refused {
		return fmt.Errorf("a client's message is refused")
	}
	for _, e := range out.Events {
		switch e.Kind {
		case Regular:
			r.ring.SetDelivery(1, Everything, &out)
		case Deliver:
			r.delivered = append(r.delivered, string(e.Message.Data.Bytes()))
		default:
		}
	}
	return nil
}

// received passes to the machine what reached the daemon.
func (r *replay) received(d *captured) error {
	if at := r.ring.Deadline(); at != 0 && d.at > at.Add(50e6) {
		return fmt.Errorf("a timer was due at %v and the daemon did nothing", at)
	}
	if !r.isToken(d) {
		if r.token != nil {
			r.behind = append(r.behind, d)
			return nil
		}
		return r.data(r.ring, d)
	}
	var t wire.Token
	if err := t.Decode(d.payload); err != nil {
		return err
	}
	if t.Type&wire.TokenForms != 0 {
		return r.receivedForm(&t)
	}
	if r.token != nil {
		if err := r.turnBehind(); err != nil {
			return err
		}
	}
	if n := r.due(); n > 0 {
		// These messages arrived while the token was on its way, or hurried it, as the capture has
		// shown before.
		for _, m := range r.messages[:n] {
			r.ring.sending.users.push(m.message)
		}
		r.messages = r.messages[n:]
	}
	if r.layout.accelerated {
		// What the daemon sends next shows how much of what follows it read before the token.
		r.token, r.behind = d, nil
		return nil
	}
	return r.step(func(out *Effects) { r.ring.HandleToken(d.at, &t, out) })
}

// due returns how many of the clients' messages the daemon had when the token arrived: those that
// begin in a packet which the token counts that the daemon sent then.
func (r *replay) due() int {
	var now, next wire.Token
	if now.Decode(r.list[r.i].payload) != nil {
		return 0
	}
	arq := now.Type.ARQ()
	if r.ring.route.leads {
		arq++
	}
	i := slices.IndexFunc(r.list[r.i:], func(d captured) bool {
		return d.from == r.self.Addr && r.isRegular(&d) && next.Decode(d.payload) == nil && next.Type.ARQ() == arq&0xf
	})
	if i < 0 {
		// The capture ends within this turn.
		r.cut = true
		return len(r.messages)
	}
	n := 0
	for n < len(r.messages) && r.messages[n].ring == next.Membership && r.messages[n].seq <= next.Seq {
		n++
	}
	return n
}

func (r *replay) data(g *Ring, d *captured) error {
	var p wire.Packet
	b := slices.Clone(d.payload)
	if err := p.Decode(b); err != nil {
		return err
	}
	if !isOurs(&p) {
		return nil
	}
	if p.Type&wire.PacketRouted != 0 {
		p.Type &^= wire.PacketRouted
		r.relay(&p)
	}
	if p.Type.Kind() == wire.KindHurry {
		return r.step(func(out *Effects) { g.HandleHurry(d.at, &p, out) })
	}
	return r.step(func(out *Effects) {
		g.HandlePacket(d.at, &p, buf.Slice{Block: buf.Wrap(b), Hi: len(b)}, out)
	})
}

// relay does what the engine does with a routed packet: it repeats it to its segment at once
// (ring-protocol §10.3).
func (r *replay) relay(p *wire.Packet) {
	if len(r.top.Segments()[r.self.Segment].Daemons) == 1 {
		return
	}
	relay := *p
	relay.Transmitter = r.self.ID
	g := topology.Datagram{To: topology.ToSegment(r.self.Segment)}
	relay.AppendHeader(g.Head[:0], len(p.Body))
	r.pending = append(r.pending, g)
	r.bodies = append(r.bodies, slices.Clone(p.Body))
}
