package wire

import (
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/pcap"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTokenBytes: values beside literal bytes (ring-protocol §8).
func TestTokenBytes(t *testing.T) {
	for _, tt := range []struct {
		name, hex string
		want      Token
	}{
		{
			"first of a ring", "800000806e2246ef6e2246efef7a8d5c7014016b00000000ffffff7fffffffff00000000d420a4c7",
			Token{
				Transmitter: 0xef46226e, Proc: 0xef46226e, Membership: MembershipID{0x5c8d7aef, 1795232880},
				Aru: 0x7fffffff, AruLast: NoDaemon, ConfHash: 3349422292,
			},
		},
		{
			"hurried turn", "80001780ef7a8d5cef7a8d5cef7a8d5c7014016b0300000003000000ef7a8d5c00000000d420a4c7",
			Token{
				Type: RingType(0).WithARQ(7).WithRetrans(1), Transmitter: 0x5c8d7aef, Proc: 0x5c8d7aef,
				Membership: MembershipID{0x5c8d7aef, 1795232880}, Seq: 3, Aru: 3, AruLast: 0x5c8d7aef, ConfHash: 3349422292,
			},
		},
		{
			"big-endian", "001700005c8d7aef5c8d7aef5c8d7aef6b0114700000000300000003ffffffff00140000c7a420d4",
			Token{
				ByteOrder: BigEndian, Type: RingType(0).WithARQ(7).WithRetrans(1), Transmitter: 0x5c8d7aef, Proc: 0x5c8d7aef,
				Membership: MembershipID{0x5c8d7aef, 1795232880}, Seq: 3, Aru: 3, AruLast: NoDaemon, FlowControl: 20, ConfHash: 3349422292,
			},
		},
	} {
		b := unhex(t, tt.hex)
		var got Token
		if err := got.Decode(b); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if again := hex.EncodeToString(got.Append(nil)); again != tt.hex {
			t.Errorf("%s: encoded again as %s", tt.name, again)
		}
		got.Body = nil
		if tt.want.Append(nil); hex.EncodeToString(tt.want.Append(nil)) != tt.hex {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestRingTypeFields: the little-endian words of ring-protocol §5.
func TestRingTypeFields(t *testing.T) {
	for _, tt := range []struct {
		p    Packet
		want string
	}{
		{Packet{Type: PacketFIFO}, "84000080"},
		{Packet{Type: PacketHurry}, "c0000080"},
		{Packet{Type: PacketAgreed | PacketRouted}, "a8000080"},
		{Packet{ByteOrder: BigEndian, Type: PacketFIFO}, "00000004"},
	} {
		if got := hex.EncodeToString(tt.p.Append(nil)[:4]); got != tt.want {
			t.Errorf("type %#x is written %s, want %s", uint32(tt.p.Type), got, tt.want)
		}
	}
	tok := RingType(0).WithARQ(23).WithRetrans(1)
	if tok.ARQ() != 7 || tok.Retrans() != 1 || tok.WithARQ(8).Retrans() != 1 || tok.WithRetrans(16).Retrans() != 0 {
		t.Errorf("round number %d, retransmission count %d", tok.ARQ(), tok.Retrans())
	}
}

// TestPacketKinds: the order of classification (ring-protocol §5).
func TestPacketKinds(t *testing.T) {
	for _, tt := range []struct {
		t    RingType
		want PacketKind
	}{
		{PacketStatus | PacketJoin | PacketAgreed, KindControl},
		{PacketJoin | PacketHurry, KindMembership},
		{PacketHurry | PacketSafe, KindHurry},
		{PacketSafe, KindData},
		{PacketRouted, KindUnknown},
	} {
		if got := tt.t.Kind(); got != tt.want {
			t.Errorf("%#x is of kind %d, want %d", uint32(tt.t), got, tt.want)
		}
	}
}

// TestPackingExample: messages of 91, 92 and 93 bytes (ring-protocol §7.2).
func TestPackingExample(t *testing.T) {
	body := make([]byte, 91)
	body = AppendFragment(body, 0, LittleEndian, -1, make([]byte, 92))
	body = AppendFragment(body, 0, LittleEndian, -1, make([]byte, 93))
	if len(body) != 285 {
		t.Errorf("data_len %d, want 285", len(body))
	}
	if got := hex.EncodeToString(body[92:96]); got != "ffff5c00" {
		t.Errorf("second fragment header %s, want ffff5c00", got)
	}
	p := Packet{Type: PacketAgreed, First: FragmentHeader{-1, 91}, Body: body}
	if err := p.CheckFragments(); err != nil {
		t.Fatal(err)
	}
	it := p.Fragments()
	for _, want := range []int{91, 92, 93} {
		if f, ok := it.Next(); !ok || len(f.Data) != want || f.Index != -1 {
			t.Errorf("fragment of %d bytes, index %d, want %d bytes, -1", len(f.Data), f.Index, want)
		}
	}
	if _, ok := it.Next(); ok {
		t.Error("a fourth fragment")
	}
	if got := FragmentRoom(285); got != 1432-288-4 {
		t.Errorf("room for %d bytes behind 285, want %d", got, 1432-288-4)
	}
}

// TestMalformedBodies: what a C daemon does not check (ring-protocol §9).
func TestMalformedBodies(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first FragmentHeader
		body  string
		want  error
	}{
		{"longer than the body", FragmentHeader{-1, 5}, "01020304", ErrLength},
		{"negative length", FragmentHeader{-1, -4}, "01020304", ErrLength},
		{"index 0", FragmentHeader{0, 4}, "01020304", ErrForm},
		{"index 111", FragmentHeader{111, 4}, "01020304", ErrForm},
		{"a first part", FragmentHeader{-1, 4}, "01020304" + "01000100" + "ff", nil},
		{"behind a first part that is behind another", FragmentHeader{-1, 4}, "01020304" + "01000400" + "01020304" + "ffff0100" + "ff", ErrForm},
		{"second is not whole", FragmentHeader{-1, 4}, "01020304" + "02000100" + "ff", ErrForm},
		{"behind a first part", FragmentHeader{1, 4}, "01020304" + "ffff0100" + "ff", ErrForm},
		{"left over", FragmentHeader{-1, 4}, "01020304" + "0000", ErrForm},
		{"second too long", FragmentHeader{-1, 4}, "01020304" + "ffff0200" + "ff", ErrLength},
	} {
		p := Packet{Type: PacketAgreed, First: tt.first, Body: unhex(t, tt.body)}
		if err := p.CheckFragments(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	tok := Token{Body: unhex(t, "0000000000000000ffffffffffff0200"+"01000000")}
	if err := tok.CheckRequests(); !errors.Is(err, ErrLength) {
		t.Errorf("a request for more numbers than there are: %v", err)
	}
}

func TestCompareMemberships(t *testing.T) {
	// The side of beta precedes that of alpha (client-protocol §10.4).
	alpha, beta := MembershipID{2936723249, 5}, MembershipID{1210674471, 5}
	if beta.Compare(alpha) >= 0 || alpha.Compare(beta) <= 0 || alpha.Compare(alpha) != 0 {
		t.Error("ids are not ordered by their wrapped difference")
	}
	if later := (MembershipID{2936723249, 6}); alpha.Compare(later) >= 0 {
		t.Error("of equal daemons the earlier time comes first")
	}
}

// seedsFromCaptures adds some datagrams of each capture to a fuzz target.
func seedsFromCaptures(f *testing.F, tokens bool) {
	f.Helper()
	files, err := filepath.Glob("testdata/*/*.pcap")
	if err != nil || len(files) == 0 {
		f.Fatalf("no captures (%v)", err)
	}
	for _, file := range files {
		list := pcap.Read(f, file)
		for i := 0; i < len(list); i += 1 + len(list)/6 {
			if list[i].Token() == tokens {
				f.Add(list[i].Payload)
			}
		}
	}
}

// FuzzPacket: no datagram makes a decoder panic, and a packet that decodes and is well-formed
// encodes to the same header.
func FuzzPacket(f *testing.F) {
	seedsFromCaptures(f, false)
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var p Packet
		if p.Decode(b) != nil {
			return
		}
		if again := p.Append(nil); string(again) != string(b) {
			t.Fatalf("encoded again as %x, want %x", again, b)
		}
		if p.Type.Kind() == KindMembership {
			var g Gather
			if g.Decode(&p) == nil {
				for range g.Members.All() {
				}
				for range g.Reps.All() {
				}
			}
		}
		checked := p.CheckFragments() == nil
		total := 0
		it := p.Fragments()
		for {
			frag, ok := it.Next()
			if !ok {
				break
			}
			total += len(frag.Data)
			var m Message
			if _, err := m.Decode(frag.Data); err == nil && m.Type&Groups != 0 {
				var s GroupState
				if s.Decode(&m) == nil {
					for g := range s.Groups() {
						for d := range g.Daemons() {
							for range d.Members() {
							}
						}
					}
				}
			}
		}
		if total > len(p.Body) || checked && len(p.Body) > 0 && p.First.Len > 0 && total == 0 {
			t.Fatalf("%d bytes of fragments in a body of %d", total, len(p.Body))
		}
	})
}

// FuzzToken: the same for tokens.
func FuzzToken(f *testing.F) {
	seedsFromCaptures(f, true)
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var tok Token
		if tok.Decode(b) != nil {
			return
		}
		if again := tok.Append(nil); string(again) != string(b) {
			t.Fatalf("encoded again as %x, want %x", again, b)
		}
		if tok.Type&TokenForms == 0 {
			if tok.CheckRequests() != nil {
				return
			}
			it := tok.Requests()
			for {
				r, ok := it.Next()
				if !ok {
					return
				}
				for i := range r.NumSeqs() {
					r.Seq(i)
				}
			}
		}
		var form Form
		if form.Decode(&tok) != nil {
			return
		}
		v := form.Value()
		tok.Body = v.Append(nil, tok.ByteOrder, tok.Type)
		again := tok.Append(nil)
		var tok2 Token
		var form2 Form
		if err := tok2.Decode(again); err != nil {
			t.Fatal(err)
		}
		if err := form2.Decode(&tok2); err != nil {
			t.Fatal(err)
		}
		if len(again) != len(b) || form2.NumRings != form.NumRings {
			t.Fatalf("a form token of %d bytes and %d rings came back with %d and %d", len(b), form.NumRings, len(again), form2.NumRings)
		}
	})
}

// TestRingDecodeAllocs: packets and tokens are decoded without allocation.
func TestRingDecodeAllocs(t *testing.T) {
	list := pcap.Read(t, "testdata/ring/mcast-original-load.pcap")
	buf := make([]byte, 0, 2048)
	n := testing.AllocsPerRun(100, func() {
		for i := range list {
			if list[i].Token() {
				var tok Token
				if tok.Decode(list[i].Payload) != nil || tok.CheckRequests() != nil {
					t.Fatal("undecodable")
				}
				buf = tok.Append(buf[:0])
				continue
			}
			var p Packet
			if p.Decode(list[i].Payload) != nil || p.Type.Kind() == KindData && p.CheckFragments() != nil {
				t.Fatal("undecodable")
			}
			it := p.Fragments()
			for _, ok := it.Next(); ok; _, ok = it.Next() {
			}
			buf = p.Append(buf[:0])
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
