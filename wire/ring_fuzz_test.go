package wire

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/pcap"
)

// These targets are for the insides of packets and tokens, which FuzzPacket and FuzzToken rarely
// reach. They check what fuzz_test.go lists. Input is clipped, so that reading beyond it panics.

func orderOf(big bool) ByteOrder {
	if big {
		return BigEndian
	}
	return LittleEndian
}

// packetSeeds calls add for some packets of each capture, and tokenSeeds for some tokens.
func packetSeeds(f *testing.F, wanted func(*Packet) bool, add func(*Packet)) {
	f.Helper()
	seedBodies(f, false, func(b []byte) bool {
		var p Packet
		if p.Decode(b) != nil || !wanted(&p) {
			return false
		}
		add(&p)
		return true
	})
}

func tokenSeeds(f *testing.F, wanted func(*Token) bool, add func(*Token)) {
	f.Helper()
	seedBodies(f, true, func(b []byte) bool {
		var tok Token
		if tok.Decode(b) != nil || !wanted(&tok) {
			return false
		}
		add(&tok)
		return true
	})
}

// seedBodies offers datagrams until four of each file are taken: a capture has hundreds, which add
// little.
func seedBodies(f *testing.F, tokens bool, take func([]byte) bool) {
	f.Helper()
	const each = 4
	total := 0
	files, err := filepath.Glob("testdata/*/*.pcap")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		list, taken := pcap.Read(f, file), 0
		for i := range list {
			if taken < each && list[i].Token() == tokens && take(list[i].Payload) {
				taken++
			}
		}
		total += taken
	}
	if total == 0 {
		f.Fatal("no such datagram in the captures")
	}
}

func isType(t RingType) func(*Packet) bool {
	return func(p *Packet) bool { return p.Type&t != 0 }
}

func FuzzGather(f *testing.F) {
	packetSeeds(f, isType(PacketAlive|PacketJoin), func(p *Packet) {
		f.Add(p.Body, p.ByteOrder == BigEndian, p.Type&PacketJoin != 0)
	})
	f.Add([]byte{0xff, 0x7f, 0, 0}, false, false)             // more members than a list may have
	f.Add([]byte{0xff, 0xff, 0, 0}, false, true)              // less than none
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0}, true, true)         // nobody speaks
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0}, true, false)        // an ALIVE with something behind it
	f.Add([]byte{1, 0, 0, 0, 9, 9, 9, 9, 2, 0}, false, true)  // cut within the second list
	f.Add([]byte{0, 1, 0, 0, 9, 9, 9, 9, 0, 26}, true, true)  // cut, with too many
	f.Add([]byte{0, 1, 0, 5, 9, 9, 9, 9}, true, false)        // members to be asked still
	f.Add(append([]byte{128, 0, 0, 0}, make([]byte, 512)...), // as many as may be
		false, false)
	blind.Fuzz(f, func(t *testing.T, body []byte, big, join bool) {
		p := Packet{ByteOrder: orderOf(big), Type: PacketAlive, Body: slices.Clip(body)}
		if join {
			p.Type = PacketJoin
		}
		var g Gather
		err := g.Decode(&p)
		checkAllocs(t, func() error { return g.Decode(&p) })
		if err != nil {
			checkFailure(t, err, make([]byte, PacketHeaderLen+len(body)))
			return
		}
		var members []DaemonID
		for i, id := range g.Members.All() {
			if id != g.Members.At(i) {
				t.Fatalf("member %d is %v and %v", i, id, g.Members.At(i))
			}
			members = append(members, id)
		}
		again := AppendMembers(nil, p.ByteOrder, g.Pending, members...)
		if join {
			var reps []Rep
			for _, r := range g.Reps.All() {
				reps = append(reps, r)
			}
			again = AppendReps(again, p.ByteOrder, g.RepIndex, reps...)
		}
		wantBytes(t, again, body)
		if len(members) > MaxMembersOfList || g.Reps.Len() > MaxReps {
			t.Errorf("%d members, %d representatives", len(members), g.Reps.Len())
		}
	})
}

func FuzzForm(f *testing.F) {
	tokenSeeds(f, func(tok *Token) bool { return tok.Type&TokenForms != 0 }, func(tok *Token) {
		f.Add(tok.Body, tok.ByteOrder == BigEndian, tok.Type&TokenForm1 != 0)
	})
	f.Add(make([]byte, fixedMembersLen+fixedRepsLen+4), false, true) // nobody, no ring
	f.Add(make([]byte, fixedMembersLen+form2IDLen+3), true, false)   // one byte short
	blind.Fuzz(f, func(t *testing.T, body []byte, big, form1 bool) {
		if len(body) > MaxTokenBody {
			return // no datagram
		}
		tok := Token{ByteOrder: orderOf(big), Type: TokenForm2, Body: slices.Clip(body)}
		if form1 {
			tok.Type = TokenForm1
		}
		var form Form
		err := form.Decode(&tok)
		checkAllocs(t, func() error { return form.Decode(&tok) })
		if err != nil {
			checkFailure(t, err, make([]byte, TokenHeaderLen+len(body)))
			return
		}
		v := form.Value()
		if len(v.Members)+len(v.Pending) > MaxMembersOfList || len(v.Reps) > MaxReps || len(v.Rings) > MaxRings || len(v.Rings) != form.NumRings {
			t.Fatalf("%d and %d members, %d representatives, %d of %d rings",
				len(v.Members), len(v.Pending), len(v.Reps), len(v.Rings), form.NumRings)
		}
		for i, r := range v.Rings {
			if len(r.Holes) > MaxHoles || r.NumTrans < 1 || r.NumTrans > len(r.Commit) || len(r.Commit) > MaxMembersOfList {
				t.Errorf("ring %d: %d holes, %d of %d stay together", i, len(r.Holes), r.NumTrans, len(r.Commit))
			}
		}
		// Noise is encoded as zeros. Everything else, and the length, is unchanged.
		again := v.Append(nil, tok.ByteOrder, tok.Type)
		if len(again) != len(body) {
			t.Fatalf("%d bytes came back as %d", len(body), len(again))
		}
		var form2 Form
		if err := form2.Decode(&Token{ByteOrder: tok.ByteOrder, Type: tok.Type, Body: again}); err != nil {
			t.Fatal(err)
		}
		v2 := form2.Value()
		wantBytes(t, v2.Append(nil, tok.ByteOrder, tok.Type), again)
		if !slices.Equal(v.Members, v2.Members) || !slices.Equal(v.Pending, v2.Pending) || !slices.Equal(v.Reps, v2.Reps) ||
			v.RepIndex != v2.RepIndex || v.ID != v2.ID {
			t.Errorf("%+v came back as %+v", v, v2)
		}
		wantBytes(t, form2.rings, form.rings)
	})
}

func FuzzGroupState(f *testing.F) {
	seeds := 0
	packetSeeds(f, isType(PacketServices), func(p *Packet) {
		for it := p.Fragments(); ; {
			frag, ok := it.Next()
			if !ok {
				return
			}
			var m Message
			if _, err := m.Decode(frag.Data); err == nil && m.Type&Groups != 0 {
				f.Add(m.Sender[:], m.Payload, m.ByteOrder == BigEndian)
				seeds++
			}
		}
	})
	if seeds == 0 {
		f.Fatal("no GROUPS message in the captures")
	}
	state := AppendStateHeader(nil, BigEndian, MembershipID{1, 2}, []DaemonID{1, 2})
	name := MakeName("grp")
	state = AppendGroupEntry(state, BigEndian, &name, GroupID{1, 2, 3}, true, 1)
	state = AppendGroupDaemon(state, BigEndian, 1, MembershipID{1, 2}, MakeName("#a#b"), MakeName("#c#b"))
	sender := StateSender(BigEndian, "alpha", 2)
	f.Add(sender[:], state, true)
	f.Add(sender[:], state[:len(state)-1], true)                            // the last member cut
	f.Add(sender[:], AppendStateHeader(nil, 0, MembershipID{}, nil), false) // a further message without groups
	blind.Fuzz(f, func(t *testing.T, sender, payload []byte, big bool) {
		m := Message{Header: Header{ByteOrder: orderOf(big)}, Payload: slices.Clip(payload)}
		copy(m.Sender[:], sender)
		var s GroupState
		err := s.Decode(&m)
		checkAllocs(t, func() error { return s.Decode(&m) })
		if err != nil {
			checkFailure(t, err, make([]byte, HeaderLen+len(payload)))
			return
		}
		if len(s.Daemon) > stateNameLen || bytes.IndexByte(s.Daemon, 0) >= 0 {
			t.Errorf("sender %q", s.Daemon)
		}
		var synced []DaemonID
		if s.First {
			synced = []DaemonID{}
		}
		for _, id := range s.Synced.All() {
			synced = append(synced, id)
		}
		again := AppendStateHeader(nil, m.ByteOrder, s.Membership, synced)
		for g := range s.Groups() {
			daemons := 0
			for range g.Daemons() {
				daemons++
			}
			// Any value other than zero means changed: keep the bytes of the flag.
			at := len(again) + offGroupChanged
			again = AppendGroupEntry(again, m.ByteOrder, g.Name, g.ID, g.Changed, daemons)
			if changed := m.ByteOrder.Uint16(payload[at:]) != 0; changed != g.Changed {
				t.Fatalf("changed is %v, the flag says %v", g.Changed, changed)
			}
			copy(again[at:at+2], payload[at:])
			for d := range g.Daemons() {
				var members []Name
				for _, n := range d.Members() {
					members = append(members, *n)
				}
				if len(members) != d.Len() {
					t.Fatalf("%d members, Len is %d", len(members), d.Len())
				}
				again = AppendGroupDaemon(again, m.ByteOrder, d.Daemon, d.Membership, members...)
			}
		}
		wantBytes(t, again, payload)
	})
}

func FuzzFragments(f *testing.F) {
	packetSeeds(f, isType(PacketServices), func(p *Packet) {
		f.Add(p.Body, p.First.Index, p.First.Len, p.ByteOrder == BigEndian)
	})
	f.Add([]byte("abcd\xff\xff\x00\x01e"), int16(-1), int16(4), true)           // two whole messages
	f.Add([]byte("a\x00\x00\x00\xff\xff\x00\x01e"), int16(-1), int16(1), true)  // with padding
	f.Add([]byte("a\x00\x00\x00\x01\x00\x01\x00e"), int16(-1), int16(1), false) // the second is not whole
	f.Add([]byte("abcd"), int16(1), int16(-4), false)
	blind.Fuzz(f, func(t *testing.T, body []byte, index, length int16, big bool) {
		if len(body) > MaxPacketBody {
			return // no datagram
		}
		p := Packet{ByteOrder: orderOf(big), Type: PacketReliable, First: FragmentHeader{index, length}, Body: slices.Clip(body)}
		err := p.CheckFragments()
		checkAllocs(t, p.CheckFragments)
		if err != nil {
			checkFailure(t, err, make([]byte, PacketHeaderLen+len(body)))
		}
		var again []byte
		n := 0
		for it := p.Fragments(); ; n++ {
			frag, ok := it.Next()
			if !ok {
				break
			}
			if n > len(body)/fragmentHeaderLen {
				t.Fatalf("more than %d fragments in %d bytes", n, len(body))
			}
			if int(frag.Len) != len(frag.Data) || cap(frag.Data) != len(frag.Data) {
				t.Fatalf("a fragment of %d bytes has %d of %d", frag.Len, len(frag.Data), cap(frag.Data))
			}
			if n == 0 {
				again = append(again, frag.Data...)
			} else {
				again = AppendFragment(again, 0, p.ByteOrder, frag.Index, frag.Data)
			}
		}
		if err != nil {
			return
		}
		if n == 0 {
			t.Fatal("a packet in form without a fragment")
		}
		if len(again) != len(body) {
			t.Fatalf("%d fragments of %d bytes make %d", n, len(body), len(again))
		}
		// Padding may hold anything; everything else is unchanged.
		q := Packet{ByteOrder: p.ByteOrder, Type: p.Type, First: p.First, Body: again}
		a, b := p.Fragments(), q.Fragments()
		for range n {
			x, _ := a.Next()
			y, _ := b.Next()
			if x.FragmentHeader != y.FragmentHeader || !bytes.Equal(x.Data, y.Data) {
				t.Fatalf("%v %q came back as %v %q", x.FragmentHeader, x.Data, y.FragmentHeader, y.Data)
			}
		}
	})
}

func FuzzRequests(f *testing.F) {
	tokenSeeds(f, func(tok *Token) bool { return tok.Type&TokenForms == 0 && len(tok.Body) > 0 }, func(tok *Token) {
		f.Add(tok.Body, tok.ByteOrder == BigEndian)
	})
	f.Add(AppendRequest(nil, BigEndian, MembershipID{1, 2}, NoDaemon, NoSegment, 7, 9), true)
	f.Add(AppendRequest(nil, LittleEndian, MembershipID{1, 2}, 3, 1)[:15], false) // cut
	blind.Fuzz(f, func(t *testing.T, body []byte, big bool) {
		if len(body) > MaxTokenBody {
			return // no datagram
		}
		tok := Token{ByteOrder: orderOf(big), Body: slices.Clip(body)}
		err := tok.CheckRequests()
		checkAllocs(t, tok.CheckRequests)
		if err != nil {
			checkFailure(t, err, make([]byte, TokenHeaderLen+len(body)))
		}
		var again []byte
		for it := tok.Requests(); ; {
			r, ok := it.Next()
			if !ok {
				break
			}
			seqs := make([]int32, r.NumSeqs())
			for i := range seqs {
				seqs[i] = r.Seq(i)
			}
			again = AppendRequest(again, tok.ByteOrder, r.Membership, r.Proc, r.Segment, seqs...)
		}
		if err == nil {
			wantBytes(t, again, body)
		} else if !bytes.HasPrefix(body, again) {
			t.Errorf("%x does not begin with its requests %x", body, again)
		}
	})
}
