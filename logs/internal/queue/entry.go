package queue

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// Entry is a line with what is known about it.
type Entry struct {
	Line   []byte
	Group  string
	Sender string // the sender's private name
	VHost  []byte // empty if it has none
	// Function is the Perl function that the line is for; empty if its sink is not Perl.
	Function string
	Time     time.Time // by the clock of its log
	Came     time.Time // by this host's clock
}

// A block of entries starts with this header, in memory as on disk:
//
//	0  1  version, 2
//	1  8  epoch
//	9  8  number of its first line in the epoch; both in big endian
//
// Then come the entries. Each is the line, group, sender, virtual host and function, with their lengths in front
// (binary.AppendUvarint), and two times, each as seconds since 1970 (AppendVarint) and nanoseconds (AppendUvarint).
// Entries of version 1 have no function.
const (
	blockVersion   = 2
	blockVersion1  = 1 // still read
	offEpoch       = 1
	offFirst       = 9
	blockHeaderLen = 17
	// blockCost is what a block of entries counts for besides its bytes.
	blockCost = 256
	// entryOverhead bounds what an entry takes besides its texts.
	entryOverhead = 5*binary.MaxVarintLen32 + 2*(binary.MaxVarintLen64+binary.MaxVarintLen32)
)

// size is an upper bound of the entry's in a block.
func (e *Entry) size() int {
	return len(e.Line) + len(e.Group) + len(e.Sender) + len(e.VHost) + len(e.Function) + entryOverhead
}

func appendHeader(b []byte, epoch, first uint64) []byte {
	b = append(b, blockVersion)
	b = binary.BigEndian.AppendUint64(b, epoch)
	return binary.BigEndian.AppendUint64(b, first)
}

func appendEntry(b []byte, e *Entry) []byte {
	b = fields.AppendString(b, e.Line)
	b = fields.AppendString(b, e.Group)
	b = fields.AppendString(b, e.Sender)
	b = fields.AppendString(b, e.VHost)
	b = fields.AppendString(b, e.Function)
	return appendTime(appendTime(b, e.Time), e.Came)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

var errBlock = errors.New("cannot decode a block of lines")

// decodeEntry decodes the first entry of b, which is part of a block, and returns the rest. The texts of e point into
// b, except for those that are the same as in the entry that e was before.
func decodeEntry(block, b []byte, e *Entry) (rest []byte, ok bool) {
	f := fields.Reader{Rest: b}
	e.Line = f.Bytes()
	group, sender := f.Bytes(), f.Bytes()
	e.VHost = f.Bytes()
	var function []byte
	if block[0] > blockVersion1 {
		function = f.Bytes()
	}
	e.Time, e.Came = readTime(&f), readTime(&f)
	if f.Bad {
		return nil, false
	}
	// Most are those of the line before.
	if string(group) != e.Group {
		e.Group = string(group)
	}
	if string(sender) != e.Sender {
		e.Sender = string(sender)
	}
	if string(function) != e.Function {
		e.Function = string(function)
	}
	return f.Rest, true
}

func readTime(f *fields.Reader) time.Time {
	seconds := f.Varint()
	return time.Unix(seconds, int64(f.UpTo(uint64(time.Second)-1))).UTC()
}

// entryFormat is the format of queues that [Queue.Put] fills: on disk blocks are as they are in memory.
type entryFormat struct{}

func (entryFormat) encode(buf []byte, b *Block) []byte { return append(buf, b.Data...) }

func (entryFormat) born([]byte) time.Time { return time.Time{} }

func (entryFormat) decode(b *Block, rec spool.Record, done uint64) error {
	if err := checkEntries(rec.Data, rec.Lines); err != nil {
		return err
	}
	b.Data, b.Lines, b.first = rec.Data, rec.Lines, rec.ID-uint64(rec.Lines)+1
	if done >= b.first {
		b.skip = int(done - b.first + 1)
	}
	return nil
}

// checkEntries checks that data is a block of so many entries.
func checkEntries(data []byte, lines int) error {
	if len(data) < blockHeaderLen || data[0] != blockVersion && data[0] != blockVersion1 || lines <= 0 {
		return errBlock
	}
	var e Entry
	b := data[blockHeaderLen:]
	for range lines {
		rest, ok := decodeEntry(data, b, &e)
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

// Put adds a line, of which it keeps a copy. It never waits. It returns false if there is no room, and counts the line
// as dropped.
func (q *Queue) Put(e *Entry) bool {
	size := e.size()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count.put.Add(1)
	if size > spool.MaxRecord-blockHeaderLen {
		q.count.drop(DropTooLong, 1, int64(len(e.Line)))
		return false
	}
	if !q.fits(size) {
		q.count.drop(q.whyFull(), 1, int64(len(e.Line)))
		return false
	}
	b := q.memory.open()
	if b != nil && len(b.Data)+size > q.cfg.BatchBytes {
		b.sealed = true
		b = nil
	}
	if b == nil {
		b = q.newBlock(0, blockHeaderLen+blockCost)
		b.Data = appendHeader(b.Data, q.cfg.Epoch, q.next-q.base)
		signal(q.wake)
	}
	before := len(b.Data)
	b.Data = appendEntry(b.Data, e)
	q.grow(b, 1)
	b.cost += len(b.Data) - before
	q.memory.size += len(b.Data) - before
	if b.Lines >= q.cfg.BatchLines || len(b.Data) >= q.cfg.BatchBytes {
		b.sealed = true
		signal(q.wake)
	}
	if q.memory.size >= q.memory.limit/2 && q.disk.store != nil {
		signal(q.due)
	}
	return true
}

// whyFull returns why memory has no room.
func (q *Queue) whyFull() DropReason {
	switch {
	case q.disk.trouble == nil:
		return DropQueue // there is no spool, or it is too slow
	case errors.Is(q.disk.trouble, spool.ErrFull):
		return DropSpool
	default:
		return DropSpoolError
	}
}
