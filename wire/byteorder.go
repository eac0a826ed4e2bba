package wire

import "encoding/binary"

// byteOrderMarker is the two bits that a little-endian sender sets in type and hint words. The
// bytes of the marker are a palindrome, so they read the same before and after swapping
// (client-protocol §6).
const byteOrderMarker = 0x80000080

// ByteOrder is the byte order in which a peer writes its integers. The zero value is little-endian,
// which is what we write.
type ByteOrder uint8

// The two orders.
const (
	LittleEndian ByteOrder = iota
	BigEndian
)

// ByteOrderOf returns the byte order of a word from its marker: little-endian if both bits are set,
// otherwise big-endian. It needs the four bytes of the word.
func ByteOrderOf(word []byte) ByteOrder {
	_ = word[3]
	if word[0]&word[3]&0x80 != 0 {
		return LittleEndian
	}
	return BigEndian
}

// String returns "le" or "be".
func (o ByteOrder) String() string {
	if o == BigEndian {
		return "be"
	}
	return "le"
}

// Uint32 reads four bytes of b.
func (o ByteOrder) Uint32(b []byte) uint32 {
	if o == BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// Int32 reads four bytes of b as a signed number.
func (o ByteOrder) Int32(b []byte) int32 { return int32(o.Uint32(b)) }

// Uint16 reads two bytes of b.
func (o ByteOrder) Uint16(b []byte) uint16 {
	if o == BigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// AppendUint16 appends v to b.
func (o ByteOrder) AppendUint16(b []byte, v uint16) []byte {
	if o == BigEndian {
		return binary.BigEndian.AppendUint16(b, v)
	}
	return binary.LittleEndian.AppendUint16(b, v)
}

// PutUint16 writes v to the first two bytes of b.
func (o ByteOrder) PutUint16(b []byte, v uint16) {
	if o == BigEndian {
		binary.BigEndian.PutUint16(b, v)
		return
	}
	binary.LittleEndian.PutUint16(b, v)
}

// PutUint32 writes v to the first four bytes of b.
func (o ByteOrder) PutUint32(b []byte, v uint32) {
	if o == BigEndian {
		binary.BigEndian.PutUint32(b, v)
		return
	}
	binary.LittleEndian.PutUint32(b, v)
}

// AppendUint32 appends v to b.
func (o ByteOrder) AppendUint32(b []byte, v uint32) []byte {
	if o == BigEndian {
		return binary.BigEndian.AppendUint32(b, v)
	}
	return binary.LittleEndian.AppendUint32(b, v)
}

// mark returns the marker that this byte order sets in a word.
func (o ByteOrder) mark() uint32 {
	if o == BigEndian {
		return 0
	}
	return byteOrderMarker
}
