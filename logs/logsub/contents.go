package logsub

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"math"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/spread"
)

// Any member of a group can send an envelope with the name of any publisher. So a line is a
// duplicate only if its number and its content are known, and a number far ahead says nothing at
// first.

const (
	// minContents and maxContents are how many lines of a stream have their contents remembered: few
	// at first, more as lines come. contentsLimit bounds those of all streams of a connection: 16 MiB.
	minContents   = 64
	maxContents   = 16384
	contentsLimit = 4 << 20
	// maxJump is how far ahead a number may be of the last one of its stream, and maxForeignJump, which
	// leaves the contents of all lines in between remembered, if another session sends it. A number
	// that is further ahead counts only after believeAfter, if its sender has gone on there.
	maxJump        = 1 << 20
	maxForeignJump = maxContents / 2
	believeAfter   = time.Second
	// silentAfter is how long the session of a stream has sent nothing when the stream may go over to
	// another session.
	silentAfter = 250 * time.Millisecond
	// maxConflicts bounds the lines of a connection that get a name in the index because their number
	// was taken. Further ones are written without a name: again if
	// they come again.
	maxConflicts = 4096
)

// lineHashes remembers the contents of the last lines of a stream by their numbers.
type lineHashes struct {
	hashes []uint32 // by number modulo the length, a power of two; 0 is unknown
	next   uint64   // behind the highest number
	count  int      // lines since the length was chosen
}

// find returns the hash of a line; 0 if it is unknown.
func (c *lineHashes) find(seq uint64) uint32 {
	if n := uint64(len(c.hashes)); seq >= c.next || c.next-seq > n {
		return 0
	}
	return c.hashes[seq&uint64(len(c.hashes)-1)]
}

// set remembers a line. left is how many more the connection may remember.
func (c *lineHashes) set(seq uint64, hash uint32, left *int) {
	if seq == c.next && len(c.hashes) == maxContents {
		c.hashes[seq&(maxContents-1)] = hash
		c.next++
		return
	}
	c.setAny(seq, hash, left)
}

// setAny is set for lines that are not next, and while there is room for more.
func (c *lineHashes) setAny(seq uint64, hash uint32, left *int) {
	n := uint64(len(c.hashes))
	c.count++
	if n < maxContents && (c.count > len(c.hashes) || seq >= c.next && seq-c.next >= n) {
		c.grow(seq, left)
		n = uint64(len(c.hashes))
	}
	if n == 0 || c.next > n && seq < c.next-n {
		return
	}
	if seq >= c.next {
		if seq-c.next >= n {
			clear(c.hashes)
		} else {
			for ; c.next < seq; c.next++ {
				c.hashes[c.next&(n-1)] = 0
			}
		}
		c.next = seq + 1
	}
	c.hashes[seq&(n-1)] = hash
}

// grow makes room for more lines, unless the connection has none.
func (c *lineHashes) grow(seq uint64, left *int) {
	n := max(minContents, 2*len(c.hashes))
	for n < maxContents && seq >= c.next && seq-c.next >= uint64(n) {
		n *= 2
	}
	if n-len(c.hashes) > *left {
		return
	}
	*left -= n - len(c.hashes)
	old := *c
	c.hashes, c.count = make([]uint32, n), len(old.hashes)+1
	for i := range uint64(min(len(old.hashes), int(min(old.next, math.MaxInt32)))) {
		at := old.next - 1 - i
		c.hashes[at&uint64(n-1)] = old.find(at)
	}
}

// hashOf is a keyed hash of a line, never 0.
func (r *receiver) hashOf(line []byte) uint32 {
	return uint32(maphash.Bytes(r.seed, line)) | 1
}

// jump is a number of a stream that is too far ahead to be believed at once.
type jump struct {
	sender string
	next   uint64
	since  time.Time
}

// believes reports whether a number may be that of the stream's next line.
func (r *receiver) believes(s *stream, seq uint64, sender string) bool {
	known, limit := s.next, uint64(maxJump)
	switch {
	case s.sender == sender || !s.begun || r.now.Sub(s.heard) >= silentAfter:
		s.sender, s.heard = sender, r.now
	default:
		known, limit = s.sent, maxForeignJump
	}
	if !s.begun || seq < known || seq-known < limit {
		if s.sender == sender {
			s.sent = max(s.sent, seq+1)
		}
		return true
	}
	if j := s.jump; j != nil && j.sender == sender && seq >= j.next && seq-j.next < maxJump {
		if j.next = seq + 1; r.now.Sub(j.since) < believeAfter {
			return false
		}
		s.sender, s.sent, s.jump = sender, seq+1, nil
		return true
	}
	s.jump = &jump{sender, seq + 1, r.now}
	return false
}

// continues reports whether a number is that of the stream's next line, and the session the one that
// sends the stream: then judge would find this and any further lines of a message new.
func (r *receiver) continues(s *stream, seq uint64, sender string) bool {
	return seq == s.next && seq == s.have.Next() && seq-1 < math.MaxInt64 && s.begun && s.sender == sender
}

// advance notes the next n lines of a stream that continues.
func (r *receiver) advance(s *stream, n uint64) {
	s.have.Extend(n)
	s.next += n
	s.sent, s.heard = max(s.sent, s.next), r.now
	if s.uncounted == 0 {
		r.advanced = append(r.advanced, s)
	}
	s.uncounted += int64(n)
}

// countNew counts the lines of streams that have continued.
func (r *receiver) countNew() {
	for _, s := range r.advanced {
		s.pub.lines.Add(s.uncounted)
		s.uncounted = 0
	}
	clear(r.advanced)
	r.advanced = r.advanced[:0]
}

// verdict is what the number and the content of a line say.
type verdict uint8

const (
	isNew verdict = iota
	isRepeat
	isConflict // its number was taken, or is not believed
)

// judge notes the number and the content of a line.
func (r *receiver) judge(s *stream, seq uint64, line []byte, sender string) verdict {
	hash := r.hashOf(line)
	if !s.have.Has(seq) {
		if !r.believes(s, seq, sender) {
			return isConflict
		}
	} else if known := s.contents.find(seq); known != 0 && known != hash {
		return isConflict
	}
	if !r.take(s, seq) {
		return isRepeat
	}
	s.contents.set(seq, hash, &r.streams.contents)
	return isNew
}

// conflict passes on a line whose number belongs to another line. In the index it is the only line of
// a stream of its own, named after its content, so that all log hosts give it the same name. By that
// name it is known, too, that a sink has no room for it.
func (r *receiver) conflict(m *spread.Message, s *stream, seq uint64, line []byte, to []target) {
	s.pub.conflicts.Add(1)
	r.reportConflict(m, s, seq)
	sum := sha256.New()
	_, _ = sum.Write(binary.BigEndian.AppendUint64([]byte(s.key), seq)) // never fails
	_, _ = sum.Write(line)
	o := envelope.Origin{Publisher: s.from.Publisher, Epoch: binary.BigEndian.Uint64(sum.Sum(nil)) | 1<<63, Stream: math.MaxUint32}
	it := &item{sender: m.Sender, payload: line}
	if alone := r.alone(&o); alone == nil {
		it.stream = &origin{key: o.Key(), from: o, pub: s.pub, acks: r.acks, unnamed: true}
	} else if it.stream = alone.origin; !alone.have.Add(0) {
		s.pub.repeats.Add(1)
		again := r.acks.again(&o, 0, to)
		if again == nil {
			r.s.dropMessage(dropRepeat, len(line))
			r.acks.cameAs(it.stream, m.Sender, &s.from, seq, to)
			return
		}
		to = again
	}
	r.put(to, it)
	r.acks.cameAs(it.stream, m.Sender, &s.from, seq, to)
}

// alone returns the stream of a line that is the only one of its stream; nil if there are too many.
func (r *receiver) alone(o *envelope.Origin) *stream {
	key := o.Key()
	if _, known := r.streams.byKey[key]; !known {
		if r.conflicts >= maxConflicts {
			return nil
		}
		r.conflicts++
	}
	s := r.streams.find([]byte(key), r.now, &r.publishers)
	s.begun, s.expected, s.next = true, true, 1
	return s
}

// reportConflict logs conflicts, once a gapInterval for each publisher.
func (r *receiver) reportConflict(m *spread.Message, s *stream, seq uint64) {
	s.pub.disputed++
	if r.now.Sub(s.pub.disputes) < gapInterval {
		return
	}
	r.s.cfg.Log.Warn("lines have numbers of other lines, or numbers too far ahead; they are written; two publishers may have one name, or the sender may forge lines",
		slog.String("publisher", s.pub.name), slog.String("sender", m.Sender), slog.Uint64("lines", s.pub.disputed),
		slog.Uint64("epoch", s.from.Epoch), slog.Uint64("stream", uint64(s.from.Stream)), slog.Uint64("number", seq))
	s.pub.disputes, s.pub.disputed = r.now, 0
}
