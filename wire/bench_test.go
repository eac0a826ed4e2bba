package wire

import (
	"bytes"
	"testing"
)

// benchMessage returns a log line for a group, as on the wire.
func benchMessage(o ByteOrder) []byte {
	m := Message{
		Header:      Header{ByteOrder: o, Type: Agreed, Sender: self, Hint: Hint{0, 1, 0, 0}},
		GroupFields: bytes.Repeat([]byte("grp\x00"), NameLen/4),
		Payload:     bytes.Repeat([]byte{'x'}, 200),
	}
	return m.Append(nil)
}

func BenchmarkHeaderDecode(b *testing.B) {
	for _, o := range []ByteOrder{LittleEndian, BigEndian} {
		b.Run(o.String(), func(b *testing.B) {
			msg := benchMessage(o)
			var h Header
			b.ReportAllocs()
			b.SetBytes(HeaderLen)
			for b.Loop() {
				if err := h.Decode(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeaderCheckRequest(b *testing.B) {
	var h Header
	if err := h.Decode(benchMessage(LittleEndian)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if why := h.CheckRequest(&self); why != NotRefused {
			b.Fatal(why)
		}
	}
}

func BenchmarkMessageDecode(b *testing.B) {
	for _, o := range []ByteOrder{LittleEndian, BigEndian} {
		b.Run(o.String(), func(b *testing.B) {
			msg := benchMessage(o)
			var m Message
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if _, err := m.Decode(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMessageAppend(b *testing.B) {
	msg := benchMessage(LittleEndian)
	var m Message
	if _, err := m.Decode(msg); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, len(msg))
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}

// BenchmarkCopy is what the benchmarks above are compared with.
func BenchmarkCopy(b *testing.B) {
	msg := benchMessage(LittleEndian)
	buf := make([]byte, len(msg))
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		copy(buf, msg)
	}
}
