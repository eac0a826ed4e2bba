package lineindex

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

const (
	// MaxStreams is how many streams a ledger knows. Beyond it, those that were silent for the
	// longest are forgotten.
	MaxStreams = 65536
	// ForgetAfter is how long a silent stream is known.
	ForgetAfter = 7 * 24 * time.Hour

	// checkpointBytes is how much indexes may grow between two checkpoints, which is what a start
	// has to read.
	checkpointBytes = 16 << 20
	// checkpointFiles is how many files may be touched between two checkpoints.
	checkpointFiles = 4096
)

// A ledger is
//
//	0  8  magic
//	8     records, framed like those of an index
//
// with the payloads
//
//	log:     'L', string template
//	store:   'I', u64 random number of the ledger, which is lost with it
//	label:   'B', string label, u64 lowest epoch whose lines have all been sent since the label is in the ledger
//	stream:  'N', string label, string key, uvarint time of last use in seconds since 1970,
//	         uvarint number of ranges, and for each two uvarints: the gap in front of it, and its length less one;
//	         then uvarint number behind the last line that is known to exist
//	touched: 'T', string path, u64 generation, uvarint offset: the streams lack what the index of that file has from there on
//
// A checkpoint writes the streams to a new file, which is renamed. Then records of touched indexes
// are appended. Version 1 has neither logs nor labels, and streams end behind the ranges.
const (
	ledgerMagic  = "\xffSPLS\x02\r\n"
	ledgerMagic1 = "\xffSPLS\x01\r\n"
	kindLog      = 'L'
	kindStore    = 'I'
	kindLabel    = 'B'
	kindStream   = 'N'
	kindTouched  = 'T'
)

// Ledger knows which lines of one template have come, over a restart. It belongs to the goroutine
// that writes the files.
type Ledger struct {
	// Torn are the files from which OpenLedger has removed part of a line at the end.
	Torn []string
	// SetAside is where OpenLedger has moved a file that was no ledger; empty if it was one. Which lines
	// are in the files was then read from their indexes.
	SetAside string
	// Unsaved is why OpenLedger could make no checkpoint; nil if it made one.
	Unsaved error

	disk     fsutil.FS
	path     string
	template string
	store    uint64
	f        fsutil.File // locked
	size     int64
	unsynced bool

	since    map[string]uint64 // by label: streams of this epoch and above have come from their first line on
	byName   map[Name]*Stream
	bySource map[uint32]*Stream
	last     *Stream // that Stream returned

	open       map[*Writer]bool
	checkpoint uint64             // number of checkpoints
	grown      int64              // bytes that indexes have grown since the last one
	recent     map[string]touched // indexes touched since the last one, by path of the file
	lost       bool               // a touched index was removed
}

// Stream is what a ledger knows about a stream.
type Stream struct {
	Name
	// Source is its [logfile.Tag].
	Source uint32
	// Have are the lines that have come, whether written or left out on purpose.
	Have envelope.Numbers
	// Next is the number behind the last line that is known to exist; 0 if nothing is known beyond Have.
	Next uint64
	used int64 // seconds since 1970
	gone bool  // forgotten

	after *Stream // asked for after this one, the last time
}

// Known reports whether the ledger still has the stream; keepers of a pointer must ask.
func (s *Stream) Known() bool { return !s.gone }

// Use notes that the stream is in use.
func (s *Stream) Use(now time.Time) { s.used = max(s.used, now.Unix()) }

// sources counts the streams of all ledgers, so that no two have the same Source.
var sources atomic.Uint32

// touched says from which offset on an index has lines that the ledger lacks.
type touched struct {
	path       string
	generation uint64
	off        int64
}

// OpenLedger opens and locks the ledger of a template, or makes one, and updates it from the
// indexes. The error wraps [logfile.ErrLocked] if another program uses it. If the update cannot be
// saved, as on a full disk, the file stays as it was, and a checkpoint is due (Unsaved).
func OpenLedger(disk fsutil.FS, template, base string, now time.Time) (*Ledger, error) {
	l := &Ledger{
		disk: disk, path: LedgerPath(template, base), template: template, checkpoint: 1, since: make(map[string]uint64),
		byName: make(map[Name]*Stream), bySource: make(map[uint32]*Stream), open: make(map[*Writer]bool),
		recent: make(map[string]touched),
	}
	if err := l.lock(); err != nil {
		return nil, fmt.Errorf("the ledger %s: %w", l.path, err)
	}
	list, err := l.read()
	if errors.Is(err, ErrDamaged) {
		list, err = l.rebuild(base)
	}
	if err == nil {
		err = l.catchUp(list, now)
	}
	if l.store == 0 {
		l.store = rand.Uint64() | 1
	}
	if err == nil {
		if l.Unsaved = l.Checkpoint(now); l.Unsaved != nil {
			l.lost = true
			err = l.f.Truncate(l.size) // a torn end
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the ledger %s: %w", l.path, err), l.f.Close())
	}
	return l, nil
}

// lock opens and locks the file. A checkpoint replaces it by a file that is locked already, so that
// the path is locked at every moment.
func (l *Ledger) lock() error {
	for range 10 {
		f, err := l.disk.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o644, false)
		if err != nil {
			return err
		}
		if err := logfile.Lock(f); err != nil {
			return errors.Join(err, f.Close())
		}
		st, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		if now, err := l.disk.Stat(l.path); err == nil && fsutil.SameFile(st, now) {
			l.f = f
			return nil
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return logfile.ErrLocked
}

// read reads the file. A torn end is ignored, because nothing was written after it.
func (l *Ledger) read() ([]touched, error) {
	head := make([]byte, len(ledgerMagic))
	n, err := l.f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) && strings.HasPrefix(ledgerMagic, string(head[:n])) {
		return nil, nil
	}
	if string(head) != ledgerMagic && string(head) != ledgerMagic1 {
		return nil, ErrDamaged
	}
	st, err := l.f.Stat()
	if err != nil {
		return nil, err
	}
	s := newScanner(io.NewSectionReader(l.f, int64(len(head)), st.Size()), int64(len(head)))
	var list []touched
	for {
		l.size = s.at
		payload, err := s.next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		f := fields.Reader{Rest: payload}
		switch f.Byte() {
		case kindLog:
			if template := f.String(); l.template == "" {
				l.template = template
			}
		case kindStore:
			l.store = f.Uint64()
		case kindLabel:
			if label, since := f.String(), f.Uint64(); !f.Bad {
				l.since[label] = since
			}
		case kindStream:
			l.readStream(&f)
		case kindTouched:
			if t := (touched{f.String(), f.Uint64(), size(&f)}); !f.Bad {
				list = append(list, t)
			}
		}
	}
}

// rebuild moves a file that is no ledger aside, begins another one, and returns all indexes of the
// template.
func (l *Ledger) rebuild(base string) ([]touched, error) {
	l.SetAside = l.path + ".bad"
	if err := errors.Join(l.disk.Rename(l.path, l.SetAside), l.disk.SyncDir(filepath.Dir(l.path)), l.f.Close()); err != nil {
		return nil, err
	}
	if err := l.lock(); err != nil {
		return nil, err
	}
	dir := Dir{Disk: l.disk, Root: base}
	files, err := dir.List()
	if err != nil {
		return nil, err
	}
	var list []touched
	for _, e := range files {
		switch template, err := templateOf(dir, e); {
		case err != nil && !errors.Is(err, ErrDamaged):
			return nil, err
		case template == l.template:
			list = append(list, touched{dir.path(e.Name), e.Generation, headerLen})
		}
	}
	return list, nil
}

func (l *Ledger) readStream(f *fields.Reader) {
	s := l.Stream(Name{f.String(), f.String()}, time.Unix(size(f), 0))
	at := uint64(0)
	for i := f.Uvarint(); i > 0 && !f.Bad; i-- {
		first := at + f.Uvarint()
		last := first + f.Uvarint()
		if !f.Bad && last >= first {
			s.Have.AddSpan(envelope.Span{First: first, Last: last})
		}
		at = last + 1
	}
	if len(f.Rest) > 0 {
		s.Next = f.Uvarint()
	}
}

// Begin notes that a label is in use. Epochs that begin from now on are expected from their first line on.
func (l *Ledger) Begin(label string, now time.Time) {
	if _, ok := l.since[label]; !ok {
		l.since[label] = uint64(max(0, now.UnixNano()))
		l.lost = true // a checkpoint is due
	}
}

// Store returns a random number that was made with the ledger. Another one means that which lines have come is no longer known.
func (l *Ledger) Store() uint64 { return l.store }

// Since returns the epoch from which on the streams of a label are expected from their first line on.
func (l *Ledger) Since(label string) uint64 { return l.since[label] }

// whole reports whether a stream should have come from its first line on. It is not known of those that
// are older than the label, or were forgotten.
func (l *Ledger) whole(n Name) bool {
	since, ok := l.since[n.Label]
	o, err := envelope.ParseOrigin([]byte(n.Key))
	return ok && err == nil && o.Epoch >= since
}

// Exist notes that lines of a stream have numbers below next.
func (s *Stream) Exist(next uint64) { s.Next = max(s.Next, next) }

// catchUp reads what was added to the indexes since the last checkpoint.
func (l *Ledger) catchUp(list []touched, now time.Time) error {
	c := catchUp{l, now, lineSet{}, 0}
	for _, t := range list {
		if err := c.file(t); err != nil {
			return err
		}
	}
	c.done()
	return nil
}

// maxCatchUpPages bounds the memory of a start, whatever numbers publishers use.
const maxCatchUpPages = 1 << 17

// catchUp collects the lines of all files before the ledger gets them: those of one file may be every other
// line of their stream, and have more ranges than a ledger keeps.
type catchUp struct {
	l     *Ledger
	now   time.Time
	got   lineSet
	pages int // of got
}

func (c *catchUp) file(t touched) error {
	l, index := c.l, Path(t.path)
	if _, err := finishSwap(l.disk, t.path); err != nil {
		return err
	}
	if _, err := l.disk.Stat(index); errors.Is(err, fs.ErrNotExist) {
		return nil // renamed; it is in the list under its new name, too
	}
	to, err := followMoved(l.disk, t.path, func(to string, generation uint64) error {
		off := int64(headerLen)
		if generation == t.generation {
			off = t.off
		}
		return l.touchSynced(to, generation, off) // no checkpoint may be possible
	})
	if err != nil {
		return err
	}
	if to != "" {
		return c.replay(Path(to), t)
	}
	if size, err := sizeOf(l.disk, t.path); err == nil && size >= 0 {
		// Lines that were noted but not written must not count.
		moved, torn, err := repairClosed(l.disk, t.path, size)
		if err != nil {
			return err
		}
		if torn {
			l.Torn = append(l.Torn, t.path)
		}
		if moved != "" {
			if err := c.replay(Path(moved), t); err != nil {
				return err
			}
		}
	}
	return c.replay(index, t)
}

func (c *catchUp) replay(index string, t touched) error {
	err := replay(c.l.disk, index, t.generation, t.off, c.add)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *catchUp) add(line *Line) {
	b := c.got.of(*line.Name)
	if b[line.Seq/pageNumbers] == nil {
		if c.pages == maxCatchUpPages {
			c.done()
			b = c.got.of(*line.Name)
		}
		c.pages++
	}
	b.add(line.Seq)
}

func (c *catchUp) done() {
	c.l.addAll(c.got, c.now)
	clear(c.got)
	c.pages = 0
}

// addAll notes that lines have come.
func (l *Ledger) addAll(got lineSet, now time.Time) {
	for name, b := range got {
		s := l.Stream(name, now)
		for sp := range b.spans() {
			s.Have.AddSpan(sp)
		}
	}
}

// overflows reports whether the ledger would forget lines of a stream if it got these now.
func (l *Ledger) overflows(got lineSet) bool {
	for name, b := range got {
		spans := slices.Collect(b.spans())
		if s := l.byName[name]; s != nil {
			spans = append(spans, s.Have.Spans()...)
			slices.SortFunc(spans, func(a, b envelope.Span) int { return cmp.Compare(a.First, b.First) })
		}
		n, last := 0, uint64(0)
		for _, s := range spans {
			if n == 0 || s.First > last && s.First-last > 1 {
				n++
			}
			last = max(last, s.Last)
		}
		if n > envelope.MaxSpans {
			return true
		}
	}
	return false
}

// Stream returns what is known about a stream.
func (l *Ledger) Stream(n Name, now time.Time) *Stream {
	var s *Stream
	if l.last != nil {
		s = l.last.after // publishers send in the order of the ring
	}
	if s == nil || s.gone || s.Name != n {
		s = l.byName[n]
	}
	if s == nil {
		if len(l.byName) >= MaxStreams {
			l.forget(MaxStreams / 16)
		}
		s = &Stream{Name: n, Source: sources.Add(1)}
		l.byName[n], l.bySource[s.Source] = s, s
	}
	if l.last != nil {
		l.last.after = s
	}
	l.last = s
	s.Use(now)
	return s
}

// forget drops the n streams that were silent for the longest.
func (l *Ledger) forget(n int) {
	for _, s := range l.sorted(func(a, b *Stream) int { return cmp.Compare(a.used, b.used) })[:n] {
		l.drop(s)
	}
}

func (l *Ledger) drop(s *Stream) {
	// If it comes back, its first lines must not count as missing.
	o, err := envelope.ParseOrigin([]byte(s.Key))
	if since, ok := l.since[s.Label]; ok && err == nil && since <= o.Epoch {
		l.since[s.Label] = o.Epoch + 1
	}
	delete(l.byName, s.Name)
	delete(l.bySource, s.Source)
	s.gone, s.after, l.last = true, nil, nil
}

func (l *Ledger) sorted(order func(a, b *Stream) int) []*Stream {
	list := make([]*Stream, 0, len(l.byName))
	for _, s := range l.byName {
		list = append(list, s)
	}
	slices.SortFunc(list, order)
	return list
}

// Streams calls use with each stream.
func (l *Ledger) Streams(use func(*Stream)) {
	for _, s := range l.byName {
		use(s)
	}
}

// Writer returns what keeps the index of a file of the template.
func (l *Ledger) Writer() *Writer { return &Writer{l: l} }

// Due reports whether a checkpoint should be made, as soon as nothing waits for a file.
func (l *Ledger) Due() bool {
	return l.grown >= checkpointBytes || len(l.recent) >= checkpointFiles || l.lost
}

// Checkpoint saves which lines have come, so that a start does not have to read the indexes for it.
// Nothing may wait for a file, because what waits counts as written. After a failure it can be
// tried again.
func (l *Ledger) Checkpoint(now time.Time) error {
	for _, s := range l.byName {
		if now.Unix()-s.used > int64(ForgetAfter/time.Second) {
			l.drop(s)
		}
	}
	b := frame([]byte(ledgerMagic), func(b []byte) []byte { return fields.AppendString(append(b, kindLog), l.template) })
	b = frame(b, func(b []byte) []byte { return binary.LittleEndian.AppendUint64(append(b, kindStore), l.store) })
	for _, label := range slices.Sorted(maps.Keys(l.since)) {
		b = frame(b, func(b []byte) []byte {
			return binary.LittleEndian.AppendUint64(fields.AppendString(append(b, kindLabel), label), l.since[label])
		})
	}
	for _, s := range l.sorted(func(a, b *Stream) int { return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Key, b.Key)) }) {
		b = frame(b, func(b []byte) []byte { return s.append(b) })
	}
	tmp := l.path + ".tmp"
	f, err := l.disk.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644, false)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), logfile.Lock(f)); err == nil {
		err = l.disk.Rename(tmp, l.path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	_ = l.f.Close() // the replaced file
	l.f, l.size, l.unsynced = f, int64(len(b)), false
	l.checkpoint++
	l.grown, l.lost = 0, false
	clear(l.recent)
	return l.disk.SyncDir(filepath.Dir(l.path))
}

func (s *Stream) append(b []byte) []byte {
	b = fields.AppendString(fields.AppendString(append(b, kindStream), s.Label), s.Key)
	b = binary.AppendUvarint(b, uint64(max(0, s.used)))
	spans := s.Have.Spans()
	b = binary.AppendUvarint(b, uint64(len(spans)))
	at := uint64(0)
	for _, sp := range spans {
		b = binary.AppendUvarint(b, sp.First-at)
		b = binary.AppendUvarint(b, sp.Last-sp.First)
		at = sp.Last + 1
	}
	return binary.AppendUvarint(b, s.Next)
}

// touch records that an index has lines that the ledger lacks, from an offset on, unless that is
// recorded already.
func (l *Ledger) touch(path string, generation uint64, off int64) error {
	if t, ok := l.recent[path]; ok && t.generation == generation && t.off <= off {
		return nil
	}
	var b []byte
	if l.size == 0 { // no checkpoint could be made yet
		b = append(b, ledgerMagic...)
	}
	b = frame(b, func(b []byte) []byte {
		b = fields.AppendString(append(b, kindTouched), path)
		b = binary.LittleEndian.AppendUint64(b, generation)
		return binary.AppendUvarint(b, uint64(off))
	})
	if _, err := l.f.WriteAt(b, l.size); err != nil {
		return errors.Join(err, l.f.Truncate(l.size))
	}
	l.size += int64(len(b))
	l.recent[path] = touched{path, generation, off}
	l.unsynced = true
	return nil
}

// touchSynced touches an index that is about to be renamed, and syncs that.
func (l *Ledger) touchSynced(path string, generation uint64, off int64) error {
	return errors.Join(l.touch(path, generation, off), l.sync())
}

// touchAll is touchSynced for all of an index.
func (l *Ledger) touchAll(path string, generation uint64) error {
	return l.touchSynced(path, generation, headerLen)
}

func (l *Ledger) sync() error {
	if !l.unsynced {
		return nil
	}
	l.unsynced = false
	return l.f.Sync()
}

// Close closes the ledger. If settled, nothing waits for any file, and it makes a last checkpoint.
func (l *Ledger) Close(settled bool, now time.Time) error {
	var err error
	if settled {
		err = l.Checkpoint(now)
	}
	return errors.Join(err, l.f.Close())
}
