package wire

import "iter"

// Bodies of the packets by which daemons find each other (membership-protocol §2.2 to §2.4). Of
// their headers, only type, transmitter, proc, configuration hash and data length have a meaning,
// and a REFER's membership id.
//
// ALIVE: member list. JOIN: member list, representative list. REFER: nothing.
//
//	member list                     representative list
//	offset  size  field             offset  size  field
//	     0     2  num_members n          0     2  num_reps r
//	     2     2  num_pending            2     2  rep_index
//	     4   4 n  daemon ids             4   8 r  {daemon 4, kind 2, segment 2}
const (
	memberListHeader = 4
	repListHeader    = 4
	repLen           = 8
	// MaxMembersOfList is the size of a member list in its fixed form.
	MaxMembersOfList = 128
	// MaxReps is the maximum number of representatives in a list.
	MaxReps = 25
)

// DaemonList is a list of daemon ids on the wire.
type DaemonList struct {
	byteOrder ByteOrder
	b         []byte
}

// Len returns the number of ids.
func (l DaemonList) Len() int { return len(l.b) / 4 }

// At returns the id at place i.
func (l DaemonList) At(i int) DaemonID { return DaemonID(l.byteOrder.Uint32(l.b[4*i:])) }

// All yields the ids in order.
func (l DaemonList) All() iter.Seq2[int, DaemonID] {
	return elements(l.Len(), l.At)
}

func elements[T any](n int, at func(int) T) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range n {
			if !yield(i, at(i)) {
				return
			}
		}
	}
}

func (l DaemonList) slice(i, j int) DaemonList { return DaemonList{l.byteOrder, l.b[4*i : 4*j]} }

// RepKind says for whom a representative speaks.
type RepKind uint16

// The kinds of representatives (membership-protocol §1).
const (
	// RepPotential is an address that is worth asking.
	RepPotential RepKind = 0
	// RepSegment speaks for daemons of its segment that have no token.
	RepSegment RepKind = 1
	// RepRing speaks for a ring that still has its token.
	RepRing RepKind = 2
)

// Rep is a representative.
type Rep struct {
	Daemon  DaemonID
	Kind    RepKind
	Segment int16 // counted from 0 in the configuration
}

// RepList is a list of representatives on the wire.
type RepList struct {
	byteOrder ByteOrder
	b         []byte
}

// Len returns the number of representatives.
func (l RepList) Len() int { return len(l.b) / repLen }

// At returns the representative at place i.
func (l RepList) At(i int) Rep {
	b := l.b[repLen*i:]
	return Rep{
		Daemon:  DaemonID(l.byteOrder.Uint32(b)),
		Kind:    RepKind(l.byteOrder.Uint16(b[4:])),
		Segment: int16(l.byteOrder.Uint16(b[6:])),
	}
}

// All yields the representatives in order.
func (l RepList) All() iter.Seq2[int, Rep] { return elements(l.Len(), l.At) }

// Gather is the body of an ALIVE or a JOIN.
type Gather struct {
	ByteOrder ByteOrder
	Pending   int16 // num_pending, 0
	Members   DaemonList
	// RepIndex and Reps belong to a JOIN. Its first representative is the sender.
	RepIndex int16
	Reps     RepList
}

// Decode reads the body of an ALIVE or a JOIN packet, to its last byte.
func (g *Gather) Decode(p *Packet) error {
	*g = Gather{ByteOrder: p.ByteOrder}
	o, b := p.ByteOrder, p.Body
	if len(b) < memberListHeader {
		return &DecodeError{"member list", PacketHeaderLen + len(b), ErrShort}
	}
	n := int(int16(o.Uint16(b)))
	if n < 0 || n > MaxMembersOfList || memberListHeader+4*n > len(b) {
		return &DecodeError{"number of members", PacketHeaderLen, ErrLength}
	}
	g.Pending = int16(o.Uint16(b[2:]))
	end := memberListHeader + 4*n
	g.Members = DaemonList{o, b[memberListHeader:end]}
	b = b[end:]
	if p.Type&PacketJoin == 0 {
		if len(b) > 0 {
			return &DecodeError{"ALIVE", PacketHeaderLen + end, ErrForm}
		}
		return nil
	}
	if len(b) < repListHeader {
		return &DecodeError{"representative list", PacketHeaderLen + end, ErrShort}
	}
	r := int(int16(o.Uint16(b)))
	if r < 1 || r > MaxReps || len(b) != repListHeader+repLen*r {
		return &DecodeError{"number of representatives", PacketHeaderLen + end, ErrLength}
	}
	g.RepIndex = int16(o.Uint16(b[2:]))
	g.Reps = RepList{o, b[repListHeader:]}
	return nil
}

// AppendMembers appends a member list in its variable form to b. It is the whole body of an ALIVE,
// and the beginning of a JOIN's.
func AppendMembers(b []byte, o ByteOrder, pending int16, members ...DaemonID) []byte {
	b = o.AppendUint16(b, uint16(len(members)))
	b = o.AppendUint16(b, uint16(pending))
	for _, id := range members {
		b = o.AppendUint32(b, uint32(id))
	}
	return b
}

// AppendReps appends a representative list in its variable form to b.
func AppendReps(b []byte, o ByteOrder, index int16, reps ...Rep) []byte {
	b = o.AppendUint16(b, uint16(len(reps)))
	b = o.AppendUint16(b, uint16(index))
	for _, r := range reps {
		b = o.AppendUint32(b, uint32(r.Daemon))
		b = o.AppendUint16(b, uint16(r.Kind))
		b = o.AppendUint16(b, uint16(r.Segment))
	}
	return b
}

// Refer returns what a REFER packet says: whom to ask, and what kind of representative that is.
// Both are in the header, in place of the membership id.
func (p *Packet) Refer() (DaemonID, RepKind) {
	return p.Membership.Daemon, RepKind(p.Membership.Time)
}
