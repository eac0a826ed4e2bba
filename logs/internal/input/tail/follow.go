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
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	// pollInterval is how often files are checked.
	pollInterval = 100 * time.Millisecond
	// saveInterval is how often a changed position is written.
	saveInterval = time.Second
	// graceTime is how long a renamed file is still read after its last growth.
	graceTime = time.Minute
	readBytes = 64 << 10
)

// Config says what to follow.
type Config struct {
	Path string
	// State is a directory for positions. Empty means that no position is saved.
	State string
	// FromStart reads a file without a saved position from its beginning. Otherwise its present content is skipped.
	FromStart bool
	// MaxLine is the longest line in bytes, newline included. 0 means 64 KiB.
	MaxLine int
	// OnEvent is called with events for the operator's log. It may be nil.
	OnEvent func(what string, err error)
}

// Taker takes lines.
type Taker interface {
	// Take takes whole lines. It returns a mark, and how many bytes it took, which is less than all only if the follower is
	// to end.
	Take(lines []byte) (n int, mark uint64)
	// Safe returns a mark up to which lines cannot be lost.
	Safe() uint64
}

// Follower follows one path.
type Follower struct {
	cfg    Config
	to     Taker
	state  string
	files  []*file // oldest first; the last is that at the path, if there is one
	buf    []byte
	wrote  []byte // the position as it is on disk
	failed bool   // the last attempt to write it has failed
	// troubles are the reasons last reported why files could not be opened, by path.
	troubles map[string]string

	mu    sync.Mutex
	stats Stats  // what Stats adds is not in it
	seen  []seen // the files, as of the end of the last poll
}

// file is one that is open.
type file struct {
	f     *os.File
	place       // offset is up to where lines were given
	safe  int64 // up to where they are safe
	given []given
	skip  bool // skip the rest of a line that was cut
	old   bool // it is no longer at the path
	grew  time.Time
	// trouble is the reason last reported why it could not be read.
	trouble string
}

// given are lines that were passed on and are not known to be safe.
type given struct {
	mark uint64
	end  int64
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
	f := &Follower{cfg: cfg, buf: make([]byte, max(readBytes, cfg.MaxLine))}
	if cfg.State != "" {
		if err := os.MkdirAll(cfg.State, 0o700); err != nil {
			return nil, fmt.Errorf("tail: %w", err)
		}
		f.state = statePath(cfg.State, path)
	}
	return f, nil
}

// Run follows until ctx ends, and then reads to the ends of the files. Call Close once no further lines become safe.
func (f *Follower) Run(ctx context.Context, to Taker) error {
	f.to = to
	f.begin(ctx)
	save := time.Now()
	t := time.NewTicker(pollInterval)
	defer t.Stop()
	for {
		over := ctx.Err() != nil
		more := f.poll(ctx)
		if now := time.Now(); now.Sub(save) >= saveInterval {
			save = now
			f.save()
		}
		if more {
			continue
		}
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-t.C:
		}
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

// begin finds the files of the saved position, wherever they are now.
func (f *Follower) begin(ctx context.Context) {
	var places []place
	known := false
	if f.state != "" {
		b, err := fsutil.ReadFile(ctx, f.state)
		if err == nil {
			var path string
			if path, places, err = parsePosition(b); err == nil && path != f.cfg.Path {
				err = fmt.Errorf("it belongs to %q", path)
			}
			known = err == nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			f.event(&f.stats.Errors, "cannot read the saved position, starting without it", err)
		}
	}
	for _, p := range places {
		if g := f.find(p); g != nil {
			f.files = append(f.files, g)
		} else if p.offset > 0 {
			f.event(&f.stats.Losses, "a followed file is gone, unread lines lost", nil)
		}
	}
	if !known && !f.cfg.FromStart {
		if g := f.open(f.cfg.Path); g != nil {
			f.toEnd(g)
			f.files = append(f.files, g)
		}
	}
}

// toEnd skips the whole lines that a file has.
func (f *Follower) toEnd(g *file) {
	info, err := g.f.Stat()
	if err != nil {
		return
	}
	end := info.Size()
	n := min(end, int64(len(f.buf)))
	if got, err := g.f.ReadAt(f.buf[:n], end-n); err == nil || errors.Is(err, io.EOF) {
		g.offset = end - n + int64(bytes.LastIndexByte(f.buf[:got], '\n')) + 1
	}
	g.safe = g.offset
}

// open opens a file at its start, or returns nil.
func (f *Follower) open(path string) *file {
	r, err := fsutil.OpenFile(path, os.O_RDONLY, 0, false)
	f.trouble(path, err)
	if err != nil {
		return nil
	}
	info, err := r.Stat()
	if err != nil {
		_ = r.Close()
		return nil
	}
	g := &file{f: r, grew: time.Now()}
	g.dev, g.ino = inode(info)
	g.renew()
	return g
}

// renew computes the fingerprint again.
func (g *file) renew() { g.printLen, g.print = fingerprint(g.f, maxPrint) }

// find opens the file of a place: at the path, or beside it under a name that starts with that of the path. It prefers the same
// inode, and otherwise takes a copy.
func (f *Follower) find(p place) *file {
	entries, err := os.ReadDir(filepath.Dir(f.cfg.Path))
	if err != nil {
		return nil
	}
	var copied *file
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(f.cfg.Path)) {
			continue
		}
		g := f.open(filepath.Join(filepath.Dir(f.cfg.Path), e.Name()))
		if g == nil {
			continue
		}
		info, err := g.f.Stat()
		same := g.dev == p.dev && g.ino == p.ino
		if err != nil || info.Size() < p.offset || !p.begins(g.f) || !same && (p.printLen < minPrint || copied != nil) ||
			slices.ContainsFunc(f.files, func(o *file) bool { return o.dev == g.dev && o.ino == g.ino }) {
			_ = g.f.Close()
			continue
		}
		g.offset, g.safe = p.offset, p.offset
		if same {
			if copied != nil {
				_ = copied.f.Close()
			}
			return g
		}
		copied = g
	}
	return copied
}

// poll passes new lines on, and reports whether there may be more already.
func (f *Follower) poll(ctx context.Context) (more bool) {
	f.rotate()
	for i := 0; i < len(f.files); {
		g := f.files[i]
		f.truncated(g, i)
		g = f.files[i]
		n := f.read(ctx, g)
		more = more || n
		if g.old && !n && time.Since(g.grew) > graceTime && len(g.given) == 0 {
			if f.finish(g) {
				i++ // it stays open until the line is safe
				continue
			}
			_ = g.f.Close()
			f.files = slices.Delete(f.files, i, i+1)
			continue
		}
		i++
	}
	f.look()
	return more
}

// rotate checks whether the path has a new file.
func (f *Follower) rotate() {
	info, err := os.Stat(f.cfg.Path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.cfg.Path, Err: fsutil.ErrNotFile}
	}
	if err != nil {
		f.trouble(f.cfg.Path, err)
		return
	}
	dev, ino := inode(info)
	for i, g := range f.files {
		now, err := g.f.Stat()
		if err == nil && os.SameFile(now, info) {
			g.old = i < len(f.files)-1 // and a file behind it came later
			f.trouble(f.cfg.Path, nil)
			return
		}
	}
	g := f.open(f.cfg.Path)
	if g == nil || g.dev != dev || g.ino != ino {
		if g != nil {
			_ = g.f.Close() // it was replaced just now
		}
		return
	}
	for _, o := range f.files {
		if !o.old {
			o.old, o.grew = true, time.Now()
		}
	}
	if len(f.files) > 0 {
		f.event(&f.stats.Rotations, "file rotated by rename", nil)
	}
	if len(f.files) == maxFiles {
		f.event(&f.stats.Losses, "too many rotated files, no longer following the oldest", nil)
		_ = f.files[0].f.Close()
		f.files = slices.Delete(f.files, 0, 1)
	}
	f.files = append(f.files, g)
}

// truncated checks whether a file was truncated or overwritten. If so, the copy of its old content takes its place, and the file is
// followed after it as a new one.
func (f *Follower) truncated(g *file, i int) {
	info, err := g.f.Stat()
	if err != nil || info.Size() >= g.offset && g.begins(g.f) {
		return
	}
	f.event(&f.stats.Truncations, "file truncated", nil)
	old := g.place
	fresh := &file{f: g.f, old: g.old, grew: time.Now()}
	fresh.dev, fresh.ino = g.dev, g.ino
	fresh.renew()
	f.files[i] = fresh
	if old.printLen < minPrint && old.offset == 0 || len(f.files) == maxFiles {
		return
	}
	if c := f.find(old); c != nil {
		c.old, c.given, c.safe, c.skip = true, g.given, g.safe, g.skip
		f.files = slices.Insert(f.files, i, c)
		return
	}
	f.event(&f.stats.Losses, "no copy of the truncated file found, unread lines lost", nil)
}

// read passes on the lines of at most one buffer, and reports whether there were any.
func (f *Follower) read(ctx context.Context, g *file) bool {
	n, err := g.f.ReadAt(f.buf, g.offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	f.readTrouble(g, err)
	if n == 0 || err != nil {
		return false
	}
	if !g.extend(g.f) {
		return false // it was truncated just now, and this may be of what came then
	}
	b := f.buf[:n]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		if bytes.IndexByte(b[:i], '\n') < 0 {
			return f.readNULs(g, b, i)
		}
		b, n = b[:i], i
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	if g.skip {
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			i = n
		} else {
			g.skip = false
		}
		f.gave(g, i, f.to.Safe())
		return true
	}
	if end == 0 {
		if n < len(f.buf) {
			return false // the line has not come whole
		}
		g.skip = f.takeTorn(g, b)
		return g.skip
	}
	took, mark := f.to.Take(b[:end])
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
	case i > 0 && g.skip:
		g.skip = false
		f.gave(g, i, f.to.Safe())
		return true
	case i > 0:
		return f.takeTorn(g, b[:i])
	}
	n := len(b) - len(bytes.TrimLeft(b, "\x00"))
	g.skip = false
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
	n, err := g.f.ReadAt(f.buf, g.offset)
	if n == 0 || g.skip || err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	f.takeTorn(g, f.buf[:n])
	return true
}

// takeTorn passes on b, which has no newline, as a line of at most MaxLine bytes. It reports whether
// that was taken.
func (f *Follower) takeTorn(g *file, b []byte) bool {
	line := append(slices.Clone(b[:min(len(b), f.cfg.MaxLine-1)]), '\n')
	took, mark := f.to.Take(line)
	if took > 0 {
		f.gave(g, len(b), mark)
	}
	return took > 0
}

// gave records that bytes of a file were passed on.
func (f *Follower) gave(g *file, n int, mark uint64) {
	g.offset += int64(n)
	g.grew = time.Now()
	if last := len(g.given) - 1; last >= 0 && g.given[last].mark == mark {
		g.given[last].end = g.offset
		return
	}
	g.given = append(g.given, given{mark, g.offset})
}

// save writes the position up to which all lines are safe.
func (f *Follower) save() {
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
		p.offset = g.safe
		places = append(places, p)
	}
	if f.state == "" {
		return
	}
	b := encodePosition(f.cfg.Path, places)
	if bytes.Equal(b, f.wrote) {
		return
	}
	if err := writeState(f.state, b); err != nil {
		if !f.failed {
			f.failed = true
			f.cfg.OnEvent("cannot write the position, lines may come again after a restart", err)
		}
		return
	}
	f.wrote, f.failed = b, false
}
