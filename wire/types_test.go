package wire

import (
	"math/bits"
	"testing"
)

// servicesAndRequests are the bits of which a type from a client has exactly one (client-protocol
// §5.2).
const servicesAndRequests Type = 0x7003f

// client-protocol §5.2
func TestTypeBits(t *testing.T) {
	tests := []struct {
		t    Type
		bit  uint32
		name string
	}{
		{Unreliable, 0x00000001, "UNRELIABLE"},
		{Reliable, 0x00000002, "RELIABLE"},
		{FIFO, 0x00000004, "FIFO"},
		{Causal, 0x00000008, "CAUSAL"},
		{Agreed, 0x00000010, "AGREED"},
		{Safe, 0x00000020, "SAFE"},
		{SelfDiscard, 0x00000040, "SELF_DISCARD"},
		{CausedByJoin, 0x00000100, "CAUSED_BY_JOIN"},
		{CausedByLeave, 0x00000200, "CAUSED_BY_LEAVE"},
		{CausedByDisconnect, 0x00000400, "CAUSED_BY_DISCONNECT"},
		{CausedByNetwork, 0x00000800, "CAUSED_BY_NETWORK"},
		{RegularMembership, 0x00001000, "REG_MEMB"},
		{Transitional, 0x00002000, "TRANSITION"},
		{Join, 0x00010000, "JOIN"},
		{Leave, 0x00020000, "LEAVE"},
		{Kill, 0x00040000, "KILL"},
		{Groups, 0x00080000, "GROUPS"},
		{Reject, 0x00400000, "REJECT"},
		{DropRecv, 0x01000000, "DROP_RECV"},
		// The other bits have no name in messages.
		{0x80, 0x00000080, "0x80"},
		{0x4000, 0x00004000, "0x4000"},
		{0x8000, 0x00008000, "0x8000"},
		{0x100000, 0x00100000, "0x100000"},
		{0x200000, 0x00200000, "0x200000"},
		{0x800000, 0x00800000, "0x800000"},
		{0x80000000, 0x80000000, "0x80000000"},
	}
	for _, tt := range tests {
		if uint32(tt.t) != tt.bit || tt.t.String() != tt.name {
			t.Errorf("%v is %#x; want %s, %#x", tt.t, uint32(tt.t), tt.name, tt.bit)
		}
	}
	for _, tt := range []struct {
		t    Type
		want string
	}{
		{0, "0"},
		{Agreed | SelfDiscard, "AGREED|SELF_DISCARD"},
		{RegularMembership | CausedByJoin, "REG_MEMB|CAUSED_BY_JOIN"},
		{Reject | SelfDiscard, "REJECT|SELF_DISCARD"},
		{Safe | 0xc000, "SAFE|0xc000"},
	} {
		if got := tt.t.String(); got != tt.want {
			t.Errorf("%#x is %q, want %q", uint32(tt.t), got, tt.want)
		}
	}
	if Services != 0x3f || Memberships != 0x3f00 {
		t.Errorf("masks %#x, %#x", uint32(Services), uint32(Memberships))
	}
}

// client-protocol §9, §10: the messages from a daemon.
func TestTypeKinds(t *testing.T) {
	tests := []struct {
		t                              Type
		regular, membership, selfLeave bool
	}{
		{t: Unreliable, regular: true},
		{t: Safe | SelfDiscard | DropRecv, regular: true},
		{t: 0x1100, membership: true},
		{t: 0x1200, membership: true},
		{t: 0x1400, membership: true},
		{t: 0x1800, membership: true},
		{t: 0x2000, membership: true},
		{t: 0x0200, membership: true, selfLeave: true},
		// §9.3
		{t: Reject},
		{t: Reject | SelfDiscard},
		{t: Reject | CausedByJoin},
		{t: Reject | Agreed},
		// §8: a forged one is a regular message, `ok-type-memb-bits`.
		{t: Safe | RegularMembership | CausedByJoin, regular: true},
		{t: Safe | CausedByLeave, regular: true},
		{t: CausedByLeave | Transitional, membership: true},
		{t: 0},
		{t: Join},
		{t: SelfDiscard},
	}
	for _, tt := range tests {
		if got := tt.t.IsRegular(); got != tt.regular {
			t.Errorf("%v is regular: %t", tt.t, got)
		}
		if got := tt.t.IsMembership(); got != tt.membership {
			t.Errorf("%v is a membership: %t", tt.t, got)
		}
		if got := tt.t.IsSelfLeave(); got != tt.selfLeave {
			t.Errorf("%v is a self-leave: %t", tt.t, got)
		}
	}
}

// client-protocol §5.2: "A legal type from a client has exactly one bit set among the six services
// and the three requests."
func TestTypeCheckRequestOne(t *testing.T) {
	var one []Type
	for bit := range 32 {
		if b := Type(1) << bit; b&servicesAndRequests != 0 {
			one = append(one, b)
		}
	}
	if len(one) != 9 {
		t.Fatalf("%d services and requests", len(one))
	}
	for set := range 1 << len(one) {
		var typ Type
		for i, b := range one {
			if set>>i&1 != 0 {
				typ |= b
			}
		}
		want := bits.OnesCount(uint(set)) == 1
		for _, flags := range []Type{0, SelfDiscard, DropRecv, SelfDiscard | DropRecv} {
			if got := (typ | flags).CheckRequest(); got != want {
				t.Errorf("%v: legal %t, want %t", typ|flags, got, want)
			}
		}
	}
}

// The last table of client-protocol §8: bits that the C daemon does not check.
func TestTypeCheckRequestOtherBits(t *testing.T) {
	const (
		passed  = 0x0000c000 | 0x7e000000 | 0x01000000 | uint32(SelfDiscard)
		refused = 0x00080000 | // GROUPS
			0x00400000 | // REJECT
			0x00300000 | // internal
			0x00003f00 | // membership
			0x80000080 // half a marker is all that can be left of one (§6)
		unlisted = 0x00800000 // in no row; no daemon of the family gives it a meaning
	)
	if passed^refused^unlisted^uint32(servicesAndRequests) != 0xffffffff {
		t.Fatal("a bit is in no class, or in two")
	}
	for bit := range 32 {
		b := uint32(1) << bit
		if Type(b)&servicesAndRequests != 0 {
			continue
		}
		want := b&(passed|unlisted) != 0
		for _, request := range []Type{Unreliable, Safe, Join, Leave, Kill} {
			if got := (request | Type(b)).CheckRequest(); got != want {
				t.Errorf("%v: legal %t, want %t", request|Type(b), got, want)
			}
		}
		if Type(b).CheckRequest() {
			t.Errorf("%v alone is legal", Type(b))
		}
	}
	if !(Agreed | Type(passed)).CheckRequest() {
		t.Error("all that is passed through, at once, is not")
	}
}
