package fields

import "encoding/binary"

// Reader reads fields one after another. After the first failure all values are zero.
type Reader struct {
	Rest []byte // not read yet
	Bad  bool   // a field was not there, or Fail was called
}

// Fail makes this and all further fields bad.
func (r *Reader) Fail() { r.Rest, r.Bad = nil, true }

// take returns the next n bytes, or nil.
func (r *Reader) take(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.Fail()
		return nil
	}
	b := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return b
}

// Byte reads a byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint32 reads four bytes, the lowest first.
func (r *Reader) Uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads eight bytes, the lowest first.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Uvarint reads a number as [binary.AppendUvarint] writes it.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Varint reads a number as [binary.AppendVarint] writes it.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// UpTo reads a number like Uvarint. A larger one than most is a failure.
func (r *Reader) UpTo(most uint64) uint64 {
	v := r.Uvarint()
	if v > most {
		r.Fail()
		return 0
	}
	return v
}

// Count reads a number of things that take at least one byte each.
func (r *Reader) Count() int { return int(r.UpTo(uint64(len(r.Rest)))) }

// Bytes reads a length and as many bytes, which stay part of Rest's memory.
func (r *Reader) Bytes() []byte { return r.take(r.Uvarint()) }

// String reads a length and as many bytes.
func (r *Reader) String() string { return string(r.Bytes()) }

// AppendString appends what String and Bytes read.
func AppendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
