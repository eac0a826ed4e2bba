package traffic

import "github.com/spreadd/spreadd/internal/envelope"

// maxStreams bounds the known streams. When there are more, all are forgotten, and repeats and gaps
// at that moment are missed.
const maxStreams = 2_000

// maxGap is the most that a gap counts, because anybody can send any number.
const maxGap = 1 << 32

// stream is one stream of a publisher.
type stream struct {
	first uint64 // number that came; those before it are not missed
	have  envelope.Numbers
}

// streams know which numbers have come, by stream.
type streams struct {
	known                   map[string]*stream // by the key of their envelopes
	repeated, missing, late int64
	forgotten               int64
}

// find returns the stream of an envelope.
func (s *streams) find(key []byte, seq uint64) *stream {
	st := s.known[string(key)]
	if st == nil {
		if len(s.known) >= maxStreams {
			clear(s.known)
			s.forgotten++
		}
		st = &stream{first: seq}
		s.known[string(key)] = st
	}
	return st
}

// add notes a number, and reports whether it is new.
func (s *streams) add(st *stream, seq uint64) bool {
	next := st.have.Next()
	switch {
	case !st.have.Add(seq):
		s.repeated++
		return false
	case next == 0: // the first of all
	case seq > next:
		s.missing += int64(min(seq-next, maxGap))
	case seq < next && seq > st.first:
		s.late++
	}
	return true
}
