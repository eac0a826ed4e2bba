package traffic

import (
	"bytes"

	"github.com/spreadd/spreadd/envelope"
)

// maxStreams bounds the streams that are known; when there are more, all are
// forgotten, and repeats and gaps at that moment are not seen.
const maxStreams = 10_000

// maxGap is what a gap counts for at most, since anybody can send any number.
const maxGap = 1 << 32

type streamID struct {
	publisher string
	epoch     uint64
	stream    uint32
}

// streams know the number that each stream goes on with.
type streams struct {
	next              map[streamID]uint64
	repeated, missing int64
	forgotten         int64
}

// fresh returns the lines that did not come before.
func (s *streams) fresh(h *envelope.Header, lines []byte) []byte {
	id := streamID{h.Publisher, h.Epoch, h.Stream}
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	next, known := s.next[id]
	switch {
	case !known && len(s.next) >= maxStreams:
		clear(s.next)
		s.forgotten++
	case known && h.Seq > next:
		s.missing += int64(min(h.Seq-next, maxGap))
	case known && h.Seq < next:
		again := min(next-h.Seq, n)
		s.repeated += int64(again)
		for range again {
			lines = lines[bytes.IndexByte(lines, '\n')+1:]
		}
	}
	if end := h.Seq + n; !known || end > next {
		s.next[id] = end
	}
	return lines
}
