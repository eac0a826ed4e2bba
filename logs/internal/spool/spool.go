package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Defaults of [Config].
const (
	DefaultMaxBytes = 1 << 30
	// MaxSegmentBytes is the largest default size of a segment. Space is freed, and records are dropped, a segment at a
	// time.
	MaxSegmentBytes = 16 << 20
	// MinBytes is the smallest spool.
	MinBytes = 64 << 10
)

// Errors that callers decide on.
var (
	// ErrFull means that a record does not fit until others are acknowledged or dropped.
	ErrFull = errors.New("the spool is full")
	// ErrLocked means that another process uses the directory.
	ErrLocked = errors.New("another process uses this spool")
)

// Error is a failure with a file.
type Error struct {
	Op   string // the operation that failed
	Path string
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return "spool: " + e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Config says where a spool is and how large it may be.
type Config struct {
	// Dir is created if it does not exist, with its parents.
	Dir string
	// MaxBytes bounds the segments. Zero means DefaultMaxBytes; the minimum is MinBytes.
	MaxBytes int64
	// SegmentBytes is the size at which a new segment starts. Zero means a sixteenth of MaxBytes, but at most
	// MaxSegmentBytes.
	SegmentBytes int64
	// NoWait makes Open fail at once if another process uses the directory, rather than wait for one that was killed a moment ago.
	NoWait bool
	// Disk has the directory. Nil means [fsutil.OS].
	Disk fsutil.FS
}

// Record is what a spool holds.
type Record struct {
	ID    uint64 // above 0 and every earlier ID; the largest number is not an ID
	Lines int    // number of lines in Data, for statistics; not negative
	Data  []byte // up to MaxRecord
}

// Damage is a damaged place in a file.
type Damage struct {
	Path   string
	Offset int64 // of the first damaged byte
	Bytes  int64 // bytes lost from there
	Lines  int64 // lines known to be lost; if a header is damaged, there may be more
	// Torn means that a crash in the middle of a write left it at the end of the last segment, and that it was cut off.
	Torn bool
	Err  error
}

// String describes the damage in one line.
func (d Damage) String() string {
	what := "damaged"
	if d.Torn {
		what = "torn, cut off"
	}
	return fmt.Sprintf("%s: %d bytes at %d %s: %v", d.Path, d.Bytes, d.Offset, what, d.Err)
}

// Recovery is what Open found.
type Recovery struct {
	Records, Lines int64 // not acknowledged
	Damage         []Damage
}

// Spool is an open spool. Several goroutines may call its methods.
type Spool struct {
	cfg  Config
	lock fsutil.File

	syncing sync.Mutex // held by Sync
	mu      sync.Mutex
	segs    []*segment  // oldest first
	out     fsutil.File // the last of segs, to append to; nil if that is closed
	size    int64       // of all segments
	acked   uint64
	last    uint64 // highest ID ever appended or acknowledged
	pos     position
	buf     []byte
	dirty   bool          // since Sync
	newFile bool          // since Sync
	rolled  []fsutil.File // full segments that Sync has to sync and close
	damage  []Damage
	closed  bool
	maxSize atomic.Int64 // Config.MaxBytes
	gauges  gauges

	// Where Read continues.
	in    fsutil.File // of inSeg
	inSeg *segment
	inOff int64
	inID  uint64 // records with lower IDs are before inOff
}

// gauges are what Waiting returns.
type gauges struct{ records, lines, size atomic.Int64 }

// unlock ends a change. It needs mu.
func (s *Spool) unlock() {
	records, lines := s.count()
	s.gauges.records.Store(records)
	s.gauges.lines.Store(lines)
	s.gauges.size.Store(s.size)
	s.mu.Unlock()
}

// Open opens the spool in a directory, or creates it. An error is [*Error], and wraps ErrLocked if the directory is in use.
func Open(cfg Config) (*Spool, Recovery, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	cfg.MaxBytes = max(cfg.MaxBytes, MinBytes)
	if cfg.SegmentBytes <= 0 {
		cfg.SegmentBytes = min(cfg.MaxBytes/16, MaxSegmentBytes)
	}
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	if err := fsutil.MkdirAll(cfg.Disk, cfg.Dir, 0o700); err != nil {
		return nil, Recovery{}, &Error{Op: "create directory", Path: cfg.Dir, Err: err}
	}
	s := &Spool{cfg: cfg}
	s.maxSize.Store(cfg.MaxBytes)
	path := filepath.Join(cfg.Dir, "lock")
	f, err := cfg.Disk.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600, false)
	if err == nil {
		s.lock = f
		err = patientLock(f, cfg.NoWait)
	}
	if err != nil {
		s.closeFiles()
		return nil, Recovery{}, &Error{Op: "lock", Path: path, Err: err}
	}
	found, err := s.recover()
	if err != nil {
		s.closeFiles()
		return nil, Recovery{}, err
	}
	s.mu.Lock()
	s.unlock()
	return s, found, nil
}

// How long, and how often, Open tries to lock.
const (
	lockPatience = 500 * time.Millisecond
	lockRetry    = 10 * time.Millisecond
)

// patientLock locks a file. A process that was killed a moment ago may not have released its lock yet, so patientLock retries for
// a while.
func patientLock(f fsutil.File, noWait bool) error {
	limit := time.Now().Add(lockPatience)
	for {
		err := f.Lock()
		if !errors.Is(err, fsutil.ErrLocked) {
			return err
		}
		if noWait || time.Now().After(limit) {
			return ErrLocked
		}
		time.Sleep(lockRetry)
	}
}

func (s *Spool) recover() (found Recovery, err error) {
	var damaged bool
	path := filepath.Join(s.cfg.Dir, positionName)
	if s.pos, s.acked, damaged, err = openPosition(s.cfg.Disk, path); err != nil {
		return found, err
	}
	if damaged {
		found.Damage = append(found.Damage, Damage{Path: path, Bytes: slots * slotLen, Err: errors.New("no valid position; records may be delivered again")})
	}
	s.last = s.acked
	entries, err := s.cfg.Disk.ReadDir(s.cfg.Dir)
	if err != nil {
		return found, &Error{Op: "read directory", Path: s.cfg.Dir, Err: err}
	}
	var segs []*segment
	for _, e := range entries {
		if first, ok := parseSegment(e.Name()); ok {
			segs = append(segs, &segment{path: segmentPath(s.cfg.Dir, first), first: first})
		}
	}
	slices.SortFunc(segs, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
	// What an earlier process appended and did not sync is synced with what this one appends.
	s.dirty, s.newFile = len(segs) > 0, true
	after := uint64(0)
	for i, g := range segs {
		d, err := s.recoverSegment(g, after, i == len(segs)-1)
		if err != nil {
			return found, err
		}
		if d != nil {
			found.Damage = append(found.Damage, *d)
		}
		after = max(after, g.last)
	}
	s.last = max(s.last, after)
	found.Records, found.Lines = s.count()
	return found, nil
}

// recoverSegment takes a segment into use, or removes it if no record in it waits.
func (s *Spool) recoverSegment(g *segment, after uint64, last bool) (*Damage, error) {
	f, err := s.cfg.Disk.OpenFile(g.path, os.O_RDWR, 0, false)
	if err != nil {
		return nil, &Error{Op: "open segment", Path: g.path, Err: err}
	}
	defer func() {
		if f != nil {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{Op: "stat segment", Path: g.path, Err: err}
	}
	why := g.scan(f, info.Size(), after)
	var d *Damage
	if why != nil && info.Size() > 0 { // an empty file is what a kill between its creation and its header leaves
		d = &Damage{Path: g.path, Offset: g.size, Bytes: info.Size() - g.size, Torn: last, Err: why}
		if last && g.size > 0 {
			if err := f.Truncate(g.size); err != nil {
				return nil, &Error{Op: "truncate torn end", Path: g.path, Err: err}
			}
		}
	}
	if g.records == 0 || g.last <= s.acked {
		if err := s.cfg.Disk.Remove(g.path); err != nil {
			return nil, &Error{Op: "remove segment", Path: g.path, Err: err}
		}
		return d, nil
	}
	s.segs, s.rolled, f = append(s.segs, g), append(s.rolled, f), nil
	g.disk = info.Size()
	if last {
		g.disk = g.size
	}
	g.ackOff = segHeaderLen
	s.size += g.disk
	s.walk(g)
	return d, nil
}

// Last returns the highest ID that was ever appended or acknowledged, as far as the directory has recorded it.
func (s *Spool) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Waiting returns how many records and lines are not acknowledged, and the size of the segments in bytes. It does not wait for a call
// that waits for the disk.
func (s *Spool) Waiting() (records, lines, size int64) {
	return s.gauges.records.Load(), s.gauges.lines.Load(), s.gauges.size.Load()
}

// SetMax changes [Config.MaxBytes]. Records that take more stay. Like Waiting, it does not wait.
func (s *Spool) SetMax(n int64) { s.maxSize.Store(max(n, MinBytes)) }

// Segments returns the number of segments.
func (s *Spool) Segments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.segs)
}

func (s *Spool) count() (records, lines int64) {
	for _, g := range s.segs {
		records += g.records - g.ackRecords
		lines += g.lines - g.ackLines
	}
	return records, lines
}

// Damage returns the damage that Read has found since the last call.
func (s *Spool) Damage() []Damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.damage
	s.damage = nil
	return d
}

// Append adds a record. The error is ErrFull if there is no room, and otherwise an [*Error]. Both leave the spool as it was.
func (s *Spool) Append(r Record) error {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return &Error{Op: "append", Path: s.cfg.Dir, Err: os.ErrClosed}
	}
	if r.ID <= s.last || r.ID == math.MaxUint64 || len(r.Data) > MaxRecord || r.Lines < 0 {
		return &Error{Op: "append", Path: s.cfg.Dir, Err: fmt.Errorf("record %d of %d bytes after %d", r.ID, len(r.Data), s.last)}
	}
	most := s.maxSize.Load()
	need := int64(recHeaderLen + len(r.Data))
	if s.out == nil || s.segs[len(s.segs)-1].size+need > s.cfg.SegmentBytes {
		need += segHeaderLen
	}
	if s.size+need > most {
		// The last segment is kept while it is in use, even if no record in it waits.
		if n := len(s.segs); n != 1 || s.segs[0].last > s.acked {
			return ErrFull
		}
		if err := s.remove(); err != nil {
			return err
		}
		if segHeaderLen+recHeaderLen+int64(len(r.Data)) > most {
			return ErrFull
		}
	}
	if err := s.roll(r.ID, len(r.Data)); err != nil {
		return err
	}
	g := s.segs[len(s.segs)-1]
	s.buf = appendRecord(s.buf[:0], r)
	if _, err := s.out.WriteAt(s.buf, g.size); err != nil {
		// What was written of it is behind the end of the segment. It must be removed, or the next start would report it
		// as torn.
		if err := s.out.Truncate(g.size); err != nil {
			s.closeOut()
		}
		return &Error{Op: "append to segment", Path: g.path, Err: err}
	}
	if cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	g.size += int64(recHeaderLen + len(r.Data))
	g.disk = g.size
	s.size += int64(recHeaderLen + len(r.Data))
	g.last, s.last = r.ID, r.ID
	g.lines += int64(r.Lines)
	g.records++
	s.dirty = true
	return nil
}

// roll starts a new segment if the last one has no room for a record.
func (s *Spool) roll(id uint64, length int) error {
	if s.out != nil {
		g := s.segs[len(s.segs)-1]
		if g.records == 0 || g.size+recHeaderLen+int64(length) <= s.cfg.SegmentBytes {
			return nil
		}
		s.rolled, s.out = append(s.rolled, s.out), nil
	}
	g, f, err := createSegment(s.cfg.Disk, s.cfg.Dir, id)
	if err != nil {
		return err
	}
	s.segs, s.out, s.newFile = append(s.segs, g), f, true
	s.size += g.size
	return nil
}

func (s *Spool) closeOut() {
	if s.out != nil {
		_ = s.out.Close()
		s.out = nil
	}
}

// Read returns the oldest record that is not acknowledged and has an ID of at least id. Its data is in buf, or in a new slice if
// buf is too small. The error is io.EOF if there is no such record, and otherwise an [*Error]. Read skips damaged records;
// [Spool.Damage] reports them.
func (s *Spool) Read(id uint64, buf []byte) (Record, error) {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return Record{}, &Error{Op: "read", Path: s.cfg.Dir, Err: os.ErrClosed}
	}
	id = max(id, s.acked+1)
	for {
		if err := s.seek(id); err != nil {
			return Record{}, err
		}
		r, err := s.readNext(id, buf)
		if err == nil && r.ID >= id {
			return r, nil
		}
		if err != nil {
			return Record{}, err
		}
		id = max(id, s.inID) // skip what is damaged
	}
}

// seek moves the input to a segment that may have a record with an ID of at least id.
func (s *Spool) seek(id uint64) error {
	if s.inSeg != nil && s.inID <= id && s.inOff < s.inSeg.size && s.inSeg.last >= id {
		return nil
	}
	i := slices.IndexFunc(s.segs, func(g *segment) bool { return g.last >= id })
	if i < 0 {
		return io.EOF
	}
	g := s.segs[i]
	if s.inSeg == g && s.inID <= id && s.inOff < g.size {
		return nil
	}
	if s.inSeg != g {
		f, err := s.cfg.Disk.OpenFile(g.path, os.O_RDONLY, 0, false)
		if err != nil {
			return &Error{Op: "open segment", Path: g.path, Err: err}
		}
		s.closeIn()
		s.in, s.inSeg = f, g
	}
	s.inOff, s.inID = segHeaderLen, g.first
	return nil
}

func (s *Spool) closeIn() {
	if s.in != nil {
		_ = s.in.Close()
		s.in, s.inSeg = nil, nil
	}
}

// readNext reads the record at the input. It skips a record that is damaged or has an ID below id, and then returns one with the
// ID 0.
func (s *Spool) readNext(id uint64, buf []byte) (Record, error) {
	g := s.inSeg
	var b [recHeaderLen]byte
	n, err := s.in.ReadAt(b[:], s.inOff)
	if err != nil && !errors.Is(err, io.EOF) {
		return Record{}, &Error{Op: "read segment", Path: g.path, Err: err}
	}
	h, err := decodeHead(b[:n])
	end := s.inOff + recHeaderLen + int64(h.length)
	if err == nil && (h.id < s.inID || h.id > g.last || end > g.size) {
		err = errHead
	}
	if err != nil {
		s.cut(g, err)
		return Record{}, nil
	}
	off := s.inOff
	s.inOff, s.inID = end, h.id+1
	if h.id < id || slices.Contains(g.bad, h.id) {
		return Record{}, nil
	}
	buf, err = readData(s.in, off, h, buf)
	switch {
	case errors.Is(err, errData) || errors.Is(err, io.EOF):
		s.damage = append(s.damage, Damage{Path: g.path, Offset: off, Bytes: end - off, Lines: int64(h.lines), Err: errData})
		g.bad = append(g.bad, h.id)
		return Record{}, nil
	case err != nil:
		s.inOff, s.inID = off, h.id
		return Record{}, &Error{Op: "read segment", Path: g.path, Err: err}
	}
	return Record{ID: h.id, Lines: h.lines, Data: buf}, nil
}

// cut gives up the rest of the segment at the input. Without a record's length the next record cannot be found.
func (s *Spool) cut(g *segment, why error) {
	good := segment{first: g.first}
	_ = good.scan(s.in, s.inOff, 0)
	s.damage = append(s.damage, Damage{Path: g.path, Offset: s.inOff, Bytes: g.size - s.inOff, Lines: g.lines - good.lines, Err: why})
	s.inID = g.last + 1
	g.size, g.last, g.lines, g.records = good.size, good.last, good.lines, good.records
	g.ackOff, g.ackLines, g.ackRecords = min(g.ackOff, g.size), min(g.ackLines, g.lines), min(g.ackRecords, g.records)
	s.inOff = g.size
	if g == s.segs[len(s.segs)-1] {
		s.closeOut() // nothing can be appended behind the damage
	}
}
