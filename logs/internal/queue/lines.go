package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

// Origin says who numbered lines, and for whom.
type Origin struct {
	Publisher string
	// Daemon names the daemon that the lines are for. Empty means any.
	Daemon string
}

// Target is where lines go.
type Target struct {
	Groups []string
	// Epoch and Stream name the stream of the lines.
	Epoch  uint64
	Stream uint32
	// Next is the number of the next line. The queue's mutex guards it once lines are put.
	Next uint64
}

// Run is a row of lines in a block that go to one target.
type Run struct {
	Bytes int
	Lines int
	To    *Target
	// Seq is the number of the first line, from 0, in the stream of the target. Lines that were dropped before they
	// came here have numbers, too.
	Seq uint64
	// Kept means that the source of the lines keeps them until they are safe.
	Kept bool
}

// PutLines appends whole lines for a target, of which there are n, as far as there is room. It returns the rest. Lines
// that are kept are those whose source passes them again to the next process, unless they are safe by then.
func (q *Queue) PutLines(lines []byte, n int, to *Target, kept bool) (rest []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	began := len(lines)
	for len(lines) > 0 {
		b := q.memory.open()
		size := 0
		if b != nil {
			size = wholeLines(lines, cap(b.Data)-len(b.Data))
		}
		if size == 0 {
			need := max(q.cfg.BatchBytes, bytes.IndexByte(lines, '\n')+1)
			if !q.fits(need) {
				break
			}
			q.newBlock(need, need)
			continue
		}
		// Counting costs as much as copying, so only the smaller part is counted.
		count := n
		switch {
		case size == len(lines):
		case size <= len(lines)/2:
			count = bytes.Count(lines[:size], []byte{'\n'})
		default:
			count -= bytes.Count(lines[size:], []byte{'\n'})
		}
		b.add(lines[:size], count, to, kept)
		q.grow(b, count)
		lines, n = lines[size:], n-count
	}
	if len(lines) < began {
		signal(q.wake)
	}
	return lines
}

// wholeLines returns how many bytes of lines are whole lines and fit into room bytes.
func wholeLines(lines []byte, room int) int {
	if len(lines) <= room {
		return len(lines)
	}
	return bytes.LastIndexByte(lines[:room], '\n') + 1
}

// add appends n lines, for which there is room.
func (b *Block) add(lines []byte, n int, to *Target, kept bool) {
	b.Data = append(b.Data, lines...)
	seq := to.Next
	to.Next += uint64(n)
	if last := len(b.Runs) - 1; last >= 0 {
		// Lines that were dropped in between have left a gap.
		if r := &b.Runs[last]; r.To == to && r.Kept == kept && r.Seq+uint64(r.Lines) == seq {
			r.Bytes += len(lines)
			r.Lines += n
			return
		}
	}
	b.Runs = append(b.Runs, Run{Bytes: len(lines), Lines: n, To: to, Seq: seq, Kept: kept})
}

// PutWaiting is PutLines that waits for room until timeout has a value or stop is closed.
func (q *Queue) PutWaiting(lines []byte, to *Target, kept bool, timeout <-chan time.Time, stop <-chan struct{}) (rest []byte) {
	for len(lines) > 0 {
		select {
		case <-q.room:
			lines = q.PutLines(lines, bytes.Count(lines, []byte{'\n'}), to, kept)
		case <-timeout:
			return lines
		case <-stop:
			return lines
		}
	}
	signal(q.room) // there may be more of it, and others who wait
	return nil
}

// DropNewest counts lines for which there was no room. It gives them numbers, so that those who receive the other lines
// see the gap.
func (q *Queue) DropNewest(lines []byte, to *Target) {
	n := bytes.Count(lines, []byte{'\n'})
	q.Skip(n, to)
	q.count.drop(DropQueue, int64(n), int64(len(lines)))
	signal(q.dropping)
}

// Skip gives numbers to lines that are dropped.
func (q *Queue) Skip(n int, to *Target) {
	q.mu.Lock()
	to.Next += uint64(n)
	q.mu.Unlock()
}

// A block of lines in the spool is
//
//	1       version, 3
//	8       epoch of the first target, in big endian as all numbers of fixed size
//	8       when its first line came, in nanoseconds since 1970; 0 if that is not known
//	uvarint length of the publisher's name, and the name; the same for the name of the daemon
//	uvarint number of targets, and for each
//	        uvarint epoch xor that of the first target, uvarint stream,
//	        uvarint number of groups, and for each group uvarint length, name
//	uvarint number of runs, and for each
//	        uvarint index of its target, uvarint bytes, uvarint number of its first line
//	        the lines
//
// Version 2 has no name of a daemon, and one epoch for all targets. Version 1 has no time either.
const (
	recordVersion  = 3
	recordOneEpoch = 2 // a version
	recordTimeless = 1 // a version
	offBorn        = 9
	recordHead     = 17
)

var errRecord = errors.New("cannot decode a record of lines; it may be of a newer version")

// lineFormat is the format of queues that [Queue.PutLines] fills.
type lineFormat struct {
	check func(groups []string) error // nil takes all
}

func (lineFormat) encode(b []byte, from *Block) []byte {
	b = append(b, recordVersion)
	epoch := uint64(0)
	if len(from.Runs) > 0 {
		epoch = from.Runs[0].To.Epoch
	}
	b = binary.BigEndian.AppendUint64(b, epoch)
	born := int64(0)
	if !from.born.IsZero() {
		born = from.born.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(born))
	b = fields.AppendString(b, from.Origin.Publisher)
	b = fields.AppendString(b, from.Origin.Daemon)
	var targets []*Target
	index := make(map[*Target]uint64)
	for _, r := range from.Runs {
		if _, ok := index[r.To]; !ok {
			index[r.To] = uint64(len(targets))
			targets = append(targets, r.To)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(targets)))
	for _, to := range targets {
		b = binary.AppendUvarint(b, to.Epoch^epoch)
		b = binary.AppendUvarint(b, uint64(to.Stream))
		b = binary.AppendUvarint(b, uint64(len(to.Groups)))
		for _, g := range to.Groups {
			b = fields.AppendString(b, g)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(from.Runs)))
	for _, r := range from.Runs {
		b = binary.AppendUvarint(b, index[r.To])
		b = binary.AppendUvarint(b, uint64(r.Bytes))
		b = binary.AppendUvarint(b, r.Seq)
	}
	return append(b, from.Data...)
}

func (lineFormat) born(data []byte) time.Time {
	if len(data) < recordHead || data[0] == recordTimeless {
		return time.Time{}
	}
	if born := int64(binary.BigEndian.Uint64(data[offBorn:])); born > 0 {
		return time.Unix(0, born)
	}
	return time.Time{}
}

func (f lineFormat) decode(b *Block, rec spool.Record, _ uint64) error {
	data := rec.Data
	if len(data) == 0 || data[0] < recordTimeless || data[0] > recordVersion {
		return errRecord
	}
	version, head := data[0], recordHead
	if version == recordTimeless {
		head = offBorn
	}
	if len(data) < head {
		return errRecord
	}
	epoch := binary.BigEndian.Uint64(data[1:])
	b.born = f.born(data)
	d := fields.Reader{Rest: data[head:]}
	b.Origin = Origin{Publisher: d.String()}
	if version == recordVersion {
		b.Origin.Daemon = d.String()
	}
	targets := make([]*Target, d.Count())
	for i := range targets {
		targets[i] = &Target{Epoch: epoch}
		if version == recordVersion {
			targets[i].Epoch ^= d.Uvarint()
		}
		targets[i].read(&d)
		if d.Bad {
			return errRecord
		}
		if f.check != nil && f.check(targets[i].Groups) != nil {
			return errRecord // no daemon would take the lines
		}
	}
	b.Runs = b.Runs[:0]
	total := 0
	for range d.Count() {
		i := d.UpTo(uint64(max(1, len(targets)) - 1))
		n := d.Count()
		seq := d.Uvarint()
		if d.Bad || len(targets) == 0 || n == 0 {
			return errRecord
		}
		total += n
		b.Runs = append(b.Runs, Run{Bytes: n, To: targets[i], Seq: seq})
	}
	if d.Bad || total != len(d.Rest) {
		return errRecord
	}
	b.Data, b.Lines = d.Rest, 0
	rest := b.Data
	for i := range b.Runs {
		r := &b.Runs[i]
		text := rest[:r.Bytes]
		if text[r.Bytes-1] != '\n' {
			return errRecord
		}
		r.Lines = bytes.Count(text, []byte{'\n'})
		b.Lines += r.Lines
		rest = rest[r.Bytes:]
	}
	return nil
}

// read reads stream and groups, as encode has written them.
func (t *Target) read(r *fields.Reader) {
	t.Stream = uint32(r.UpTo(1<<32 - 1))
	for range r.Count() {
		t.Groups = append(t.Groups, r.String())
	}
	if len(t.Groups) == 0 {
		r.Fail()
	}
}
