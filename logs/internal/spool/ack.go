package spool

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Ack acknowledges all records up to an ID. Even after an error, which is [*Error], this process does not read them again; the
// next one may.
func (s *Spool) Ack(id uint64) error {
	s.mu.Lock()
	defer s.unlock()
	if id <= s.acked || s.closed {
		return nil
	}
	return s.advance(id)
}

// Acked returns the ID up to which records are acknowledged.
func (s *Spool) Acked() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func (s *Spool) advance(id uint64) error {
	s.acked, s.last, s.dirty = id, max(s.last, id), true
	// The position is written first. Once a segment is removed, nothing else records the highest ID.
	err := s.pos.write(id)
	for len(s.segs) > 0 && s.segs[0].last <= id && (len(s.segs) > 1 || s.out == nil) {
		if e := s.remove(); e != nil {
			return errors.Join(err, e)
		}
	}
	if len(s.segs) > 0 {
		s.walk(s.segs[0])
	}
	return err
}

// walk counts the acknowledged records of a segment.
func (s *Spool) walk(g *segment) {
	if g.last <= s.acked {
		g.ackRecords, g.ackLines, g.ackOff = g.records, g.lines, g.size
		return
	}
	if g.first > s.acked {
		return
	}
	f, err := s.cfg.Disk.OpenFile(g.path, os.O_RDONLY, 0, false)
	if err != nil {
		return // the counts of what waits are too high until the segment is removed
	}
	defer func() { _ = f.Close() }()
	var b [recHeaderLen]byte
	for g.ackOff < g.size {
		if _, err := f.ReadAt(b[:], g.ackOff); err != nil {
			return
		}
		h, err := decodeHead(b[:])
		if err != nil || h.id > s.acked {
			return
		}
		g.ackRecords++
		g.ackLines += int64(h.lines)
		g.ackOff += recHeaderLen + int64(h.length)
	}
}

// remove removes the oldest segment. If that fails, the next start removes the file.
func (s *Spool) remove() error {
	g := s.segs[0]
	if len(s.segs) == 1 {
		s.closeOut()
	}
	if s.inSeg == g {
		s.closeIn()
	}
	s.segs = s.segs[1:]
	s.size -= g.disk
	if err := s.cfg.Disk.Remove(g.path); err != nil {
		return &Error{Op: "remove segment", Path: g.path, Err: err}
	}
	return nil
}

// Dropped counts the records that DropOldest has dropped and that were not acknowledged.
type Dropped struct {
	Records, Lines int64
	Bytes          int64  // of the records' data
	Last           uint64 // the last ID; 0 means that nothing waits
}

// DropOldest drops the records of the oldest segment, to make room.
func (s *Spool) DropOldest() (Dropped, error) {
	s.mu.Lock()
	defer s.unlock()
	if s.closed || len(s.segs) == 0 || s.segs[0].records == 0 {
		return Dropped{}, nil
	}
	g := s.segs[0]
	d := Dropped{Records: g.records - g.ackRecords, Lines: g.lines - g.ackLines, Last: g.last}
	d.Bytes = g.size - g.ackOff - recHeaderLen*d.Records
	if len(s.segs) == 1 {
		s.closeOut() // so that it can be removed
	}
	return d, s.advance(max(d.Last, s.acked))
}

// Sync waits until everything appended and acknowledged is on the disk. Other methods do not wait for it.
func (s *Spool) Sync() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	if !s.dirty || s.closed {
		s.mu.Unlock()
		return nil
	}
	out, pos, newFile, rolled := s.out, s.pos.f, s.newFile, s.rolled
	s.pos.pending = s.pos.last
	s.dirty, s.newFile, s.rolled = false, false, nil
	s.mu.Unlock()
	err := syncFile(pos)
	var again []fsutil.File
	for _, f := range rolled {
		if serr := syncFile(f); serr != nil {
			err, again = errors.Join(err, serr), append(again, f)
			continue
		}
		_ = f.Close()
	}
	if out != nil {
		err = errors.Join(err, syncFile(out))
	}
	if newFile {
		err = errors.Join(err, s.cfg.Disk.SyncDir(s.cfg.Dir))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos.synced(err)
	if err != nil {
		s.dirty, s.newFile, s.rolled = true, s.newFile || newFile, append(again, s.rolled...)
		return &Error{Op: "sync", Path: s.cfg.Dir, Err: err}
	}
	return nil
}

// syncFile syncs a file, unless it was closed meanwhile because it is no longer needed.
func syncFile(f fsutil.File) error {
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Close syncs and closes the spool. If no records wait, it removes the segments. Afterwards Append and Read return errors, and the
// other methods do nothing.
func (s *Spool) Close() error {
	err := s.Sync()
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if n, _ := s.count(); n == 0 {
		for len(s.segs) > 0 {
			err = errors.Join(err, s.remove())
		}
	}
	s.closeFiles()
	return err
}

// Empty reports whether a directory has no segments. It takes no lock.
func Empty(disk fsutil.FS, dir string) bool {
	entries, err := disk.ReadDir(dir)
	isSegment := func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), segmentSuffix) }
	return errors.Is(err, fs.ErrNotExist) || err == nil && !slices.ContainsFunc(entries, isSegment)
}

func (s *Spool) closeFiles() {
	s.closeOut()
	s.closeIn()
	for _, f := range s.rolled {
		_ = f.Close()
	}
	if s.pos.f != nil {
		_ = s.pos.f.Close()
	}
	if s.lock != nil {
		_ = s.lock.Close() // this releases the lock
	}
}
