package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// The file "acked" has two slots of
//
//	0   8  ID up to which records are acknowledged, in big endian
//	8   4  CRC32C of the 8 bytes above
//	12  4  zero
//
// which are written in turn, so that a torn write leaves the other one intact. The slot with the higher ID counts.
const (
	positionName = "acked"
	slotLen      = 16
	slots        = 2
)

type position struct {
	f    fsutil.File
	next int64 // the slot to write
}

// openPosition returns the ID in the file, or 0. damaged means that the file existed and had no valid ID.
func openPosition(disk fsutil.FS, path string) (p position, id uint64, damaged bool, err error) {
	f, err := disk.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600, false)
	if err != nil {
		return position{}, 0, false, &Error{Op: "open position", Path: path, Err: err}
	}
	var b [slots * slotLen]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = f.Close()
		return position{}, 0, false, &Error{Op: "read position", Path: path, Err: err}
	}
	id, slot, ok := decodePosition(b[:n])
	return position{f: f, next: int64(1-slot) % slots}, id, !ok && n > 0, nil
}

// decodePosition returns the highest ID and the slot that has it.
func decodePosition(b []byte) (id uint64, slot int, ok bool) {
	slot = 1
	for i := range slots {
		if len(b) < (i+1)*slotLen {
			break
		}
		s := b[i*slotLen:]
		v := binary.BigEndian.Uint64(s)
		if crc32.Checksum(s[:8], castagnoli()) == binary.BigEndian.Uint32(s[8:]) && (!ok || v > id) {
			id, slot, ok = v, i, true
		}
	}
	return id, slot, ok
}

func (p *position) write(id uint64) error {
	var b [slotLen]byte
	binary.BigEndian.PutUint64(b[:], id)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli()))
	if _, err := p.f.WriteAt(b[:], p.next*slotLen); err != nil {
		return &Error{Op: "write position", Path: p.f.Name(), Err: err}
	}
	p.next = (p.next + 1) % slots
	return nil
}
