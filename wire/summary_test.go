package wire

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func testSummary() Summary {
	return Summary{
		Status: Status{Seconds: 7, State: 1, GroupState: 1, Self: 0xaf0ad731, Leader: 0xaf0ad731, Daemons: 2},
		SummaryHead: SummaryHead{
			Operating: 1, Nonce: 0x01020304, Ring: MembershipID{Daemon: 0xaf0ad731, Time: 5}, RingSeconds: 6, ConfHash: 0xad789eec,
			RoundMicros: 250, LateMicros: 3, Sessions: 4, Groups: 5, Behind: 1, Installed: 2, WaitingBytes: 1 << 40, DroppedSlow: 9,
			MemoryUsed: 10, MemoryMax: 11, Suspicious: 12, Messages: 13, Sent: 14, Received: 15, Retrans: 16, Configured: 3,
		},
		Version: "v1", Change: "beta joined",
		Peers: []PeerSummary{
			{State: PeerSelf, LossPermyle: LossUnknown, LastMillis: NeverMillis, ID: 0xaf0ad731},
			{State: PeerMember, LossPermyle: 20, LastMillis: 12, SinceSecs: 6, Packets: 100, Missed: 2, RoundMicros: 333, ID: 2},
			{State: PeerMissing, Reason: PeerSilent, LossPermyle: LossUnknown, LastMillis: 99000, SinceSecs: 98, ID: 3},
		},
		Keys: &SummaryKeys{InUse: 0x4edc30ca, Known: 0x01020304, Flags: KeysSendPlain | KeysAcceptPlain},
	}
}

// TestSummary: an answer decodes to what was encoded, and its bytes are those of monitor-protocol §9.
func TestSummary(t *testing.T) {
	want := testSummary()
	b := want.Append(nil, 2000)
	var p Packet
	if err := p.Decode(b); err != nil {
		t.Fatal(err)
	}
	if p.Type != PacketStatus || p.Proc != want.Status.Self {
		t.Errorf("header %+v", p)
	}
	const head = "53505244 0200 0100 04030201 31d70aaf 05000000 06000000 ec9e78ad fa000000 03000000 04000000 05000000 01000000 02000000" +
		"0000000000010000 0900000000000000 0a00000000000000 0b00000000000000 0c00000000000000 0d00000000000000 0e00000000000000 0f00000000000000 1000000000000000" +
		"0300 0000 0300 0200 0b00 7631 62657461206a6f696e6564" +
		"01 00 ffff ffffffff 00000000 00000000 00000000 00000000 31d70aaf 02 00 1400 0c000000 06000000 64000000 02000000 4d010000 02000000" +
		"03 02 ffff b8820100 62000000 00000000 00000000 00000000 03000000" +
		"ca30dc4e 04030201 0300"
	if got := hex.EncodeToString(p.Body[StatusLen:]); got != strings.ReplaceAll(head, " ", "") {
		t.Errorf("bytes\n%s", got)
	}
	var got Summary
	if err := got.Decode(&p); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	var plain Status
	if plain.Decode(&p) == nil {
		t.Error("an extended status passes for a plain one")
	}
	for n := range len(p.Body) {
		short := p
		short.Body = p.Body[:n]
		if err := got.Decode(&short); err == nil {
			t.Fatalf("%d bytes of %d decode", n, len(p.Body))
		} else if e := (*DecodeError)(nil); !errors.As(err, &e) {
			t.Fatalf("error %v", err)
		}
	}
}

// TestSummaryRoom: an answer is never longer than the limit; peers are left out, and at last
// everything.
func TestSummaryRoom(t *testing.T) {
	s := testSummary()
	s.Version, s.Change = strings.Repeat("v", 300), strings.Repeat("c", 3000)
	for range 125 {
		s.Peers = append(s.Peers, PeerSummary{State: PeerMember})
	}
	most := 0
	for limit := range 3000 {
		b := s.Append(nil, limit)
		if len(b) > limit || len(b) > maxSummary {
			t.Fatalf("%d bytes with a limit of %d", len(b), limit)
		}
		if len(b) == 0 {
			continue
		}
		var p Packet
		var got Summary
		if err := p.Decode(b); err != nil {
			t.Fatal(err)
		}
		if err := got.Decode(&p); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(got.Peers))
	}
	if most < 30 {
		t.Errorf("an answer has at most %d peers", most)
	}
}

// TestSummaryWithoutKeys: an answer of version 1 has no keys.
func TestSummaryWithoutKeys(t *testing.T) {
	want := testSummary()
	want.Keys = nil
	var p Packet
	if err := p.Decode(want.Append(nil, 2000)); err != nil {
		t.Fatal(err)
	}
	var got Summary
	if err := got.Decode(&p); err != nil || !reflect.DeepEqual(got, want) || p.Body[StatusLen+4] != 1 {
		t.Errorf("decoded %+v, %v", got, err)
	}
}

// TestSummaryRequest: a request is told from a plain one, and answers to it are in proportion.
func TestSummaryRequest(t *testing.T) {
	want := SummaryRequest{First: 7, Nonce: 0xa1b2c3d4}
	body := want.Append(nil)
	if len(body) != SummaryRequestLen {
		t.Errorf("%d bytes", len(body))
	}
	const plain = PacketHeaderLen + StatusLen
	if maxSummary*PacketHeaderLen > (PacketHeaderLen+SummaryRequestLen)*plain {
		t.Error("the longest answer amplifies more than a plain one")
	}
	var got SummaryRequest
	if err := got.Decode(&Packet{Body: body}); err != nil || got != want {
		t.Errorf("decoded %+v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, body[:11], []byte("SPRX\x01\x00\x00\x00\x00\x00\x00\x00"), []byte("SPRD\x00\x00\x00\x00\x00\x00\x00\x00")} {
		if got.Decode(&Packet{Body: bad}) == nil {
			t.Errorf("% x decodes", bad)
		}
	}
}

func FuzzSummary(f *testing.F) {
	s := testSummary()
	f.Add(s.Append(nil, 2000)[PacketHeaderLen:])
	blind.Fuzz(f, func(t *testing.T, body []byte) {
		var got Summary
		if got.Decode(&Packet{Body: body}) != nil {
			return
		}
		again := got.Append(nil, PacketHeaderLen+len(body))
		var p Packet
		var twice Summary
		if len(again) == 0 {
			return
		}
		if err := p.Decode(again); err != nil {
			t.Fatal(err)
		}
		if err := twice.Decode(&p); err != nil {
			t.Fatal(err)
		}
		twice.Peers, got.Peers = nil, nil
		if !reflect.DeepEqual(got, twice) {
			t.Errorf("%+v became %+v", got, twice)
		}
	})
}
