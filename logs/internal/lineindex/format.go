package lineindex

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/spreadd/spreadd/logs/internal/fields"
)

// An index is
//
//	0   8  magic
//	8   8  generation: a random number, different for each index
//	16     records
//
// and a record is
//
//	0    4  n, length of the payload
//	4    4  CRC-32C of the payload
//	8    n  payload
//	8+n  4  n again, so that the last record can be found from the end
//
// Fixed-size numbers are little endian. Logical offsets count the whole content of a log file: the
// compressed part, followed by the plain part. The base of a record is the logical offset of the
// first byte of the plain file. The payloads are
//
//	section:  'S', string template
//	batch:    'B', flags (1: the CRC is known), uvarint base, uvarint logical offset, uvarint length of the data, u32 its CRC-32C,
//	          uvarint number of streams, and for each string label, string key,
//	          uvarint number of lines, and for each
//	          uvarint 2*stream + (1 if its number follows that of the previous line of the stream),
//	          uvarint number, unless it follows; uvarint length
//	unnamed:  'U', uvarint base, uvarint logical offset, uvarint length
//
// A string is a uvarint length and the bytes. Streams are numbered from 1 in the order in which the
// section declares them; 0 stands for lines without a name, which have no number. A section ends
// where the next one begins.
const (
	magic      = "\xffSPLI\x01\r\n"
	headerLen  = 16
	frameLen   = 12
	maxPayload = 1 << 30

	kindSection = 'S'
	kindBatch   = 'B'
	kindUnnamed = 'U'

	flagCRC = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged means that an index or a ledger differs from what was written.
var ErrDamaged = errors.New("damaged")

// Name is the name of a stream of lines in a log.
type Name struct {
	// Label names the log: its group, and a number if several logs have that group.
	Label string
	// Key is the key of the stream (envelope.Split).
	Key string
}

// Line is an entry of an index: a line, or bytes without a name.
type Line struct {
	Name *Name // nil if it has none
	Seq  uint64
	Off  int64 // logical
	Len  int64
}

// batch is a record that describes lines.
type batch struct {
	at      int64 // offset of the record in the index
	next    int64 // offset of the next record
	base    int64
	start   int64 // logical
	n       int64 // bytes
	crc     uint32
	checked bool // crc is known
	lines   []Line
}

func (b *batch) end() int64 { return b.start + b.n }

// frame appends a record with the payload that write appends.
func frame(b []byte, write func([]byte) []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = write(b)
	payload := b[at+8:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(payload, castagnoli))
	return binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
}

// encoder writes batches of a section.
type encoder struct {
	next   []uint64 // by stream: the number behind its last line; index 0 is not used
	fresh  []Name   // declared since the last batch
	lines  []byte
	nLines uint64
	bytes  int64
}

func (e *encoder) reset() {
	e.next = append(e.next[:0], 0)
	e.fresh = e.fresh[:0]
}

// declare gives a stream its number in the section.
func (e *encoder) declare(n Name) int {
	e.fresh = append(e.fresh, n)
	e.next = append(e.next, 0)
	return len(e.next) - 1
}

// line adds a line of a stream, or without a name if stream is 0.
func (e *encoder) line(stream int, seq uint64, n int64) {
	switch {
	case stream == 0:
		e.lines = append(e.lines, 0)
	case e.next[stream] == seq && seq > 0:
		e.lines = binary.AppendUvarint(e.lines, uint64(stream)<<1|1)
	default:
		e.lines = binary.AppendUvarint(e.lines, uint64(stream)<<1)
		e.lines = binary.AppendUvarint(e.lines, seq)
	}
	e.lines = binary.AppendUvarint(e.lines, uint64(n))
	e.next[stream] = seq + 1
	e.nLines++
	e.bytes += n
}

// batch appends the record of the lines that were added, and starts another.
func (e *encoder) batch(b []byte, base, start int64, crc uint32, checked bool) []byte {
	b = frame(b, func(b []byte) []byte {
		flags := byte(0)
		if checked {
			flags = flagCRC
		}
		b = append(b, kindBatch, flags)
		b = binary.AppendUvarint(b, uint64(base))
		b = binary.AppendUvarint(b, uint64(start))
		b = binary.AppendUvarint(b, uint64(e.bytes))
		b = binary.LittleEndian.AppendUint32(b, crc)
		b = binary.AppendUvarint(b, uint64(len(e.fresh)))
		for _, n := range e.fresh {
			b = fields.AppendString(fields.AppendString(b, n.Label), n.Key)
		}
		b = binary.AppendUvarint(b, e.nLines)
		return append(b, e.lines...)
	})
	e.fresh, e.lines, e.nLines, e.bytes = e.fresh[:0], e.lines[:0], 0, 0
	return b
}

func appendSection(b []byte, template string) []byte {
	return frame(b, func(b []byte) []byte { return fields.AppendString(append(b, kindSection), template) })
}

func appendUnnamed(b []byte, base, start, n int64) []byte {
	return frame(b, func(b []byte) []byte {
		b = binary.AppendUvarint(append(b, kindUnnamed), uint64(base))
		b = binary.AppendUvarint(b, uint64(start))
		return binary.AppendUvarint(b, uint64(n))
	})
}

// size reads an offset or a length.
func size(f *fields.Reader) int64 { return int64(f.UpTo(1 << 62)) }

// readHead reads what a batch, whose kind was read already, says of itself.
func (b *batch) readHead(kind byte, f *fields.Reader) {
	b.checked = kind == kindBatch && f.Byte()&flagCRC != 0
	b.base, b.start, b.n, b.crc = size(f), size(f), size(f), 0
	if kind == kindBatch {
		b.crc = f.Uint32()
	}
}

type decoder struct {
	names    map[Name]*Name // so that equal names are one
	template string
	streams  []*Name // of the section
	next     []uint64
}

// decode decodes a payload into b, whose lines are reused. It reports whether the payload describes
// lines.
func (d *decoder) decode(payload []byte, b *batch) (ok bool, err error) {
	f := fields.Reader{Rest: payload}
	switch kind := f.Byte(); kind {
	case kindSection:
		d.template = f.String()
		d.streams, d.next = append(d.streams[:0], nil), append(d.next[:0], 0)
	case kindUnnamed:
		ok = true
		b.readHead(kind, &f)
		b.lines = append(b.lines[:0], Line{Off: b.start, Len: b.n})
	case kindBatch:
		ok = true
		b.readHead(kind, &f)
		d.readStreams(&f)
		d.readLines(&f, b)
	default:
		return false, fmt.Errorf("a record of unknown kind: %w", ErrDamaged)
	}
	if f.Bad || len(f.Rest) > 0 || payload[0] == kindBatch && b.n > maxPayload {
		return false, ErrDamaged
	}
	return ok, nil
}

func (d *decoder) readStreams(f *fields.Reader) {
	for i := f.Uvarint(); i > 0 && !f.Bad; i-- {
		n := Name{Label: f.String(), Key: f.String()}
		p := d.names[n]
		if p == nil {
			if d.names == nil {
				d.names = make(map[Name]*Name)
			}
			p = &n
			d.names[n] = p
		}
		d.streams, d.next = append(d.streams, p), append(d.next, 0)
	}
}

func (d *decoder) readLines(f *fields.Reader, b *batch) {
	b.lines = b.lines[:0]
	off := b.start
	for i := f.Uvarint(); i > 0 && !f.Bad; i-- {
		tag := f.Uvarint()
		stream := tag >> 1
		if stream >= uint64(len(d.streams)) {
			f.Fail()
			return
		}
		l := Line{Name: d.streams[stream], Off: off}
		if stream > 0 {
			if l.Seq = d.next[stream]; tag&1 == 0 {
				l.Seq = f.Uvarint()
			}
			d.next[stream] = l.Seq + 1
		}
		l.Len = size(f)
		off += l.Len
		if off > b.end() {
			f.Fail()
			return
		}
		b.lines = append(b.lines, l)
	}
	if off != b.end() {
		f.Fail()
	}
}

type scanner struct {
	r   *bufio.Reader
	at  int64 // offset of the next record
	buf []byte
}

// readAhead is how much of an index or a ledger is read at once.
const readAhead = 256 << 10

func newScanner(r io.Reader, at int64) *scanner {
	size := int64(readAhead)
	if r, ok := r.(interface{ Size() int64 }); ok {
		size = min(size, r.Size())
	}
	return &scanner{r: bufio.NewReaderSize(r, int(size)), at: at}
}

// next returns the next payload, which is valid until the next call. The error is io.EOF at the
// end, and wraps ErrDamaged where no whole record follows.
func (s *scanner) next() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return nil, s.torn(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxPayload {
		return nil, fmt.Errorf("the record at %d: %w", s.at, ErrDamaged)
	}
	// Do not allocate what a damaged length asks for before the bytes have been read.
	s.buf = s.buf[:0]
	for want := int(n) + 4; len(s.buf) < want; {
		k := min(want-len(s.buf), max(len(s.buf), 64<<10))
		s.buf = slices.Grow(s.buf, k)[:len(s.buf)+k]
		if _, err := io.ReadFull(s.r, s.buf[len(s.buf)-k:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, s.torn(err)
		}
	}
	payload := s.buf[:n]
	if binary.LittleEndian.Uint32(s.buf[n:]) != n || crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("the record at %d: %w", s.at, ErrDamaged)
	}
	s.at += int64(n) + frameLen
	return payload, nil
}

func (s *scanner) torn(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the record at %d is not whole: %w", s.at, ErrDamaged)
	}
	return err
}
