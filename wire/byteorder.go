package wire

import (
	"encoding/binary"
	"math/bits"
)

// byteOrderMarker is the two bits that a little-endian sender sets in type and hint words. The
// bytes of the marker are a palindrome, so they read the same before and after swapping
// (client-protocol §6).
const byteOrderMarker = 0x80000080

// ByteOrder is the byte order in which a peer writes its integers. The zero value is little-endian,
// which is what we write.
type ByteOrder uint8

// The two orders.
const (
	LittleEndian ByteOrder = iota // le
	BigEndian                     // be
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

// swap32 and swap16 turn a little-endian number into one of this byte order, and back.
func (o ByteOrder) swap32(v uint32) uint32 {
	if o == BigEndian {
		return bits.ReverseBytes32(v)
	}
	return v
}

func (o ByteOrder) swap16(v uint16) uint16 {
	if o == BigEndian {
		return bits.ReverseBytes16(v)
	}
	return v
}

// Uint32 reads four bytes of b.
func (o ByteOrder) Uint32(b []byte) uint32 { return o.swap32(binary.LittleEndian.Uint32(b)) }

// Int32 reads four bytes of b as a signed number.
func (o ByteOrder) Int32(b []byte) int32 { return int32(o.Uint32(b)) }

// Uint16 reads two bytes of b.
func (o ByteOrder) Uint16(b []byte) uint16 { return o.swap16(binary.LittleEndian.Uint16(b)) }

// PutUint32 writes v to the first four bytes of b.
func (o ByteOrder) PutUint32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, o.swap32(v)) }

// PutUint16 writes v to the first two bytes of b.
func (o ByteOrder) PutUint16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, o.swap16(v)) }

// AppendUint32 appends v to b.
func (o ByteOrder) AppendUint32(b []byte, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(b, o.swap32(v))
}

// AppendUint16 appends v to b.
func (o ByteOrder) AppendUint16(b []byte, v uint16) []byte {
	return binary.LittleEndian.AppendUint16(b, o.swap16(v))
}

// mark returns the marker that this byte order sets in a word.
func (o ByteOrder) mark() uint32 {
	if o == BigEndian {
		return 0
	}
	return byteOrderMarker
}
