package wire

// Packet header, data port (ring-protocol §6):
//
//	offset  size  field
//	     0     4  type, with the marker of the sender's order
//	     4     4  transmitter: the daemon that put this datagram on the wire
//	     8     4  proc: the daemon that made the packet
//	    12     8  membership id {daemon 4, time 4}; of a REFER, see Refer
//	    20     4  seq, from 1 in each ring
//	    24     4  token round of the maker when the packet was first sent
//	    28     4  configuration hash
//	    32     2  data_len: bytes behind this header
//	    34     2  padding
//	    36     2  first fragment: index
//	    38     2  first fragment: length
const (
	offPacketType        = 0
	offPacketTransmitter = 4
	offPacketProc        = 8
	offPacketMembership  = 12
	offPacketSeq         = 20
	offPacketTokenRound  = 24
	offPacketConfHash    = 28
	offPacketDataLen     = 32
	offPacketPadding     = 34
	offPacketFragment    = 36
)

const (
	// PacketHeaderLen is the size of a packet header.
	PacketHeaderLen = 40
	// MaxPacket is the longest packet: an Ethernet frame's UDP payload.
	MaxPacket = 1472
	// MaxPacketBody is the most that a packet carries after its header.
	MaxPacketBody = MaxPacket - PacketHeaderLen
	// MaxFragments is the maximum number of fragments of a message.
	MaxFragments = 100
	// MaxSplit is MaxFragments in a ring with keys, whose packets are shorter.
	MaxSplit = 110
)

// RingType is the type word of packets and tokens, without its marker (ring-protocol §5).
type RingType uint32

// Bits of a ring type.
const (
	PacketReliable RingType = 1 << 1
	PacketFIFO     RingType = 1 << 2
	PacketAgreed   RingType = 1 << 3
	PacketSafe     RingType = 1 << 4
	// PacketRouted asks the receiver to repeat the packet to its segment.
	PacketRouted RingType = 1 << 5
	// PacketHurry asks the leader to release the token.
	PacketHurry RingType = 1 << 6

	PacketAlive RingType = 1 << 8
	PacketJoin  RingType = 1 << 9
	PacketRefer RingType = 1 << 10

	TokenForm1 RingType = 1 << 12
	TokenForm2 RingType = 1 << 13

	PacketStatus      RingType = 1 << 24
	PacketPartition   RingType = 1 << 25
	PacketFlowControl RingType = 1 << 26
	PacketReload      RingType = 1 << 27
)

// Masks of a ring type.
const (
	// PacketServices are the services, including the unreliable one, which is never sent. A packet
	// with one of them carries data.
	PacketServices RingType = 0x1f
	// PacketMemberships are the packets of the membership protocol.
	PacketMemberships = PacketAlive | PacketJoin | PacketRefer
	// PacketControls are the packets of monitors.
	PacketControls = PacketStatus | PacketPartition | PacketFlowControl | PacketReload
	// TokenForms are the tokens that build a ring.
	TokenForms = TokenForm1 | TokenForm2
)

// Fields of a token's type.
const (
	arqShift     = 16
	retransShift = 20
	arqMask      = 0xf
)

// ARQ returns the 4-bit round number of a token.
func (t RingType) ARQ() uint8 { return uint8(t>>arqShift) & arqMask }

// Retrans returns the 4-bit retransmission count of a token.
func (t RingType) Retrans() uint8 { return uint8(t>>retransShift) & arqMask }

// WithARQ returns the type with another round number, modulo 16.
func (t RingType) WithARQ(n uint8) RingType {
	return t&^(arqMask<<arqShift) | RingType(n&arqMask)<<arqShift
}

// WithRetrans returns the type with another retransmission count, modulo 16.
func (t RingType) WithRetrans(n uint8) RingType {
	return t&^(arqMask<<retransShift) | RingType(n&arqMask)<<retransShift
}

// PacketKind says which machine a packet is for. It is decided in the order of these constants
// (ring-protocol §5).
type PacketKind uint8

// The kinds.
const (
	KindUnknown PacketKind = iota
	KindControl
	KindMembership
	KindHurry
	KindData
)

// Kind classifies the type of a packet.
func (t RingType) Kind() PacketKind {
	switch {
	case t&PacketControls != 0:
		return KindControl
	case t&PacketMemberships != 0:
		return KindMembership
	case t&PacketHurry != 0:
		return KindHurry
	case t&PacketServices != 0:
		return KindData
	default:
		return KindUnknown
	}
}

// FragmentHeader says which part of a message a fragment is.
type FragmentHeader struct {
	// Index counts from 1. The index of the last fragment is negative, so a whole message has -1.
	Index int16
	// Len is the number of bytes.
	Len int16
}

// Packet is a packet's header and a view of its body.
type Packet struct {
	ByteOrder   ByteOrder
	Type        RingType
	Transmitter DaemonID
	Proc        DaemonID
	Membership  MembershipID
	Seq         int32
	TokenRound  int32
	ConfHash    uint32
	Padding     uint16 // sent as 0
	First       FragmentHeader
	// Body points into the datagram.
	Body []byte
}

// Decode reads a packet, which is a whole datagram.
func (p *Packet) Decode(b []byte) error {
	*p = Packet{}
	if len(b) < PacketHeaderLen {
		return &DecodeError{"packet header", len(b), ErrShort}
	}
	o := ByteOrderOf(b)
	if n := int(o.Uint16(b[offPacketDataLen:])); len(b) != PacketHeaderLen+n {
		return &DecodeError{"packet length", offPacketDataLen, ErrLength}
	}
	*p = Packet{
		ByteOrder:   o,
		Type:        RingType(o.Uint32(b[offPacketType:]) &^ o.mark()),
		Transmitter: DaemonID(o.Uint32(b[offPacketTransmitter:])),
		Proc:        DaemonID(o.Uint32(b[offPacketProc:])),
		Membership:  o.membershipID(b[offPacketMembership:]),
		Seq:         o.Int32(b[offPacketSeq:]),
		TokenRound:  o.Int32(b[offPacketTokenRound:]),
		ConfHash:    o.Uint32(b[offPacketConfHash:]),
		Padding:     o.Uint16(b[offPacketPadding:]),
		First:       o.fragmentHeader(b[offPacketFragment:]),
		Body:        b[PacketHeaderLen:],
	}
	return nil
}

// Append appends the packet to b, including its body, in its byte order.
func (p *Packet) Append(b []byte) []byte {
	return append(p.AppendHeader(b, len(p.Body)), p.Body...)
}

// AppendHeader appends the header of a packet whose body has n bytes.
func (p *Packet) AppendHeader(b []byte, n int) []byte {
	o := p.ByteOrder
	b = o.AppendUint32(b, uint32(p.Type)|o.mark())
	b = o.AppendUint32(b, uint32(p.Transmitter))
	b = o.AppendUint32(b, uint32(p.Proc))
	b = o.appendMembershipID(b, p.Membership)
	b = o.AppendUint32(b, uint32(p.Seq))
	b = o.AppendUint32(b, uint32(p.TokenRound))
	b = o.AppendUint32(b, p.ConfHash)
	b = o.AppendUint16(b, uint16(n))
	b = o.AppendUint16(b, p.Padding)
	return o.appendFragmentHeader(b, p.First)
}

func (o ByteOrder) fragmentHeader(b []byte) FragmentHeader {
	return FragmentHeader{int16(o.Uint16(b)), int16(o.Uint16(b[2:]))}
}

func (o ByteOrder) appendFragmentHeader(b []byte, h FragmentHeader) []byte {
	b = o.AppendUint16(b, uint16(h.Index))
	return o.AppendUint16(b, uint16(h.Len))
}

func (o ByteOrder) membershipID(b []byte) MembershipID {
	return MembershipID{DaemonID(o.Uint32(b)), o.Int32(b[4:])}
}

func (o ByteOrder) appendMembershipID(b []byte, id MembershipID) []byte {
	b = o.AppendUint32(b, uint32(id.Daemon))
	return o.AppendUint32(b, uint32(id.Time))
}
