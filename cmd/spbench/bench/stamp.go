package bench

import (
	"encoding/binary"
	"time"
)

// Layout of the start of a payload, in little-endian order:
//
//	offset  size  field
//	     0     4  run: distinguishes messages of this run from others
//	     4     4  publisher, from 0
//	     8     8  number, from 1
//	    16     8  when, in nanoseconds since the run began
//
// What follows is not looked at.
const stampLen = 24

type stamp struct {
	run       uint32
	publisher uint32
	number    uint64
	when      time.Duration
}

func (s stamp) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, s.run)
	le.PutUint32(b[4:], s.publisher)
	le.PutUint64(b[8:], s.number)
	le.PutUint64(b[16:], uint64(s.when))
}

// readStamp reports false for a payload that is too short to be ours.
func readStamp(b []byte) (s stamp, ok bool) {
	if len(b) < stampLen {
		return s, false
	}
	le := binary.LittleEndian
	return stamp{le.Uint32(b), le.Uint32(b[4:]), le.Uint64(b[8:]), time.Duration(le.Uint64(b[16:]))}, true
}
