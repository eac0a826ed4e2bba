package queue

import (
	"encoding/binary"
	"errors"
	"iter"
	"time"
)

// Entry is a line and what is known of it.
type Entry struct {
	Line   []byte
	Group  string
	Sender string    // the private name of who sent it
	Vhost  []byte    // empty if it has none
	Time   time.Time // by the clock of its log
	Came   time.Time // by this host's clock
}

// A block, which is what a batch is in memory and on disk, begins with
//
//	0  1  version, 1
//	1  8  epoch
//	9  8  number of its first line in the epoch; both in big endian
//
// and goes on with lines. Each is the line, group, sender and virtual host, each with its length in
// front as of binary.AppendUvarint, and two times, each as seconds since 1970 (AppendVarint) and nanoseconds
// (AppendUvarint).
const (
	blockVersion   = 1
	offEpoch       = 1
	offFirst       = 9
	blockHeaderLen = 17
	// entryOverhead bounds what an entry has besides its texts.
	entryOverhead = 4*binary.MaxVarintLen32 + 2*(binary.MaxVarintLen64+binary.MaxVarintLen32)
)

// size is an upper bound of the entry's in a block.
func (e *Entry) size() int {
	return len(e.Line) + len(e.Group) + len(e.Sender) + len(e.Vhost) + entryOverhead
}

func appendHeader(b []byte, epoch, first uint64) []byte {
	b = append(b, blockVersion)
	b = binary.BigEndian.AppendUint64(b, epoch)
	return binary.BigEndian.AppendUint64(b, first)
}

func appendEntry(b []byte, e *Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.Line)))
	b = append(b, e.Line...)
	b = binary.AppendUvarint(b, uint64(len(e.Group)))
	b = append(b, e.Group...)
	b = binary.AppendUvarint(b, uint64(len(e.Sender)))
	b = append(b, e.Sender...)
	b = binary.AppendUvarint(b, uint64(len(e.Vhost)))
	b = append(b, e.Vhost...)
	return appendTime(appendTime(b, e.Time), e.Came)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

var errBlock = errors.New("a block of lines is not as it was written")

// decodeEntry decodes the first entry of b, and returns the rest. The texts of e point into b, but for
// those that are as they were.
func decodeEntry(b []byte, e *Entry) (rest []byte, ok bool) {
	var group, sender []byte
	if e.Line, b, ok = text(b); !ok {
		return nil, false
	}
	if group, b, ok = text(b); !ok {
		return nil, false
	}
	if sender, b, ok = text(b); !ok {
		return nil, false
	}
	if e.Vhost, b, ok = text(b); !ok {
		return nil, false
	}
	if e.Time, b, ok = moment(b); !ok {
		return nil, false
	}
	if e.Came, b, ok = moment(b); !ok {
		return nil, false
	}
	// Most are those of the line before.
	if string(group) != e.Group {
		e.Group = string(group)
	}
	if string(sender) != e.Sender {
		e.Sender = string(sender)
	}
	return b, true
}

func text(b []byte) (t, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	b = b[k:]
	return b[:n:n], b[n:], true
}

func moment(b []byte) (t time.Time, rest []byte, ok bool) {
	seconds, k := binary.Varint(b)
	if k <= 0 {
		return t, nil, false
	}
	nanos, m := binary.Uvarint(b[k:])
	if m <= 0 || nanos >= uint64(time.Second) {
		return t, nil, false
	}
	return time.Unix(seconds, int64(nanos)).UTC(), b[k+m:], true
}

// checkBlock tells whether data is a block of so many lines.
func checkBlock(data []byte, lines int) error {
	if len(data) < blockHeaderLen || data[0] != blockVersion {
		return errBlock
	}
	var e Entry
	b := data[blockHeaderLen:]
	for range lines {
		rest, ok := decodeEntry(b, &e)
		if !ok {
			return errBlock
		}
		b = rest
	}
	if len(b) > 0 {
		return errBlock
	}
	return nil
}

// Batch is some lines that follow each other. It belongs to who got it from [Queue.Next] until all of
// them are acknowledged.
type Batch struct {
	q      *Queue
	data   []byte
	lines  int
	born   time.Time // of its first line
	sealed bool      // nothing is added any more
	id     uint64    // of its last line on the disk; 0 if it is not there
	memory bool      // data counts for the queue's bound
	acked  int       // lines that have been dealt with
	offset int       // of the first line that is not
	done   bool      // all of them
}

// Len returns the number of lines, acknowledged ones included.
func (b *Batch) Len() int { return b.lines }

// Acked returns how many of the first lines are acknowledged.
func (b *Batch) Acked() int { return b.acked }

// Bytes returns about how much memory the batch has.
func (b *Batch) Bytes() int { return len(b.data) }

// Epoch returns the random number of the process that has put the lines. It is not 0.
func (b *Batch) Epoch() uint64 { return binary.BigEndian.Uint64(b.data[offEpoch:]) }

// First returns the number in the epoch of the line 0, whether or not that is acknowledged. The others
// follow it.
func (b *Batch) First() uint64 { return binary.BigEndian.Uint64(b.data[offFirst:]) }

// Entries returns the lines that are not acknowledged, with their index, which begins at [Batch.Acked]. An
// entry is overwritten by the next; its texts stay until the batch is done.
func (b *Batch) Entries() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		var e Entry
		data := b.data[b.offset:]
		for i := b.acked; i < b.lines; i++ {
			rest, ok := decodeEntry(data, &e)
			if !ok || !yield(i, &e) {
				return
			}
			data = rest
		}
	}
}

// Ack says that the first n lines have been dealt with, for good. If that is all of them the batch is done, and
// must not be used any more.
func (b *Batch) Ack(n int) {
	if n <= b.acked || n > b.lines {
		return
	}
	b.q.ack(b, n)
}

// trim moves to the first line that is not acknowledged.
func (b *Batch) trim(n int) {
	var e Entry
	for ; b.acked < n; b.acked++ {
		rest, ok := decodeEntry(b.data[b.offset:], &e)
		if !ok {
			return
		}
		b.offset = len(b.data) - len(rest)
	}
}
