package wire

// Message header, both directions (client-protocol §5.1):
//
//	offset  size  field
//	     0     4  type, with the marker of the sender's order
//	     4    32  sender: a private group; in membership messages the group
//	    36     4  num_groups, signed
//	    40     4  hint, in the originator's order, with its own marker
//	    44     4  data_len, signed
const (
	offType      = 0
	offSender    = 4
	offNumGroups = 36
	offHint      = 40
	offDataLen   = 44
)

// Hint carries the application's 16-bit message type in bits 8 to 23, in the byte order of the
// program that made the message. Daemons pass its four bytes on unchanged. Its marker tells a
// receiver the byte order of the payload (client-protocol §5.3).
type Hint [4]byte

// MakeHint returns the hint of a little-endian program.
func MakeHint(messType int16) Hint {
	return Hint{0x80, byte(messType), byte(uint16(messType) >> 8), 0x80}
}

// Legal reports whether no bits are set other than the marker's and the type's.
func (h Hint) Legal() bool { return h[0]&0x7f == 0 && h[3]&0x7f == 0 }

// ByteOrder returns the byte order in which the hint, and the payload, were written.
func (h Hint) ByteOrder() ByteOrder { return ByteOrderOf(h[:]) }

// MessType returns the application's message type.
func (h Hint) MessType() int16 { return int16(h.ByteOrder().Uint32(h[:]) >> 8) }

// Header is the fixed part of a message.
type Header struct {
	ByteOrder ByteOrder // in which Type, NumGroups and DataLen are written
	Type      Type      // without marker; half a marker stays in, and is illegal
	Sender    Name
	NumGroups int32
	Hint      Hint
	DataLen   int32
}

// Decode reads a header from the start of b. It checks only the length of b: see
// [Header.CheckRequest] and [Header.Size].
func (h *Header) Decode(b []byte) error {
	if len(b) < HeaderLen {
		*h = Header{}
		return &DecodeError{"message header", len(b), ErrShort}
	}
	b = b[:HeaderLen]
	o := ByteOrderOf(b)
	h.ByteOrder = o
	h.Type = Type(o.Uint32(b[offType:]) &^ o.mark())
	h.Sender = Name(b[offSender:offNumGroups])
	h.NumGroups = o.Int32(b[offNumGroups:])
	h.Hint = Hint(b[offHint:offDataLen])
	h.DataLen = o.Int32(b[offDataLen:])
	return nil
}

// Append appends the header to b, in its byte order.
func (h *Header) Append(b []byte) []byte {
	b = h.ByteOrder.AppendUint32(b, uint32(h.Type)|h.ByteOrder.mark())
	b = append(b, h.Sender[:]...)
	b = h.ByteOrder.AppendUint32(b, uint32(h.NumGroups))
	b = append(b, h.Hint[:]...)
	return h.ByteOrder.AppendUint32(b, uint32(h.DataLen))
}

// Size returns the length of the whole message in bytes, including the old type of a reject
// message. It returns ErrLength if a count or length is negative, or beyond what a daemon may send.
func (h *Header) Size() (int, error) {
	if h.NumGroups < 0 || h.NumGroups > MaxMembers {
		return 0, &DecodeError{"number of groups", offNumGroups, ErrLength}
	}
	if h.DataLen < 0 || h.DataLen > MaxDeliveredData {
		return 0, &DecodeError{"data length", offDataLen, ErrLength}
	}
	n := HeaderLen + NameLen*int(h.NumGroups) + int(h.DataLen)
	if h.Type&Reject != 0 {
		n += OldTypeLen
	}
	return n, nil
}

// Normalize rewrites the integers of the header at the start of b in little-endian order, with its
// marker. It leaves the hint and everything else alone (client-protocol §6 rule 2). h is the
// decoded header of b.
func (h *Header) Normalize(b []byte) {
	if h.ByteOrder == LittleEndian {
		return
	}
	h.ByteOrder = LittleEndian
	LittleEndian.PutUint32(b[offType:], uint32(h.Type)|byteOrderMarker)
	LittleEndian.PutUint32(b[offNumGroups:], uint32(h.NumGroups))
	LittleEndian.PutUint32(b[offDataLen:], uint32(h.DataLen))
}

// Reason says why a daemon refuses a message from a client (client-protocol §8).
type Reason uint8

// The reasons, in the order in which they are checked.
const (
	// NotRefused: the daemon takes the message.
	NotRefused Reason = iota // none
	// RefusedType: the type is not one service or request, or has a bit that only daemons use.
	RefusedType // type
	// RefusedSender: the sender is not this session.
	RefusedSender // sender
	// RefusedNumGroups: the number of groups is negative or over 100.
	RefusedNumGroups // num_groups
	// RefusedHint: the hint has bits other than the marker and the message type.
	RefusedHint // hint
	// RefusedDataLen: the length is negative or over 144000.
	RefusedDataLen // data_len
	// RefusedTotal: groups and payload together are over MaxBody.
	RefusedTotal // total
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(RefusedTotal) + 1

// CheckRequest decides whether a daemon takes a message with this header from the session whose
// private group is self (in the form of [Name.Clean]).
func (h *Header) CheckRequest(self *Name) Reason {
	if !h.Type.CheckRequest() {
		return RefusedType
	}
	if h.Sender != *self && h.Sender.Clean() != *self {
		return RefusedSender
	}
	if h.NumGroups < 0 || h.NumGroups > MaxGroups {
		return RefusedNumGroups
	}
	if !h.Hint.Legal() {
		return RefusedHint
	}
	if h.DataLen < 0 || h.DataLen > MaxDataField {
		return RefusedDataLen
	}
	if NameLen*int(h.NumGroups)+int(h.DataLen) > MaxBody {
		return RefusedTotal
	}
	return NotRefused
}
