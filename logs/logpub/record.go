package logpub

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// A block in the spool is
//
//	1       version, 2; 1 is the same without the time
//	8       epoch, in big endian as all numbers of fixed size
//	8       when its first line came, in nanoseconds since 1970; 0 if that is not known
//	uvarint length of the publisher's name, and the name
//	uvarint number of targets, and for each
//	        uvarint stream, uvarint number of groups, and for each group uvarint length, name
//	uvarint number of runs, and for each
//	        uvarint index of its target, uvarint bytes, uvarint number of its first line
//	        the lines
const (
	recordVersion  = 2
	recordTimeless = 1 // a version
)

var errRecord = errors.New("a record that this version does not understand")

// appendBlock appends a block as it stands in the spool.
func appendBlock(b []byte, from *block) []byte {
	b = append(b, recordVersion)
	b = binary.BigEndian.AppendUint64(b, from.origin.epoch)
	born := int64(0)
	if !from.born.IsZero() {
		born = from.born.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(born))
	b = appendString(b, from.origin.publisher)
	var targets []*target
	index := make(map[*target]uint64)
	for _, r := range from.runs {
		if _, ok := index[r.to]; !ok {
			index[r.to] = uint64(len(targets))
			targets = append(targets, r.to)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(targets)))
	for _, to := range targets {
		b = binary.AppendUvarint(b, uint64(to.stream))
		b = binary.AppendUvarint(b, uint64(len(to.groups)))
		for _, g := range to.groups {
			b = appendString(b, g)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(from.runs)))
	for _, r := range from.runs {
		b = binary.AppendUvarint(b, index[r.to])
		b = binary.AppendUvarint(b, uint64(r.n))
		b = binary.AppendUvarint(b, r.seq)
	}
	return append(b, from.lines...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder takes bytes from the front; after the first failure there is nothing but
// zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

func (d *decoder) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > most {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count returns a number of things that take at least one byte each.
func (d *decoder) count() int { return int(d.uvarint(uint64(len(d.b)))) }

func (d *decoder) string() string {
	n := d.count()
	if n > len(d.b) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// bornOf returns when the first line of a record came; zero if it does not say so.
func bornOf(data []byte) time.Time {
	if len(data) < 17 || data[0] != recordVersion {
		return time.Time{}
	}
	if born := int64(binary.BigEndian.Uint64(data[9:])); born > 0 {
		return time.Unix(0, born)
	}
	return time.Time{}
}

// decodeBlock fills in what appendBlock has written. The lines point into data.
func decodeBlock(to *block, data []byte) error {
	head := 17
	if len(data) > 0 && data[0] == recordTimeless {
		head = 9
	}
	if len(data) < head || data[0] != recordVersion && data[0] != recordTimeless {
		return errRecord
	}
	to.origin.epoch = binary.BigEndian.Uint64(data[1:])
	to.born = bornOf(data)
	d := decoder{b: data[head:]}
	to.origin.publisher = d.string()
	targets := make([]*target, d.count())
	for i := range targets {
		t := &target{stream: uint32(d.uvarint(1<<32 - 1))}
		for range d.count() {
			g := d.string()
			if len(t.groups) == spread.MaxGroups || spread.CheckGroup(g) != nil {
				return errRecord // no daemon would take it
			}
			t.groups = append(t.groups, g)
		}
		if len(t.groups) == 0 {
			return errRecord
		}
		targets[i] = t
	}
	to.runs = to.runs[:0]
	total := 0
	for range d.count() {
		i := d.uvarint(uint64(max(1, len(targets)) - 1))
		n := d.count()
		seq := d.uvarint(1<<64 - 1)
		if d.bad || len(targets) == 0 || n == 0 {
			return errRecord
		}
		total += n
		to.runs = append(to.runs, run{n: n, to: targets[i], seq: seq})
	}
	if d.bad || total != len(d.b) {
		return errRecord
	}
	to.lines = d.b
	rest := to.lines
	for i := range to.runs {
		r := &to.runs[i]
		text := rest[:r.n]
		if text[r.n-1] != '\n' {
			return errRecord
		}
		r.lines = bytes.Count(text, []byte{'\n'})
		rest = rest[r.n:]
	}
	return nil
}
