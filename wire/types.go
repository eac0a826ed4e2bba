package wire

import (
	"math/bits"
	"strconv"
	"strings"
)

// Type is the type word of a message without its byte-order marker (client-protocol §5.2).
type Type uint32

// Bits of a type.
const (
	Unreliable Type = 1 << 0
	Reliable   Type = 1 << 1
	FIFO       Type = 1 << 2
	Causal     Type = 1 << 3
	Agreed     Type = 1 << 4
	Safe       Type = 1 << 5
	// SelfDiscard keeps a message from the session that sent it.
	SelfDiscard Type = 1 << 6

	CausedByJoin       Type = 1 << 8
	CausedByLeave      Type = 1 << 9
	CausedByDisconnect Type = 1 << 10
	CausedByNetwork    Type = 1 << 11
	RegularMembership  Type = 1 << 12
	Transitional       Type = 1 << 13

	Join  Type = 1 << 16
	Leave Type = 1 << 17
	// Kill asks for the end of the session that sends it.
	Kill Type = 1 << 18
	// Groups marks messages of the daemons' exchange of group state.
	Groups Type = 1 << 19
	// Reject marks a request that the daemon returns to its sender.
	Reject Type = 1 << 22
	// DropRecv is a flag of the C library's receive call. In a message it has no meaning and is
	// passed through.
	DropRecv Type = 1 << 24
)

// Masks of a type.
const (
	// Services are the six services; a regular message has exactly one.
	Services Type = 0x3f
	// Requests are what a client asks of its daemon.
	Requests Type = Join | Leave | Kill
	// Memberships are the bits of membership messages.
	Memberships Type = 0x3f00
	// notFromClients are bits that we take from no client: those that daemons use among themselves,
	// REJECT, and those of membership messages, with which a client could forge a view
	// (client-protocol §8).
	notFromClients Type = Groups | 0x00300000 | Reject | Memberships
)

// CheckRequest reports whether a client may send the type: exactly one of the six services and
// three requests, no half of a byte-order marker, and no bit that only daemons use (client-protocol
// §5.2, §8).
func (t Type) CheckRequest() bool {
	return bits.OnesCount32(uint32(t&(Services|Requests))) == 1 &&
		t&(notFromClients|byteOrderMarker) == 0
}

// IsRegular reports whether the type is that of a message between clients.
func (t Type) IsRegular() bool { return t&Services != 0 && t&Reject == 0 }

// IsMembership reports whether the type is that of a membership message.
func (t Type) IsMembership() bool { return t&Memberships != 0 && t&(Reject|Services) == 0 }

// IsSelfLeave reports whether the type is that of the message that tells a member that it has left
// (client-protocol §10).
func (t Type) IsSelfLeave() bool {
	return t.IsMembership() && t&CausedByLeave != 0 && t&(RegularMembership|Transitional) == 0
}

// typeNames are in the order in which String prints them.
var typeNames = [...]struct {
	bit  Type
	name string
}{
	{Unreliable, "UNRELIABLE"},
	{Reliable, "RELIABLE"},
	{FIFO, "FIFO"},
	{Causal, "CAUSAL"},
	{Agreed, "AGREED"},
	{Safe, "SAFE"},
	{RegularMembership, "REG_MEMB"},
	{Transitional, "TRANSITION"},
	{CausedByJoin, "CAUSED_BY_JOIN"},
	{CausedByLeave, "CAUSED_BY_LEAVE"},
	{CausedByDisconnect, "CAUSED_BY_DISCONNECT"},
	{CausedByNetwork, "CAUSED_BY_NETWORK"},
	{Join, "JOIN"},
	{Leave, "LEAVE"},
	{Kill, "KILL"},
	{Groups, "GROUPS"},
	{Reject, "REJECT"},
	{SelfDiscard, "SELF_DISCARD"},
	{DropRecv, "DROP_RECV"},
}

// String lists the names of the bits, joined by '|', and unnamed bits in hexadecimal.
func (t Type) String() string {
	if t == 0 {
		return "0"
	}
	var parts []string
	for _, n := range typeNames {
		if t&n.bit != 0 {
			parts = append(parts, n.name)
			t &^= n.bit
		}
	}
	if t != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(uint64(t), 16))
	}
	return strings.Join(parts, "|")
}
