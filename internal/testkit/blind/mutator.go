package blind

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"slices"
)

// mutator makes the inputs of a target: mutations of those in its corpus.
type mutator struct {
	rng     *rand.Rand
	corpus  [][]reflect.Value
	longest int // how long an argument may become
	args    []reflect.Value
	memory  [][]byte // of the arguments that are bytes or text
	other   []byte   // memory of what is spliced
	failure string
}

func newMutator(seed uint64, name string) *mutator {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return &mutator{rng: rand.New(rand.NewPCG(seed, h.Sum64())), longest: 4096}
}

// add adds a copy of an input to the corpus.
func (m *mutator) add(in []reflect.Value) {
	own := make([]reflect.Value, len(in))
	for i, v := range in {
		own[i] = reflect.New(v.Type()).Elem()
		own[i].Set(v)
		if v.Kind() == reflect.Slice {
			own[i].SetBytes(bytes.Clone(v.Bytes()))
		}
		if isText(v) {
			m.longest = max(m.longest, v.Len())
		}
	}
	m.corpus = append(m.corpus, own)
	if m.memory == nil {
		m.memory = make([][]byte, len(in))
	}
}

func isText(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.String }

// pick returns an input of the corpus, one of the shorter ones more often.
func (m *mutator) pick() []reflect.Value {
	a, b := m.corpus[m.rng.IntN(len(m.corpus))], m.corpus[m.rng.IntN(len(m.corpus))]
	if length(b) < length(a) {
		return b
	}
	return a
}

func length(in []reflect.Value) (n int) {
	for _, v := range in {
		if isText(v) {
			n += v.Len()
		}
	}
	return n
}

// mutate makes the next input.
func (m *mutator) mutate() {
	from := m.pick()
	for i, v := range from {
		switch v.Kind() {
		case reflect.Slice, reflect.String:
			b := m.text(m.memory[i], v, i)
			m.memory[i] = b[:0]
			if v.Kind() == reflect.Slice {
				m.args[i].SetBytes(slices.Clip(b))
			} else {
				m.args[i].SetString(string(b))
			}
		case reflect.Bool:
			m.args[i].SetBool(v.Bool() != (m.rng.IntN(4) == 0))
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			m.args[i].SetInt(int64(m.integer(uint64(v.Int()))))
		default:
			m.args[i].SetUint(m.integer(v.Uint()))
		}
	}
}

// interesting are numbers at which formats have their bounds.
var interesting = [...]uint64{
	0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 1023, 1024, 1472, 4095, 4096, 32767, 32768, 65535, 65536,
	1<<24 - 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<62 - 1, 1<<63 - 1, 1 << 63, 1<<64 - 1, 1<<64 - 2, 1<<64 - 128, 1<<64 - 32768,
}

func (m *mutator) integer(n uint64) uint64 {
	switch m.rng.IntN(8) {
	case 0:
		return interesting[m.rng.IntN(len(interesting))]
	case 1:
		return n + m.rng.Uint64N(33) - 16
	case 2:
		return n ^ 1<<m.rng.IntN(64)
	case 3:
		return m.rng.Uint64() >> m.rng.IntN(64)
	default:
		return n
	}
}

// text returns a mutation of argument i of an input, in the memory b.
func (m *mutator) text(b []byte, v reflect.Value, i int) []byte {
	b = appendText(b[:0], v)
	for {
		b = m.change(b, i)
		if m.rng.IntN(2) == 0 {
			break
		}
	}
	return b[:min(len(b), m.longest)]
}

func appendText(b []byte, v reflect.Value) []byte {
	if v.Kind() == reflect.Slice {
		return append(b, v.Bytes()...)
	}
	return append(b, v.String()...)
}

// change makes one change.
func (m *mutator) change(b []byte, arg int) []byte {
	r := m.rng
	if len(b) == 0 {
		return append(b, byte(r.Uint32()))
	}
	at := r.IntN(len(b))
	switch r.IntN(12) {
	case 0, 1:
		b[at] ^= 1 << r.IntN(8)
	case 2:
		b[at] = byte(r.Uint32())
	case 3:
		b[at] = byte(interesting[r.IntN(len(interesting))])
	case 4:
		b[at] += byte(r.IntN(33) - 16)
	case 5, 6: // a number
		m.number(b[at:])
	case 7: // cut
		if r.IntN(2) == 0 {
			return b[:at]
		}
		end := at + r.IntN(min(len(b)-at, 64)+1)
		return append(b[:at], b[end:]...)
	case 8: // repeat a piece of its own
		from := r.IntN(len(b))
		return insert(b, at, b[from:min(len(b), from+1+r.IntN(32))])
	case 9: // copy a piece of its own over another
		from := r.IntN(len(b))
		copy(b[at:], b[from:min(len(b), from+1+r.IntN(8))])
	case 10: // splice: begin like one and end like another
		if other := m.piece(arg); len(other) > 0 {
			return append(b[:at], other[r.IntN(len(other)):]...)
		}
	case 11: // insert a piece of another
		if other := m.piece(arg); len(other) > 0 {
			from := r.IntN(len(other))
			return insert(b, at, other[from:min(len(other), from+1+r.IntN(32))])
		}
	}
	return b
}

// piece returns the same argument of another input.
func (m *mutator) piece(arg int) []byte {
	m.other = appendText(m.other[:0], m.pick()[arg])
	return m.other
}

// number changes an integer at the start of b, of any size and byte order.
func (m *mutator) number(b []byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if m.rng.IntN(2) == 0 {
		order = binary.BigEndian
	}
	switch size := 2 << m.rng.IntN(3); {
	case len(b) >= 8 && size == 8:
		order.PutUint64(b, m.integer(order.Uint64(b)))
	case len(b) >= 4 && size >= 4:
		order.PutUint32(b, uint32(m.integer(uint64(order.Uint32(b)))))
	case len(b) >= 2:
		order.PutUint16(b, uint16(m.integer(uint64(order.Uint16(b)))))
	default:
		b[0] = byte(m.integer(uint64(b[0])))
	}
}

// insert puts a piece, which may be one of b, into b.
func insert(b []byte, at int, piece []byte) []byte {
	n := len(piece)
	var own [64]byte
	piece = own[:copy(own[:], piece)]
	b = append(b, own[:n]...)
	copy(b[at+n:], b[at:])
	copy(b[at:], piece)
	return b
}
