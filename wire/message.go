package wire

import "iter"

// Message is a view of one whole message (client-protocol §5): its header, and slices into the
// bytes it was decoded from.
//
//	header (48) | old type (4), rejects only | groups (32 each) | payload
type Message struct {
	Header
	// OldType is the type of the request that a reject message returns, without its marker. A
	// daemon sets the marker of the header's byte order; bits that differ from that marker stay in,
	// as in Type.
	OldType Type
	// GroupFields are the NumGroups name fields, 32 bytes each.
	GroupFields []byte
	// Payload has DataLen bytes.
	Payload []byte
}

// Decode reads a message from the start of b and returns its length.
func (m *Message) Decode(b []byte) (n int, err error) {
	*m = Message{}
	if err := m.Header.Decode(b); err != nil {
		return 0, err
	}
	n, err = m.Size()
	if err != nil {
		return 0, err
	}
	if len(b) < n {
		return 0, &DecodeError{"message body", len(b), ErrShort}
	}
	body := b[HeaderLen:n]
	if m.Type&Reject != 0 {
		m.OldType = Type(m.ByteOrder.Uint32(body) ^ m.ByteOrder.mark())
		body = body[OldTypeLen:]
	}
	groups := NameLen * int(m.NumGroups)
	m.GroupFields = body[:groups:groups]
	m.Payload = body[groups:]
	return n, nil
}

// Append appends the message to b. It takes NumGroups and DataLen from the slices; the length of
// GroupFields must be a multiple of 32.
func (m *Message) Append(b []byte) []byte {
	h := m.Header
	h.NumGroups = int32(len(m.GroupFields) / NameLen)
	h.DataLen = int32(len(m.Payload))
	b = h.Append(b)
	if h.Type&Reject != 0 {
		b = h.ByteOrder.AppendUint32(b, uint32(m.OldType)^h.ByteOrder.mark())
	}
	b = append(b, m.GroupFields...)
	return append(b, m.Payload...)
}

// Groups yields the group name fields in order. The pointers are into the decoded bytes.
func (m *Message) Groups() iter.Seq2[int, *Name] { return names(m.GroupFields) }

// names yields the consecutive name fields of b.
func names(b []byte) iter.Seq2[int, *Name] {
	return func(yield func(int, *Name) bool) {
		for i := 0; len(b) >= NameLen; i++ {
			if !yield(i, (*Name)(b)) {
				return
			}
			b = b[NameLen:]
		}
	}
}

// TypeOf returns the type of the little-endian message at the start of b, which has at least a
// header. The ring and the groups need only the type, without decoding the rest.
func TypeOf(b []byte) Type {
	return Type(LittleEndian.Uint32(b[offType:]) &^ byteOrderMarker)
}

// GroupsOf returns the group fields of the little-endian message in b, whose lengths were checked
// when it was accepted.
func GroupsOf(b []byte) []byte {
	n := int(LittleEndian.Int32(b[offNumGroups:]))
	return b[HeaderLen : HeaderLen+NameLen*n]
}

// SenderOf returns the sender field of the message in b.
func SenderOf(b []byte) *Name { return (*Name)(b[offSender:offNumGroups]) }

// SizeOf returns the length of the little-endian message at the start of b, whose lengths were
// checked when it was accepted or built.
func SizeOf(b []byte) int {
	n := HeaderLen + NameLen*int(LittleEndian.Int32(b[offNumGroups:])) + int(LittleEndian.Int32(b[offDataLen:]))
	if TypeOf(b)&Reject != 0 {
		n += OldTypeLen
	}
	return n
}
