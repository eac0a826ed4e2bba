package wire

// Packet body (ring-protocol §7.2): a sequence of fragments. The header of the first is in the
// packet header. Each further fragment has padding to a multiple of 4 from the start of the body, a
// header of 4 bytes, and its bytes.
//
//	frag 1 bytes | pad 0-3 | index 2, length 2 | frag 2 bytes | pad | ...
const (
	fragmentHeaderLen = 4
	fragmentAlign     = 4
)

// Fragment is a part of a message.
type Fragment struct {
	FragmentHeader
	Data []byte // points into the datagram
}

// Fragments iterates over the fragments of a data packet. The zero value has none.
type Fragments struct {
	byteOrder ByteOrder
	next      FragmentHeader
	rest      []byte // of the body, from the next fragment's bytes on
	at        int    // offset of rest in the body
	more      bool
}

// Fragments returns the fragments of the packet, which must have passed [Packet.CheckFragments].
func (p *Packet) Fragments() Fragments {
	return Fragments{byteOrder: p.ByteOrder, next: p.First, rest: p.Body, more: true}
}

// Next returns the next fragment. It returns false after the last one, or where the body is
// malformed.
func (f *Fragments) Next() (Fragment, bool) {
	n := int(f.next.Len)
	if !f.more || n < 0 || n > len(f.rest) {
		f.more = false
		return Fragment{}, false
	}
	frag := Fragment{f.next, f.rest[:n:n]}
	f.advance(n)
	if pad := -f.at & (fragmentAlign - 1); len(f.rest) >= pad+fragmentHeaderLen {
		f.advance(pad)
		f.next = f.byteOrder.fragmentHeader(f.rest)
		f.advance(fragmentHeaderLen)
	} else {
		f.more = false
	}
	return frag, true
}

func (f *Fragments) advance(n int) {
	f.rest = f.rest[n:]
	f.at += n
}

// CheckFragments checks the body of a data packet to its last byte: lengths stay inside, and
// fragments after the first are whole messages or, at the end of the packet, the first part of one.
// A fragment that continues a message which does not end with it is alone (ring-protocol §7.3,
// sealing §4).
func (p *Packet) CheckFragments() error {
	f := p.Fragments()
	for first := true; f.more; first = false {
		at, h := PacketHeaderLen+f.at, f.next
		switch {
		case h.Len < 0 || int(h.Len) > len(f.rest):
			return &DecodeError{"fragment length", at, ErrLength}
		case h.Index == 0 || h.Index > MaxSplit || h.Index < -MaxSplit:
			return &DecodeError{"fragment index", at, ErrForm}
		case !first && h.Index != -1 && h.Index != 1:
			return &DecodeError{"index of a further fragment", at, ErrForm}
		}
		f.Next()
		if h.Index > 0 && (f.more || len(f.rest) > 0) {
			return &DecodeError{"packet of a fragment that is not the last", PacketHeaderLen + f.at, ErrForm}
		}
	}
	if len(f.rest) > 0 {
		return &DecodeError{"packet body", PacketHeaderLen + f.at, ErrForm}
	}
	return nil
}

// FragmentRoom returns how many bytes a further fragment may have in a body of n bytes. It is
// negative if there is no room for the fragment's header.
func FragmentRoom(n int) int {
	return MaxPacketBody - n - (-n & (fragmentAlign - 1)) - fragmentHeaderLen
}

// AppendFragment appends a further fragment to a body that begins at start in b.
func AppendFragment(b []byte, start int, o ByteOrder, index int16, data []byte) []byte {
	for (len(b)-start)%fragmentAlign != 0 {
		b = append(b, 0)
	}
	b = o.appendFragmentHeader(b, FragmentHeader{index, int16(len(data))})
	return append(b, data...)
}
