package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/input/container"
)

const (
	// pollInterval is how often files are checked.
	pollInterval = 100 * time.Millisecond
	// saveInterval is how often a changed position is written.
	saveInterval = time.Second
	// graceTime is how long a renamed file is still read after its last growth.
	graceTime = time.Minute
	// endTime is how long files are still read once the follower is to end.
	endTime   = 2 * time.Second
	readBytes = 64 << 10
)

// Config says what to follow.
type Config struct {
	Path string
	// State is a directory for positions. Empty means that no position is saved.
	State string
	// StateMade says that another Follower has made State, which is then not done and synced again.
	StateMade bool
	// FromStart reads a file without a saved position from its beginning. Otherwise its present content is skipped.
	FromStart bool
	// Since makes a file without a saved position new if it was created later, so that it is read from its beginning:
	// nanoseconds of [FileClock]. 0 means that the present content of every file is old.
	Since int64
	// Format is that of the file. Lines that the file has in parts are passed on in one call.
	Format container.Format
	// MaxLine is the longest line in bytes, newline included. 0 means 64 KiB.
	MaxLine int
	// Watcher wakes the follower when its files change. Nil means that it checks them from time to time.
	Watcher *Watcher
	// Disk has all files. Nil means [fsutil.OS]; with another one, Watcher must be nil.
	Disk fsutil.FS
	// OnEvent is called with events for the operator's log. It may be nil.
	OnEvent func(what string, err error)
}

// Taker takes lines.
type Taker interface {
	// Take takes whole lines, and counts in names to which streams they went; names is nil without [Follower.Name]. It returns
	// a mark, and how many bytes it took, which is less than all only if the follower is to end.
	Take(names *LineNames, lines []byte) (n int, mark uint64)
	// Safe returns a mark up to which lines cannot be lost.
	Safe() uint64
}

// Follower follows one path.
type Follower struct {
	cfg    Config
	to     Taker
	naming Naming
	state  string
	files  []*file // oldest first; the last is that at the path, if there is one
	// done is closed when the follower is to end, and interrupted is set when it then was reading a
	// compressed file, of which little is known.
	done        <-chan struct{}
	interrupted bool
	// missing are the files of the saved position that have not been found. They are kept until
	// another file is at the path.
	missing  []place
	searched bool   // they have been searched for
	last     *place // that of the last file, if it is no longer among files
	since    int64  // when the follower first looked and there was no file; 0 if it does not matter
	buf      []byte // the tail of the file that is read, and what follows; nil unless there is something to read
	lead     int    // the length of that tail
	refused  bool   // the taker did not take all
	reason   string // of the last loss
	wrote    []byte // the position as it is on disk
	failed   bool   // the last attempt to write it has failed
	told     string // the reason last reported why the file at the path could not be opened
	unopened string // that of the last attempt; empty if it succeeded, or the file may only be late
	absent   bool   // nothing was at the path at the last poll
	waiting  waiting

	left   atomic.Bool          // see Leave
	behind fsutil.Latest[int64] // how much is unread

	mu    sync.Mutex
	stats Stats  // what Stats adds is not in it
	seen  []seen // the files, as of the end of the last poll
}

// source is an open file. It is an [fsutil.File] or a packed one.
type source interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// file is one that is open.
type file struct {
	f        source
	packed   bool  // it is a compressed copy
	place          // offset is up to where lines were given
	safe     spot  // up to where they are safe
	looked   int64 // its time of change, as of the last check
	given    []given
	skipping bool // skip the rest of a line that was cut
	old      bool // it is no longer at the path
	settled  bool // nobody writes it any more
	ended    bool // it was read to its end
	grew     time.Time
	// trouble is the reason last reported why it could not be read.
	trouble string
}

// given are lines that were passed on and are not known to be safe.
type given struct {
	mark   uint64
	end    spot
	counts []count // how many lines got names
}

// New returns a follower that has not started. It reads the saved position. If that is damaged, the follower reports it and starts
// without a position.
func New(cfg Config) (*Follower, error) {
	if cfg.Path == "" {
		return nil, errors.New("tail: no path")
	}
	if cfg.MaxLine <= 0 {
		cfg.MaxLine = readBytes
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("tail: %w", err)
	}
	cfg.Path = path
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(string, error) {}
	}
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	if cfg.Watcher == nil {
		cfg.Watcher = &Watcher{Poll: true}
	}
	f := &Follower{cfg: cfg}
	if cfg.State != "" {
		if !cfg.StateMade {
			if err := fsutil.MkdirAll(cfg.Disk, cfg.State, 0o700); err != nil {
				return nil, fmt.Errorf("tail: %w", err)
			}
		}
		f.state = statePath(cfg.State, path)
	}
	return f, nil
}

// Run follows until ctx ends, and then reads to the ends of the files, for at most endTime. Call Close once no further lines become safe.
func (f *Follower) Run(ctx context.Context, to Taker) error {
	f.to = to
	f.cfg.Watcher.enter(&f.waiting)
	defer f.cfg.Watcher.leave(&f.waiting)
	f.begin(ctx)
	var end time.Time
	for {
		over := ctx.Err() != nil
		if over && end.IsZero() {
			end = time.Now().Add(endTime)
		}
		f.renew(time.Now())
		more := f.check(ctx)
		f.saveIfDue(time.Now())
		if more && (!over || time.Now().Before(end)) {
			continue
		}
		if over {
			return nil
		}
		f.wait(ctx)
	}
}

// Close writes the position and closes the files.
func (f *Follower) Close() {
	if f.to != nil {
		f.save()
	}
	for _, g := range f.files {
		_ = g.f.Close()
	}
	f.look() // its files are closed, and have nothing more to tell but where they were left
	f.files = nil
}

// open opens the file at the path at its start, or returns nil.
func (f *Follower) open() *file {
	r, err := f.cfg.Disk.OpenFile(f.cfg.Path, os.O_RDONLY, 0, false)
	f.trouble(err)
	if err != nil {
		return nil
	}
	info, err := r.Stat()
	if err != nil {
		_ = r.Close()
		return nil
	}
	return newFile(r, info)
}

// newFile returns a file at its start.
func newFile(r source, info os.FileInfo) *file {
	g := &file{f: r, grew: time.Now(), looked: info.ModTime().UnixNano()}
	g.dev, g.ino = inode(info)
	g.mtime = g.looked
	_, _ = g.fits(r) // takes its first bytes
	return g
}

// poll passes new lines on, and reports whether there may be more already.
func (f *Follower) poll(ctx context.Context) (more bool) {
	defer f.look()
	f.rotate()
	f.refused = false
	for i := 0; i < len(f.files); {
		g := f.files[i]
		if f.truncated(g, i) {
			return true // other files may have come before it
		}
		if f.read(ctx, g) {
			return true // those behind it wait, so that lines stay in order
		}
		if f.refused || f.interrupted {
			return false
		}
		if g.old && (g.settled || time.Since(g.grew) > graceTime) && !f.finish(g) && len(g.given) == 0 {
			f.drop(i)
			continue
		}
		if f.refused {
			return false
		}
		i++ // it stays open until its lines are safe
	}
	return false
}

// drop closes a file and forgets it.
func (f *Follower) drop(i int) {
	g := f.files[i]
	if z, ok := g.f.(*packed); ok && z.damage() != nil {
		f.lost("compressed file is damaged; the rest of its lines is lost", g.place, z.damage())
	}
	if g.trouble != "" {
		f.lost("rotated file cannot be read; the rest of its lines, if any, is lost", g.place, errors.New(g.trouble))
	}
	for _, next := range f.files[i+1:] {
		if next.empty() { // what g got after next was created makes g none that was missed
			next.mtime = max(next.mtime, g.looked)
		}
	}
	f.over(g.names)
	_ = g.f.Close()
	f.files = slices.Delete(f.files, i, i+1)
}

// room makes room for another file. It lets one go that was read to its end if there are too many.
func (f *Follower) room() bool {
	if len(f.files) < maxFiles {
		return true
	}
	i := slices.IndexFunc(f.files, func(g *file) bool { return g.old && g.ended && len(g.given) == 0 })
	if i >= 0 {
		f.drop(i)
	}
	return i >= 0
}

// index returns which of the files that are followed a file is, or -1.
func (f *Follower) index(info os.FileInfo) int {
	return slices.IndexFunc(f.files, func(g *file) bool {
		now, err := g.f.Stat()
		return err == nil && fsutil.SameFile(now, info)
	})
}

// rotate checks whether the path has a new file.
func (f *Follower) rotate() {
	info, err := f.cfg.Disk.Stat(f.cfg.Path)
	f.absent = errors.Is(err, fs.ErrNotExist)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.cfg.Path, Err: fsutil.ErrNotFile}
	}
	if err != nil {
		f.trouble(err)
		f.resolve(false)
		return
	}
	if i := f.index(info); i >= 0 {
		f.files[i].old = i < len(f.files)-1 // and a file behind it came later
		f.replaced(f.files[:i])
		f.trouble(nil)
		return
	}
	if !f.room() {
		return
	}
	g := f.open()
	if g == nil {
		f.resolve(false)
		return
	}
	if now, err := g.f.Stat(); err != nil || !fsutil.SameFile(now, info) {
		_ = g.f.Close() // it was replaced just now
		return
	}
	f.resolve(true)
	if f.interrupted {
		_ = g.f.Close()
		return
	}
	if f.index(info) >= 0 { // it was one of those missing
		_ = g.f.Close()
		f.last, f.since = nil, 0
		return
	}
	f.replaced(f.files)
	last := f.last
	switch {
	case last != nil:
	case len(f.files) > 0:
		f.event(&f.stats.Rotations, "file rotated by rename", nil)
		last = &f.files[len(f.files)-1].place
	case f.since != 0:
		last = &place{mtime: f.since}
	}
	if last != nil && !f.catchUp(*last) || !f.room() {
		_ = g.f.Close()
		return
	}
	f.skipOld(g)
	f.last, f.since = nil, 0
	f.files = append(f.files, g)
}

// replaced marks files as no longer at the path.
func (f *Follower) replaced(files []*file) {
	for _, g := range files {
		if !g.old {
			g.old, g.grew = true, time.Now()
		}
	}
}

// truncated checks whether a file was truncated or overwritten. If so, the copy of its old content
// takes its place, and what it has now is followed after it as a new file.
func (f *Follower) truncated(g *file, i int) bool {
	info, err := g.f.Stat()
	if err != nil || g.packed {
		return false
	}
	g.looked = info.ModTime().UnixNano()
	if ok, err := g.fits(g.f); ok || err != nil {
		return false
	}
	f.event(&f.stats.Truncations, "file truncated", nil)
	after := slices.Clone(f.files[i+1:])
	f.files = f.files[:i]
	last := g.place
	if g.head.n >= minDigest || g.offset > 0 {
		c, err := f.find(last)
		switch {
		case c == nil && f.interrupted:
			last.spot, last.names = g.safe, g.safeNames()
			f.missing = append(f.missing, last)
			f.files = append(f.files, after...)
			_ = g.f.Close()
			return true
		case c == nil:
			f.over(g.names)
			f.lost("no copy of the truncated file found; its unread lines, if any, are lost", last, err)
		default:
			c.old, c.given, c.safe, c.skipping = true, g.given, g.safe, g.skipping
			c.settled = c.packed
			f.files = append(f.files, c)
			last = c.place
		}
	}
	if !g.old && !f.catchUp(last) { // rotate opens it again when there is room
		_ = g.f.Close()
		return true
	}
	fresh := newFile(g.f, info)
	fresh.old = g.old
	f.files = append(append(f.files, fresh), after...)
	return true
}

// load reads what follows the lines that were passed on. It returns nothing if there is nothing, or if
// the file was truncated just now.
func (f *Follower) load(g *file) ([]byte, error) {
	if info, err := g.f.Stat(); err == nil && !g.packed && info.Size() <= g.offset {
		g.ended = info.Size() == g.offset
		return nil, nil
	}
	f.need()
	f.lead = int(g.tail.n)
	n, err := readAt(g.f, f.buf[:len(f.buf)-maxDigest+f.lead], g.offset-g.tail.n)
	g.ended = err == nil && n == f.lead
	if err != nil || n <= f.lead || digestOf(f.buf[:f.lead]) != g.tail {
		return nil, err
	}
	if g.packed {
		return f.buf[f.lead:n], nil
	}
	if ok, err := g.begins(g.f); !ok {
		return nil, err
	}
	return f.buf[f.lead:n], nil
}

// read passes on the lines of at most one buffer, and reports whether there were any.
func (f *Follower) read(ctx context.Context, g *file) bool {
	b, err := f.load(g)
	f.readTrouble(g, err)
	if len(b) == 0 {
		return false
	}
	whole := len(b) == len(f.buf)-maxDigest
	if i := bytes.IndexByte(b, 0); i >= 0 {
		if bytes.IndexByte(b[:i], '\n') < 0 {
			return f.readNULs(g, b, i)
		}
		b = b[:i]
	}
	if g.skipping {
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			i = len(b)
		} else {
			g.skipping = false
		}
		f.gave(g, i, f.to.Safe())
		return true
	}
	end := f.cfg.Format.Whole(b)
	if end == 0 && whole && f.cfg.Format != container.Plain {
		end = bytes.LastIndexByte(b, '\n') + 1 // a line in so many parts becomes several
	}
	if end == 0 {
		if !whole {
			return false // the line has not come whole
		}
		g.skipping = f.takeTorn(g, b)
		return g.skipping
	}
	took, mark := f.to.Take(f.named(g), b[:end])
	f.refused = took < end
	if took == 0 {
		return false
	}
	f.gave(g, took, mark)
	return ctx.Err() == nil || took == end
}

// readNULs deals with the NULs that begin at index i of b, in its first line. Files get NULs when a
// writer keeps its offset over a truncation, and when the power fails. What stands in front of them
// is a torn line. NULs are skipped.
func (f *Follower) readNULs(g *file, b []byte, i int) bool {
	switch {
	case i > 0 && g.skipping:
		g.skipping = false
		f.gave(g, i, f.to.Safe())
		return true
	case i > 0:
		return f.takeTorn(g, b[:i])
	}
	n := len(b) - len(bytes.TrimLeft(b, "\x00"))
	g.skipping = false
	f.mu.Lock()
	first := f.stats.NULs == 0
	f.stats.NULs += int64(n)
	f.mu.Unlock()
	if first {
		f.cfg.OnEvent("skipping NUL bytes in the file; use copytruncate only with programs that append", nil)
	}
	f.gave(g, n, f.to.Safe())
	return true
}

// finish passes on the last line of a file that nobody writes any more, if it has no newline. It
// reports whether there was one. If the line cannot be taken now, it reports true as well, and the
// next poll tries again.
func (f *Follower) finish(g *file) bool {
	b, err := f.load(g)
	if len(b) == 0 || g.skipping || err != nil {
		return false
	}
	if z, ok := g.f.(*packed); ok && z.damage() != nil {
		return false // the line is cut off
	}
	f.takeTorn(g, b)
	return true
}

// takeTorn passes on b, which has no whole line, as a line of at most MaxLine bytes. It reports whether
// that was taken.
func (f *Follower) takeTorn(g *file, b []byte) bool {
	line := append(slices.Clone(b[:min(len(b), f.cfg.MaxLine-1)]), '\n')
	if f.cfg.Format != container.Plain && bytes.HasSuffix(b, []byte{'\n'}) {
		line = b // parts of a line whose end never came
	}
	took, mark := f.to.Take(f.named(g), line)
	f.refused = took == 0
	if took > 0 {
		f.gave(g, len(b), mark)
	}
	return took > 0
}

// gave records that n bytes of what load returned were passed on.
func (f *Follower) gave(g *file, n int, mark uint64) {
	end := f.lead + n
	g.spot = spot{g.offset + int64(n), digestOf(f.buf[max(0, end-maxDigest):end])}
	g.mtime, g.grew = g.looked, time.Now()
	if last := len(g.given) - 1; last >= 0 && g.given[last].mark == mark {
		g.given[last].end = g.spot
		g.given[last].counts = append(g.given[last].counts, g.names.cut()...)
		return
	}
	g.given = append(g.given, given{mark, g.spot, g.names.cut()})
}

// saveIfDue saves a position that may have changed, at most once each saveInterval.
func (f *Follower) saveIfDue(now time.Time) {
	if !f.waiting.unsaved || now.Before(f.waiting.nextSave) {
		return
	}
	f.save()
	f.waiting.nextSave = now.Add(saveInterval)
	f.waiting.unsaved = f.failed || slices.ContainsFunc(f.files, func(g *file) bool { return len(g.given) > 0 })
}

// save writes the position up to which all lines are safe.
func (f *Follower) save() {
	if f.left.Load() {
		return
	}
	safe := f.to.Safe()
	var places []place
	for _, g := range f.files {
		n := 0
		for n < len(g.given) && g.given[n].mark <= safe {
			g.safe = g.given[n].end
			n++
		}
		g.given = slices.Delete(g.given, 0, n)
		p := g.place
		p.spot, p.names, p.done = g.safe, g.safeNames(), g.old && g.ended && len(g.given) == 0
		places = append(places, p)
	}
	places = append(places, f.missing...)
	if f.last != nil && len(places) == 0 {
		places = append(places, *f.last)
	}
	if f.state == "" {
		return
	}
	if f.left.Load() { // while Safe waited for the disk
		return
	}
	b := (&position{f.cfg.Path, f.since, places[max(0, len(places)-maxFiles):]}).encode()
	if bytes.Equal(b, f.wrote) {
		return
	}
	err := writeState(f.cfg.Disk, f.state, b)
	if err != nil {
		if !f.failed {
			f.failed = true
			f.cfg.OnEvent("cannot write the position, lines may come again after a restart", err)
		}
		return
	}
	f.wrote, f.failed = b, false
}
