package membership

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/testkit/pcap"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Captures of C daemons: a machine gets, as daemon X, what reached X, at the times of the capture,
// and must send what X sent.

// capture adds what a capture does not show: which links were cut, and what was lost.
type capture struct {
	file string
	two  bool // two segments
	cuts []cut
	// lossy reports that data packets were dropped on receipt. The numbers of the ring are then
	// taken from the daemon's own form tokens.
	lossy bool
	// delay was added to each token on receipt.
	delay time.Duration
	// before is how long before the capture the last token had come, or the daemon had started.
	before time.Duration
}

// cut is a time, in seconds, when some daemons did not hear the others.
type cut struct {
	from, to float64
	part     string // digits of the daemons on one side
	unseen   bool   // what they sent is not in the capture
}

const forEver = 1e6

var captures = []capture{
	{file: "start3"},
	{file: "groups"},
	{file: "crash"},
	{file: "restart"},
	{file: "add2"},
	{file: "partition", cuts: []cut{{0.6, forEver, "12", false}}},
	{file: "merge", cuts: []cut{{0, 1.8, "12", false}}},
	{file: "idlemerge", cuts: []cut{{0.6, 20, "12", false}}},
	{file: "bigstate"},
	{file: "cascade", lossy: true, delay: 60 * time.Millisecond},
	{file: "lossy_crash", lossy: true, delay: 40 * time.Millisecond},
	{file: "monitor", lossy: true},
	{file: "ggt_newcomer", lossy: true, delay: 60 * time.Millisecond},
	{file: "ggt_member", lossy: true, delay: 60 * time.Millisecond, before: 250 * time.Millisecond},
	{file: "two_start", two: true},
	{file: "two_refer", two: true},
	{file: "two_refer2", two: true},
	{file: "two_foreign", two: true, before: 1501 * time.Millisecond, cuts: []cut{{0, 13, "5", true}}},
	{file: "two_leader_crash", two: true},
	{file: "two_partition", two: true, cuts: []cut{{0.4, 20, "12", false}}},
}

var captureIDs = []wire.DaemonID{1512122152, 1704903263, 1404050750, 2670016427, 2633150978}

func (c *capture) topology(t testing.TB) *topology.Topology {
	var d []topology.Daemon
	for i, id := range captureIDs {
		d = append(d, topology.Daemon{ID: id, Name: fmt.Sprintf("m%d", i+1), Addr: netip.AddrFrom4([4]byte{10, 98, 0, byte(i + 1)})})
	}
	segs := []topology.Segment{{Port: 4831, Addrs: []netip.Addr{netip.MustParseAddr("10.98.0.255")}, Daemons: d}}
	if c.two {
		segs = []topology.Segment{
			{Port: 4841, Addrs: []netip.Addr{netip.MustParseAddr("239.98.0.1")}, Daemons: d[:2]},
			{Port: 4851, Addrs: []netip.Addr{netip.MustParseAddr("239.98.0.2")}, Daemons: d[2:]},
		}
	}
	top, err := topology.New(segs)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func (c *capture) confHash() uint32 {
	if c.two {
		return 3299445627
	}
	return 3633947990
}

func TestReplay(t *testing.T) {
	total := 0
	defer func() {
		// That is everything in the captures, except what goes to monitors and within rings.
		if want := 1154; total != want && !t.Failed() {
			t.Errorf("%d datagrams compared, want %d", total, want)
		}
	}()
	for _, c := range captures {
		t.Run(c.file, func(t *testing.T) {
			list := pcap.Read(t, filepath.Join("..", "wire", "testdata", "membership", c.file+".pcap"))
			top := c.topology(t)
			for i, d := range top.Daemons() {
				if slices.ContainsFunc(list, func(o pcap.Datagram) bool { return o.From.Addr() == d.Addr }) {
					t.Run(d.Name, func(t *testing.T) {
						r := &replay{t: t, c: &c, top: top, self: &top.Daemons()[i], list: list}
						r.run()
						total += len(r.sent)
					})
				}
			}
		})
	}
}

// replay is one machine among the datagrams of a capture.
type replay struct {
	t    *testing.T
	c    *capture
	top  *topology.Topology
	self *topology.Daemon
	list []pcap.Datagram
	m    *Machine
	ring oldRing
	out  Effects

	now      clock.Time
	lossAt   clock.Time       // when the token is lost
	heldBack []*pcap.Datagram // tokens that are delayed
	sides    []int16          // a monitor's partition
	lastARQ  int              // of the token that was accepted last
	sentARQ  int              // of the token that was sent last
	lastAru  int32            // of it
	lastSeq  int32            // recovery mark
	sent     []sentLine
	captured []sentLine
}

type sentLine struct {
	at   clock.Time
	n    int // datagram of the capture
	text string
}

// origin is the moment of the first datagram.
const origin = clock.Time(time.Second)

// patience is how late a C daemon runs its timers, in addition to the delay of a token.
const patience = 15 * time.Millisecond

// wall is the capture's clock in seconds.
func (r *replay) wall(at clock.Time) int32 {
	return int32((r.list[0].Start + time.Duration(at-origin)) / time.Second)
}

func (r *replay) run() {
	m, err := New(Config{Self: r.self.ID, Topology: r.top, ConfHash: r.c.confHash(), Old: &r.ring})
	if err != nil {
		r.t.Fatal(err)
	}
	r.m = m
	id, members := r.firstRing()
	first, last := r.span()
	fresh := id.Time < 0
	if !fresh {
		r.putInRing(id, members)
	}
	for i := range r.list {
		d := &r.list[i]
		r.now = origin.Add(d.At)
		if i > last {
			break
		}
		if i < first && fresh {
			continue
		}
		if i == first && fresh {
			r.now = r.now.Add(-r.c.before)
			m.Start(r.now, r.wall(r.now), &r.out)
			r.effects(d)
			r.now = origin.Add(d.At)
		}
		for len(r.heldBack) > 0 && origin.Add(r.heldBack[0].At+r.c.delay) <= origin.Add(d.At) {
			h := r.heldBack[0]
			r.heldBack = r.heldBack[1:]
			r.now = origin.Add(h.At + r.c.delay)
			r.overdue(h, -patience-r.c.delay)
			r.receiveToken(h)
			r.effects(h)
		}
		r.now = origin.Add(d.At)
		r.overdue(d, -patience-r.c.delay)
		r.monitor(d)
		switch {
		case d.From.Addr() == r.self.Addr:
			r.own(d)
		case r.reaches(d):
			r.receive(d)
		}
		r.effects(d)
	}
	r.compare()
}

// firstRing finds the ring that the daemon is in when the capture begins.
func (r *replay) firstRing() (id wire.MembershipID, members []wire.DaemonID) {
	id = wire.MembershipID{Daemon: r.self.ID, Time: -1}
	found := false
	for i := range r.list {
		d := &r.list[i]
		if found || d.From.Addr() != r.self.Addr || !d.Token() {
			continue
		}
		tok := r.decode(d)
		if tok.Type&wire.TokenForms == 0 {
			id, found = tok.Membership, true
			continue
		}
		var f wire.Form
		if err := f.Decode(tok); err != nil {
			r.t.Fatal(err)
		}
		for _, e := range f.Value().Rings {
			if slices.Contains(e.Commit[:e.NumTrans], r.self.ID) {
				id, found = e.Membership, true
			}
		}
	}
	for i := range r.list {
		d := &r.list[i]
		var tok wire.Token
		if d.Token() && tok.Decode(d.Payload) == nil && tok.Type&wire.TokenForms == 0 && tok.Membership == id {
			members = append(members, tok.Transmitter)
		}
	}
	return id, append(members, r.self.ID)
}

// span returns the first and last datagram that the daemon sent.
func (r *replay) span() (first, last int) {
	own := func(d pcap.Datagram) bool { return d.From.Addr() == r.self.Addr }
	first = slices.IndexFunc(r.list, own)
	for i, d := range r.list {
		if own(d) {
			last = i
		}
	}
	return first, last
}

// putInRing makes the machine a member of a running ring. It is not known when the ring's leader
// looks for others next.
func (r *replay) putInRing(id wire.MembershipID, members []wire.DaemonID) {
	m := r.m
	m.started, m.alive, m.state = true, true, StateOp
	m.installed, m.installedID = r.top.Ring(members), id
	m.members = m.installed
	m.heard = nil
	r.lossAt = origin.Add(m.cfg.Timeouts.Token - r.c.before)
	r.lastARQ, r.lastAru, r.sentARQ = -1, -1, -1
}

// overdue runs the timers that were due some time ago; with a lead, it also runs those that will be
// due soon.
func (r *replay) overdue(d *pcap.Datagram, lead time.Duration) {
	for {
		due := clock.Earliest(r.m.Deadline(), r.lossAt)
		if due == 0 || due > r.now.Add(lead) {
			return
		}
		at := max(due, r.now)
		if lead < 0 {
			at = due.Add(-lead)
		}
		now := r.now
		r.now = at
		if due == r.lossAt {
			r.lossAt = 0
			r.m.HandleTokenLost(at, r.wall(at), CauseTokenTimeout, &r.out)
		} else {
			r.m.Advance(at, r.wall(at), &r.out)
		}
		r.effects(d)
		r.now = now
	}
}

// reaches reports whether the daemon heard a datagram.
func (r *replay) reaches(d *pcap.Datagram) bool {
	from := slices.IndexFunc(r.top.Daemons(), func(o topology.Daemon) bool { return o.Addr == d.From.Addr() })
	seg := r.top.Segments()[r.self.Segment]
	if d.To.Addr() != r.self.Addr && !slices.Contains(seg.Addrs, d.To.Addr()) {
		return false
	}
	if len(r.sides) > 0 && r.sides[from] != r.sides[r.self.Rank] {
		return false
	}
	for _, c := range r.c.cuts {
		in := func(i int) bool { return strings.ContainsRune(c.part, rune('1'+i)) }
		if sent := origin.Add(d.At); sent >= at(c.from) && sent < at(c.to) && in(from) != in(r.self.Rank) {
			return false
		}
	}
	return true
}

// monitor takes a monitor's partition, which goes to all daemons at the same time. The one to the
// monitor's own host is not in the capture.
func (r *replay) monitor(d *pcap.Datagram) {
	var p wire.Packet
	if d.Token() || p.Decode(d.Payload) != nil || p.Type&wire.PacketPartition == 0 {
		return
	}
	r.sides = nil
	for i := range r.top.Daemons() {
		r.sides = append(r.sides, int16(p.ByteOrder.Uint16(p.Body[2*i:])))
	}
}

func (r *replay) receive(d *pcap.Datagram) {
	if d.Token() {
		if r.c.delay > 0 {
			r.heldBack = append(r.heldBack, d)
		} else {
			r.receiveToken(d)
		}
		return
	}
	var p wire.Packet
	if err := p.Decode(d.Payload); err != nil {
		r.t.Fatal(err)
	}
	switch p.Type.Kind() {
	case wire.KindMembership:
		r.m.HandlePacket(r.now, r.wall(r.now), &p, &r.out)
	case wire.KindData:
		if p.Membership != r.m.installedID {
			r.m.HandleForeign(r.now, r.wall(r.now), &p, &r.out)
			return
		}
		r.ring.highest = max(r.ring.highest, p.Seq)
		if r.m.TokenAlive() {
			r.lossAt = r.now.Add(r.m.cfg.Timeouts.Token)
		}
	case wire.KindUnknown, wire.KindHurry, wire.KindControl:
	}
}

func (r *replay) receiveToken(d *pcap.Datagram) {
	tok := r.decode(d)
	if tok.Type&wire.TokenForms != 0 {
		if r.unknownNumbers() {
			r.takeNumbers(d.N)
		}
		r.m.HandleForm(r.now, r.wall(r.now), tok, &r.out)
	} else if r.m.TokenAlive() && tok.Membership == r.active() && int(tok.Type.ARQ()) != r.lastARQ {
		r.lastARQ = int(tok.Type.ARQ())
		r.lossAt = r.now.Add(r.m.cfg.Timeouts.Token)
	}
}

func (r *replay) decode(d *pcap.Datagram) *wire.Token {
	var tok wire.Token
	if err := tok.Decode(d.Payload); err != nil {
		r.t.Fatal(err)
	}
	return &tok
}

// active returns the id of the ring whose token is used.
func (r *replay) active() wire.MembershipID {
	if r.m.State() == StateEVS {
		return r.m.future.RegularID
	}
	return r.m.installedID
}

// own takes a datagram that the daemon sent. Those of the membership are compared; the others show
// the state of its ring.
func (r *replay) own(d *pcap.Datagram) {
	if !d.Token() {
		var p wire.Packet
		if err := p.Decode(d.Payload); err != nil {
			r.t.Fatal(err)
		}
		switch {
		case p.Type.Kind() == wire.KindMembership, p.Type.Kind() == wire.KindData && p.Membership != r.m.installedID:
			r.expect(d)
		case p.Type.Kind() == wire.KindData:
			r.ring.highest = max(r.ring.highest, p.Seq)
		}
		return
	}
	tok := r.decode(d)
	if tok.Type&wire.TokenForms != 0 {
		if r.unknownNumbers() {
			r.takeNumbers(d.N - 1)
		}
		r.expect(d)
		return
	}
	if !r.m.TokenAlive() || tok.Membership != r.active() || int(tok.Type.ARQ()) == r.sentARQ {
		return
	}
	last := r.lastAru
	r.lastAru, r.sentARQ = tok.Aru, int(tok.Type.ARQ())
	if r.m.State() == StateEVS {
		if tok.Aru == r.lastSeq {
			if last == r.lastSeq {
				r.m.HandleInstalled(r.now, r.wall(r.now), &r.out)
				r.ring = oldRing{}
				r.lastAru = 0
			} else {
				r.m.HandleCommitted()
			}
		}
		return
	}
	if last < 0 {
		last = tok.Aru
	}
	r.ring.highest = max(r.ring.highest, tok.Seq)
	r.ring.aru = max(r.ring.aru, min(last, tok.Aru, r.ring.highest))
}

// unknownNumbers reports whether the capture does not show what the daemon has of its ring: packets
// were lost on receipt, or the daemon sent its tokens to itself.
func (r *replay) unknownNumbers() bool { return r.c.lossy || r.m.installed.Len() == 1 }

// takeNumbers takes what the daemon has of its ring from its later form tokens.
func (r *replay) takeNumbers(after int) {
	for i := range r.list[after:] {
		d := &r.list[after+i]
		if d.From.Addr() != r.self.Addr || !d.Token() {
			continue
		}
		tok := r.decode(d)
		if tok.Type&wire.TokenForms == 0 {
			continue
		}
		var f wire.Form
		if err := f.Decode(tok); err != nil {
			r.t.Fatal(err)
		}
		for _, e := range f.Value().Rings {
			if e.Membership == r.m.installedID && r.m.State() != StateEVS {
				r.ring = oldRing{aru: e.Aru, highest: e.HighestSeq, missing: e.Holes}
			}
		}
		return
	}
}

// expect adds a datagram that the machine should send, and runs its timers.
func (r *replay) expect(d *pcap.Datagram) {
	r.overdue(d, patience)
	r.captured = append(r.captured, sentLine{r.now, d.N, r.target(d) + " " + dumper{r.top}.datagram(d.Token(), d.Payload)})
}

// unseen reports whether what the daemon sends now is not in the capture.
func (r *replay) unseen() bool {
	for _, c := range r.c.cuts {
		if c.unseen && strings.ContainsRune(c.part, rune('1'+r.self.Rank)) && r.now >= at(c.from) && r.now < at(c.to) {
			return true
		}
	}
	return r.now < origin
}

func at(seconds float64) clock.Time { return origin.Add(time.Duration(seconds * 1e9)) }

func (r *replay) target(d *pcap.Datagram) string {
	for _, o := range r.top.Daemons() {
		if o.Addr == d.To.Addr() {
			return o.Name
		}
	}
	return fmt.Sprintf("segment %d", r.self.Segment)
}

// effects carries out the machine's effects.
func (r *replay) effects(d *pcap.Datagram) {
	for len(r.out.RingCommands) > 0 || len(r.out.Sends) > 0 {
		for _, s := range r.out.Sends {
			if r.unseen() {
				continue
			}
			b := s.Append(nil)
			r.sent = append(r.sent, sentLine{at: r.now, text: dumper{r.top}.target(s.To) + " " + dumper{r.top}.datagram(s.To.Token, b)})
		}
		actions := slices.Clone(r.out.RingCommands)
		r.out.Reset()
		for _, a := range actions {
			switch a.Kind {
			case StopRing:
				r.lossAt = 0
			case Recover:
				r.lastSeq, r.lastAru, r.lastARQ, r.sentARQ = a.Recovery.LastSeq, 0, -1, -1
				r.lossAt = r.now.Add(r.m.cfg.Timeouts.Token)
				if len(a.Recovery.Members) == 1 {
					r.lossAt = 0
					r.m.HandleCommitted()
					r.m.HandleInstalled(r.now, r.wall(r.now), &r.out)
					r.ring = oldRing{}
				}
			}
		}
	}
	r.out.Reset()
	if err := r.m.Check(); err != nil {
		r.t.Fatalf("datagram %d: %v", d.N, err)
	}
}

func (r *replay) compare() {
	for i := range max(len(r.sent), len(r.captured)) {
		switch {
		case i >= len(r.sent):
			r.t.Fatalf("missing, datagram %d at %v: %s", r.captured[i].n, r.captured[i].at.Sub(origin), r.captured[i].text)
		case i >= len(r.captured):
			r.t.Fatalf("too much, at %v: %s", r.sent[i].at.Sub(origin), r.sent[i].text)
		case r.blur(r.sent[i].text, r.captured[i].at) != r.blur(r.captured[i].text, r.captured[i].at):
			r.t.Fatalf("datagram %d at %v:\n%s\nsent at %v\n%s", r.captured[i].n, r.captured[i].at.Sub(origin), r.captured[i].text,
				r.sent[i].at.Sub(origin), r.sent[i].text)
		}
		if late := r.captured[i].at.Sub(r.sent[i].at).Abs(); late > 30*time.Millisecond+r.c.delay {
			r.t.Errorf("datagram %d is %v off", r.captured[i].n, late)
		}
	}
}

// blur removes, from the lists of an ALIVE or JOIN, daemons that were heard at the same moment,
// because the order in which a daemon read them is not known. It also removes the lists' order.
func (r *replay) blur(text string, at clock.Time) string {
	f := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" []", c) })
	if f[1] != "JOIN" && f[2] != "ALIVE" && f[2] != "JOIN" {
		return text
	}
	var near []string
	for _, d := range r.list {
		if at.Sub(origin.Add(d.At)).Abs() < 2*time.Millisecond && d.From.Addr() != r.self.Addr {
			near = append(near, r.top.Daemons()[slices.IndexFunc(r.top.Daemons(), func(o topology.Daemon) bool { return o.Addr == d.From.Addr() })].Name)
		}
	}
	rest := slices.DeleteFunc(f[1:], func(s string) bool {
		name, _, _ := strings.Cut(s, ":")
		return slices.Contains(near, name)
	})
	slices.Sort(rest)
	return f[0] + " " + strings.Join(rest, " ")
}
