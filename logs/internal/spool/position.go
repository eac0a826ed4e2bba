package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// The file "acked" has four slots of
//
//	0   8  ID up to which records are acknowledged, in big endian
//	8   4  CRC32C of the 8 bytes above
//	12  4  zero
//
// The slot with the highest ID counts. They are written in turn, so that a torn write leaves the one before it. A power cut may tear
// each that was written since the last sync, so the slot that is on the disk is left alone, and so is the one that is being synced.
const (
	positionName = "acked"
	slotLen      = 16
	slots        = 4
)

type position struct {
	f       fsutil.File
	last    int // the slot written last
	safe    int // the slot that is on the disk
	pending int // the slot that is being synced, or -1
}

// openPosition returns the ID in the file, or 0. damaged means that the file existed and had no valid ID.
func openPosition(disk fsutil.FS, path string) (p position, id uint64, damaged bool, err error) {
	f, err := disk.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600, false)
	if err != nil {
		return position{}, 0, false, &Error{Op: "open position", Path: path, Err: err}
	}
	var b [slots * slotLen]byte
	n, err := f.ReadAt(b[:], 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && n > 0 {
		err = f.Sync() // the one before us may have been killed before it did
	}
	if err != nil {
		_ = f.Close()
		return position{}, 0, false, &Error{Op: "read position", Path: path, Err: err}
	}
	id, slot, ok := decodePosition(b[:n])
	return position{f: f, last: slot, safe: slot, pending: -1}, id, !ok && n > 0, nil
}

// decodePosition returns the highest ID and the slot that has it.
func decodePosition(b []byte) (id uint64, slot int, ok bool) {
	slot = slots - 1
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
	next := (p.last + 1) % slots
	for next == p.safe || next == p.pending {
		next = (next + 1) % slots
	}
	if _, err := p.f.WriteAt(b[:], int64(next)*slotLen); err != nil {
		return &Error{Op: "write position", Path: p.f.Name(), Err: err}
	}
	p.last = next
	return nil
}

// synced ends the sync of the pending slot.
func (p *position) synced(err error) {
	if err == nil {
		p.safe = p.pending
	}
	p.pending = -1
}
