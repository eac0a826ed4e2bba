package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// A segment starts with
//
//	0   8  magic, "lpspool1"
//	8   8  ID of its first record; ID and CRC as all numbers in big endian
//
// and continues with records:
//
//	0   4  length of the data
//	4   4  lines in it
//	8   8  ID
//	16  4  CRC32C of the data
//	20  4  CRC32C of the 20 bytes above
//	24     data
const (
	magic         = "lpspool1"
	segHeaderLen  = 16
	offLines      = 4
	offID         = 8
	offDataCRC    = 16
	offHeadCRC    = 20
	recHeaderLen  = 24
	segmentSuffix = ".seg"
)

// MaxRecord is the largest length of a record's data in bytes.
const MaxRecord = 16 << 20

// What is wrong with a record.
var (
	errTorn    = errors.New("file ends within a record")
	errHead    = errors.New("record header is damaged")
	errData    = errors.New("record data is damaged")
	errOrder   = errors.New("record ID is not above the one before it")
	errSegment = errors.New("not a chunk file of a spool")
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// head is a record's, without its checksums.
type head struct {
	id     uint64
	lines  int
	length int
	crc    uint32 // of the data
}

func appendRecord(b []byte, r Record) []byte {
	began := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Data)))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Lines))
	b = binary.BigEndian.AppendUint64(b, r.ID)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(r.Data, castagnoli()))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[began:], castagnoli()))
	return append(b, r.Data...)
}

func decodeHead(b []byte) (head, error) {
	if len(b) < recHeaderLen {
		return head{}, errTorn
	}
	h := head{
		length: int(binary.BigEndian.Uint32(b)),
		lines:  int(binary.BigEndian.Uint32(b[offLines:])),
		id:     binary.BigEndian.Uint64(b[offID:]),
		crc:    binary.BigEndian.Uint32(b[offDataCRC:]),
	}
	if crc32.Checksum(b[:offHeadCRC], castagnoli()) != binary.BigEndian.Uint32(b[offHeadCRC:]) ||
		h.length < 0 || h.length > MaxRecord || h.lines < 0 || h.id == 0 || h.id == math.MaxUint64 {
		return head{}, errHead
	}
	return h, nil
}

type segment struct {
	path    string
	first   uint64 // as its name says
	last    uint64 // ID of its last record; 0 if it has none
	size    int64  // up to the end of that
	disk    int64  // size of the file, damage behind size included
	lines   int64  // of all its records
	records int64

	// Counts of its acknowledged records, and where these end.
	ackRecords, ackLines, ackOff int64

	bad []uint64 // IDs of records whose data is damaged
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", first, segmentSuffix))
}

// parseSegment returns the ID in the name of a segment.
func parseSegment(name string) (first uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	first, err := strconv.ParseUint(hex, 16, 64)
	return first, err == nil && first > 0
}

// createSegment creates an empty segment, and leaves no file if that fails.
func createSegment(disk fsutil.FS, dir string, first uint64) (*segment, fsutil.File, error) {
	path := segmentPath(dir, first)
	f, err := disk.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600, false)
	if err != nil {
		return nil, nil, &Error{Op: "create segment", Path: path, Err: err}
	}
	if _, err := f.Write(binary.BigEndian.AppendUint64([]byte(magic), first)); err != nil {
		_ = f.Close()
		_ = disk.Remove(path)
		return nil, nil, &Error{Op: "write segment", Path: path, Err: err}
	}
	return &segment{path: path, first: first, size: segHeaderLen, disk: segHeaderLen, ackOff: segHeaderLen}, f, nil
}

// scan reads the headers of a segment's records up to the end or the first invalid one, and fills in what the segment has. The
// error says why it did not reach the end. Data is not read, because that would take too long.
func (g *segment) scan(f io.ReaderAt, length int64, after uint64) error {
	g.size, g.last, g.lines, g.records = 0, 0, 0, 0
	var b [recHeaderLen]byte
	if n, _ := f.ReadAt(b[:segHeaderLen], 0); n < segHeaderLen || string(b[:len(magic)]) != magic ||
		binary.BigEndian.Uint64(b[len(magic):]) != g.first {
		return errSegment
	}
	g.size = segHeaderLen
	for g.size < length {
		n, err := f.ReadAt(b[:], g.size)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		h, err := decodeHead(b[:n])
		switch {
		case err != nil:
			return err
		case h.id <= after:
			return errOrder
		case g.size+recHeaderLen+int64(h.length) > length:
			return errTorn
		}
		g.size += recHeaderLen + int64(h.length)
		g.last, after = h.id, h.id
		g.lines += int64(h.lines)
		g.records++
	}
	return nil
}

func readData(f io.ReaderAt, off int64, h head, buf []byte) ([]byte, error) {
	if cap(buf) < h.length {
		buf = make([]byte, h.length)
	}
	buf = buf[:h.length]
	if n, err := f.ReadAt(buf, off+recHeaderLen); n < h.length {
		return buf, err
	}
	if crc32.Checksum(buf, castagnoli()) != h.crc {
		return buf, errData
	}
	return buf, nil
}
