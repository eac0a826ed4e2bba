package membership

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/wire"
)

// FuzzInputs passes any inputs to a machine in any state. The properties: it does not panic, its
// variables agree, and a peer finds nothing wrong with what it sends (membership-protocol §13, S8).
//
// The input is a sequence of commands: a letter, a length, and that number of bytes.
func FuzzInputs(f *testing.F) {
	f.Add([]byte("t\x01\x05t\x01\x05"), uint8(0))
	f.Add([]byte("a\x01\x01t\x01\x0aj\x09\x02\x05\x02\x01\x00t\x01\xff"), uint8(3))
	f.Add(command('F', []byte("\x00\x01\x02\x03\x00\x01\x01\x01")), uint8(3))
	stop := wire.Packet{Type: wire.PacketRefer, Proc: 2, Membership: wire.MembershipID{Daemon: 2}}
	f.Add(command('p', stop.Append(nil)), uint8(0x80))
	f.Add([]byte("a\x01\x01j\x03\x01\x01\x02t\x01\x0a"), uint8(0x81))
	f.Add([]byte("r\x01\x00\x01r\x01\x00\x01t\x01\x00\x01h\x01\x00\x01"), uint8(0x80))
	for i := range tableStates {
		// These are valid tokens for each state, for the fuzzer to alter.
		b := newBench(f, "B", "ABC", "DE")
		v := form1(b)
		f.Add(command('1', v.Append(nil, wire.LittleEndian, wire.TokenForm1)), uint8(i))
		v = form2(b)
		f.Add(command('2', v.Append(nil, wire.LittleEndian, wire.TokenForm2)), uint8(i))
	}
	blind.Fuzz(f, func(t *testing.T, in []byte, state uint8) {
		b := tableStates[int(state&0x7f)%len(tableStates)].make(t)
		b.cfg.Early = state&0x80 != 0
		peer := newBench(t, b.other("CE"), "ABC", "DE")
		for len(in) >= 3 {
			n := min(int(binary.LittleEndian.Uint16(in[1:])), len(in)-3)
			b.command(in[0], in[3:3+n])
			in = in[3+n:]
			b.carryOut(peer)
		}
	})
}

func command(c byte, arg []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{c}, uint16(len(arg))), arg...)
}

// some returns one of the daemons, or one that is not configured.
func (b *bench) some(i byte) wire.DaemonID { return wire.DaemonID(i % 7) }

func (b *bench) command(c byte, arg []byte) {
	at := func(i int) byte {
		if i < len(arg) {
			return arg[i]
		}
		return 0
	}
	switch c {
	case 'a': // ALIVE
		p := wire.Packet{Type: wire.PacketAlive, Proc: b.some(at(0)), Body: wire.AppendMembers(nil, 0, 0)}
		b.HandlePacket(b.now, 1000, &p, &b.out)
	case 'r': // a refused datagram
		b.HandleRefused(b.now, 1000, b.some(at(0)), &b.out)
	case 'h': // a hello, and one of this daemon
		b.HandleHello(&wire.Packet{Proc: b.some(at(0)), Seq: helloSeq})
		b.Probe(b.now, &b.out)
	case 'j': // JOIN
		var reps []wire.Rep
		for i := 0; i+1 < len(arg); i += 2 {
			reps = append(reps, wire.Rep{Daemon: b.some(arg[i]), Kind: wire.RepKind(arg[i+1] % 4)})
		}
		p := wire.Packet{Type: wire.PacketJoin, Proc: b.some(at(0)), Body: wire.AppendReps(wire.AppendMembers(nil, 0, 0), 0, 0, reps...)}
		b.HandlePacket(b.now, 1000, &p, &b.out)
	case 'p', 'd', 'f': // any packet; any foreign one; any form token
		if c == 'f' {
			var t wire.Token
			if t.Decode(arg) == nil {
				b.HandleForm(b.now, 1000, &t, &b.out)
			}
			return
		}
		var p wire.Packet
		if p.Decode(arg) == nil {
			if c == 'p' {
				b.HandlePacket(b.now, 1000, &p, &b.out)
			} else {
				b.HandleForeign(b.now, 1000, &p, &b.out)
			}
		}
	case '1', '2': // a form token with any body, big-endian if it ends in a 1
		t := wire.Token{Type: wire.TokenForm1, Transmitter: b.some(at(0)), Membership: attempt, Seq: 3333, Body: arg}
		if c == '2' {
			t.Type = wire.TokenForm2
			t.Membership = b.attempt
		}
		if len(arg) > 0 && arg[len(arg)-1] == 1 {
			t.ByteOrder = wire.BigEndian
		}
		b.HandleForm(b.now, 1000, &t, &b.out)
	case 'F': // a form token that is nearly good
		i := -1
		b.plausible(func(n int) int {
			i++
			return int(at(i)) % n
		})
	case 't': // time, in 50 ms
		b.now = b.now.Add(time.Duration(at(0)) * 50 * time.Millisecond)
		b.Advance(b.now, 1000+int32(b.now/1e9), &b.out)
	case 'n': // numbers of the ring
		if b.State() == StateForm {
			b.ring.highest += int32(at(0)) // what comes after FORM1 has passed
			return
		}
		*b.ring = oldRing{aru: int32(at(0)), highest: int32(at(0)) + int32(at(1))<<4}
		for i := range at(2) {
			if s := b.ring.aru + 1 + int32(i)*int32(at(3)); s <= b.ring.highest && at(3) > 0 {
				b.ring.missing = append(b.ring.missing, s)
			}
		}
	case 'c':
		b.HandleCommitted()
	case 'i':
		if b.HandleInstalled(b.now, 1000, &b.out) == Accepted {
			*b.ring = oldRing{}
		}
	case 'l':
		b.HandleTokenLost(b.now, 1000, Cause(1+at(0)%byte(NumCauses-1)), &b.out)
	}
}

// plausible passes in a form token whose parts fit this daemon and its ring, most of the time. pick
// returns a number below n.
func (b *bench) plausible(pick func(n int) int) {
	d := b.top.Daemons()
	ids := func(most int) (list []wire.DaemonID) {
		first := pick(len(d))
		for i := range pick(most + 1) {
			list = append(list, d[(first+i)%len(d)].ID)
		}
		return list
	}
	t := wire.Token{Type: wire.TokenForm1, Transmitter: d[pick(len(d))].ID, Membership: attempt, Seq: 3333 + int32(pick(2000))}
	t.Membership.Time += int32(pick(3))
	v := wire.FormValue{Members: ids(4), RepIndex: int16(pick(4))}
	if pick(4) > 0 {
		v.Pending = append(b.self(), ids(2)...)
	}
	for range pick(4) {
		v.Reps = append(v.Reps, wire.Rep{Daemon: d[pick(len(d))].ID, Kind: wire.RepKind(1 + pick(2))})
	}
	if pick(2) == 0 {
		t.Type = wire.TokenForm2
		if pick(4) > 0 {
			t.Membership = b.attempt
		}
		v.ID = wire.MembershipID{Daemon: d[pick(len(d))].ID, Time: 1000 + int32(pick(5))}
		b.top.Sort(v.Pending)
	}
	own := b.ownEntry
	for range 1 + pick(3) {
		r := wire.RingValue{Membership: wire.MembershipID{Daemon: d[pick(len(d))].ID, Time: int32(pick(2)) - 1}, TransTime: int32(pick(2))}
		switch pick(3) {
		case 0:
			r.Membership = b.installedID
			r.Aru, r.HighestSeq = b.ring.aru, b.ring.highest
		case 1:
			if own.NumTrans > 0 {
				r = own
				r.Commit = slices.Clone(own.Commit)
				r.HighestSeq += int32(pick(3))
			}
		}
		if n := r.HighestSeq - r.Aru; n > 0 && pick(2) == 0 {
			r.Holes = append(slices.Clone(r.Holes), r.Aru+1+int32(pick(int(n))))
		}
		if len(r.Commit) == 0 {
			r.Commit = append(ids(2), d[pick(len(d))].ID)
			r.NumTrans = 1 + pick(len(r.Commit))
		}
		v.Rings = append(v.Rings, r)
	}
	if len(v.Members) > 0 && pick(4) > 0 {
		v.Reps = append([]wire.Rep{{Daemon: v.Members[0], Kind: wire.RepSegment}}, v.Reps...)
	}
	t.Body = v.Append(nil, wire.LittleEndian, t.Type)
	b.HandleForm(b.now, 1000, &t, &b.out)
}

// TestHammer does what FuzzInputs does, with inputs that get past the checks.
func TestHammer(t *testing.T) {
	accepted := uint64(0)
	causes := [NumCauses]uint64{}
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		b := tableStates[seed%uint64(len(tableStates))].make(t)
		peer := newBench(t, b.other("CE"), "ABC", "DE")
		for range 60 {
			if rnd.IntN(2) == 0 {
				b.plausible(rnd.IntN)
			} else {
				arg := make([]byte, 1+rnd.IntN(6))
				for i := range arg {
					arg[i] = byte(rnd.Uint32())
				}
				b.command("aajjttnncil"[rnd.IntN(11)], arg)
			}
			b.carryOut(peer)
		}
		st := b.Stats()
		accepted += st.Reasons[Accepted]
		for c, n := range st.Causes {
			causes[c] += n
		}
	}
	if accepted < 8_000 {
		t.Errorf("only %d inputs were accepted: the hammer misses", accepted)
	}
	for _, c := range []Cause{CauseForm1, CauseForm2, CauseInstalled, CauseForced, CauseAlive, CauseJoin, CauseNewcomer, CauseFormTimeout} {
		if causes[c] == 0 {
			t.Errorf("never: %v", c)
		}
	}
}

// carryOut checks the machine's effects as a peer would.
func (b *bench) carryOut(peer *bench) {
	b.t.Helper()
	b.check()
	for _, s := range b.out.Sends {
		raw := s.Append(nil)
		if s.To.Daemon == b.cfg.Self {
			b.t.Fatalf("sends itself %x", raw)
		}
		if s.To.Token {
			var t wire.Token
			if err := t.Decode(raw); err != nil || len(raw) > wire.MaxTokenBody+wire.TokenHeaderLen {
				b.t.Fatalf("%d bytes: %v", len(raw), err)
			}
			e := &event{token: &t}
			if _, v := peer.checkForm(e); v != Accepted {
				b.t.Fatalf("a peer refuses as %v: %s", v, dumper{b.top}.datagram(true, raw))
			}
			continue
		}
		var p wire.Packet
		if err := p.Decode(raw); err != nil {
			b.t.Fatal(err)
		}
		if p.Type.Kind() != wire.KindMembership {
			continue // passed on
		}
		if _, v := peer.checkPacket(&event{packet: &p}); v != Accepted && v != OwnInput && v != OtherSegment {
			b.t.Fatalf("a peer refuses as %v: %s", v, dumper{b.top}.datagram(false, raw))
		}
	}
	for _, a := range b.out.RingCommands {
		r := a.Recovery
		if a.Kind != Recover {
			continue
		}
		if r.Aru > b.ring.MyAru() && b.dispute.count <= maxDisputes || r.Highest < b.ownEntry.HighestSeq || r.LastSeq <= r.Highest {
			b.t.Fatalf("cannot recover %+v with packets %+v", r, *b.ring)
		}
		for i, h := range r.Holes {
			if h <= r.Aru || h > r.Highest || i > 0 && h <= r.Holes[i-1] || b.ring.Has(h) && h <= b.ownEntry.HighestSeq {
				b.t.Fatalf("hole %d of %+v with packets %+v", h, r, *b.ring)
			}
		}
		if len(r.Members) == 1 { // installs at once
			b.HandleCommitted()
			b.HandleInstalled(b.now, 1000, &b.out)
			*b.ring = oldRing{}
			b.check()
		}
	}
	b.reset()
}
