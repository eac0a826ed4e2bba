package logpub

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

const (
	// DefaultMaxFiles is how many files a [Glob] follows at a time. Each takes a file descriptor.
	DefaultMaxFiles = 1000
	// scanInterval is how often a Glob looks for new files. scanShare bounds what that costs.
	scanInterval = time.Second
	scanShare    = 50
	// goneTime is how long a file has to be gone to be forgotten, once all its lines are safe. Its position is kept.
	goneTime = 2 * time.Minute
)

// GlobConfig says which files a [Glob] follows.
type GlobConfig struct {
	// Config is that of each file; its Path is the pattern, and Since is not used.
	tail.Config
	// MaxFiles bounds the files that are followed at a time. 0 means DefaultMaxFiles.
	MaxFiles int
}

// Glob is a source of the lines of all files whose paths match a pattern, each with a position and streams of its own. It finds
// new files, which it reads from their beginning, and forgets those that are gone.
type Glob struct {
	cfg     GlobConfig
	log     *slog.Logger
	pattern *tail.Finder
	since   int64
	started bool // the first scan is over
	crowded int  // how many files were too many at the last scan
	trouble string
	// stateMade says that the directory of positions has been made. To sync it again for each file would
	// make the first scan of a thousand files take half a minute on a slow disk.
	stateMade bool

	held map[tail.FileID][]held // what the followed files have open; of this scan, nil before it is needed

	mu    sync.Mutex
	files map[string]*globbed
	left  bool
}

// held is a file that a follower has open.
type held struct {
	info fs.FileInfo
	by   *globbed
}

// globbed is a file that a Glob follows.
type globbed struct {
	file   *File
	intake *Intake
	ending chan struct{} // closed to end it
	ended  chan struct{}
	gone   time.Time // since when it is gone; zero while it is there
	now    string    // the path that the file has since it was renamed, if that matches, too
}

// NewGlob returns the source of the files that match a pattern.
func NewGlob(cfg GlobConfig, log *slog.Logger) (*Glob, error) {
	if cfg.MaxFiles <= 0 {
		cfg.MaxFiles = DefaultMaxFiles
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	pattern, err := tail.NewFinder(cfg.Path, cfg.State)
	if err != nil {
		return nil, err
	}
	return &Glob{cfg: cfg, log: log.With(slog.String("pattern", cfg.Path)), pattern: pattern, files: make(map[string]*globbed)}, nil
}

// String names the source.
func (g *Glob) String() string { return "files " + g.cfg.Path }

// Run follows files until in.Ending is closed.
func (g *Glob) Run(ctx context.Context, in *Intake) error {
	var err error
	if g.since, err = g.pattern.Since(); err != nil {
		g.log.Warn("cannot keep since when the pattern is followed; files that are new at the next start may be skipped", slog.Any("error", err))
	}
	for {
		start := time.Now()
		g.scan(ctx, in)
		t := time.NewTimer(max(scanInterval, scanShare*time.Since(start)))
		select {
		case <-t.C:
			continue
		case <-in.Ending():
		case <-ctx.Done():
		}
		t.Stop()
		break
	}
	for _, f := range g.all() {
		f.end()
	}
	for _, f := range g.all() {
		<-f.ended
	}
	return nil
}

// all returns the files that are followed.
func (g *Glob) all() (all []*globbed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.files {
		all = append(all, f)
	}
	return all
}

// leave leaves the files.
func (g *Glob) leave() {
	g.mu.Lock()
	g.left = true
	g.mu.Unlock()
	for _, f := range g.all() {
		f.intake.leave()
	}
}

// scan follows new files and forgets those that are gone.
func (g *Glob) scan(ctx context.Context, in *Intake) {
	found, err := g.pattern.Find()
	g.report(found, err)
	before, crowded := len(g.files), 0
	g.held = nil
	for _, path := range found {
		if closed(in.Ending()) || ctx.Err() != nil {
			return // with many files on a slow disk, the first scan takes a while
		}
		switch f := g.files[path]; {
		case f != nil:
		case !g.fresh(path, found):
		case len(g.files) >= g.cfg.MaxFiles:
			crowded++
		default:
			g.follow(ctx, in, path)
		}
	}
	if crowded > g.crowded {
		g.log.Warn("more files match than may be followed; the rest waits for others to go: use a narrower pattern, or raise max_files",
			slog.Int("waiting", crowded), slog.Int("max_files", g.cfg.MaxFiles))
	}
	g.crowded = crowded
	if !g.started {
		g.log.Info("following files", slog.Int("files", len(g.files)-before))
	}
	g.started = true
	for path, f := range g.files {
		g.forget(path, f, in)
	}
}

// report logs why no file is found, once for each reason.
func (g *Glob) report(found []string, err error) {
	reason := ""
	switch {
	case err != nil:
		reason = err.Error()
	case len(found) == 0:
		reason = "no file matches yet"
	}
	if reason != "" && reason != g.trouble && (err != nil || !g.started) {
		g.log.Warn("finding no files; will keep looking", slog.String("reason", reason))
	}
	g.trouble = reason
}

// fresh reports whether a path that matches has a file of its own, which nobody follows.
func (g *Glob) fresh(path string, found []string) bool {
	info, err := os.Stat(path)
	if err != nil {
		// It may have rotated files, or be unreadable, which its follower reports.
		return !g.started || !errors.Is(err, os.ErrNotExist)
	}
	if !info.Mode().IsRegular() {
		return false
	}
	if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
		if _, ok := slices.BinarySearch(found, target); ok {
			return false
		}
	}
	if f := g.holder(info); f != nil {
		f.now = path
		return false
	}
	return true
}

// holder returns which of the files that are followed a file is, or nil. While there is no room for further files, it asks
// each of these once in a scan, rather than for each file that waits.
func (g *Glob) holder(info fs.FileInfo) *globbed {
	if len(g.files) < g.cfg.MaxFiles {
		for _, f := range g.files {
			if f.file.f.Has(info) {
				return f
			}
		}
		return nil
	}
	if g.held == nil {
		g.held = make(map[tail.FileID][]held)
		for _, f := range g.files {
			for _, now := range f.file.f.Held() {
				g.held[tail.FileIDOf(now)] = append(g.held[tail.FileIDOf(now)], held{now, f})
			}
		}
	}
	for _, h := range g.held[tail.FileIDOf(info)] {
		if fsutil.SameFile(h.info, info) {
			return h.by
		}
	}
	return nil
}

// follow follows a file.
func (g *Glob) follow(ctx context.Context, in *Intake, path string) {
	cfg := g.cfg.Config
	cfg.Path, cfg.Since, cfg.StateMade = path, g.since, g.stateMade
	file, err := NewFile(cfg, g.log)
	if err != nil {
		g.log.Error("cannot follow file", slog.String("file", path), slog.Any("error", err))
		return
	}
	g.stateMade = true
	file.needed = false
	child, err := in.p.attach(in, file)
	if err != nil || child == nil {
		return // its input has been checked; another one follows the file
	}
	f := &globbed{file: file, intake: child, ending: make(chan struct{}), ended: make(chan struct{})}
	child.ending, child.stop = f.ending, in.stop
	g.mu.Lock()
	g.files[path] = f
	left := g.left
	g.mu.Unlock()
	if left {
		child.leave()
	}
	if g.started {
		g.log.Info("following a new file", slog.String("file", path))
	}
	go func() {
		defer close(f.ended)
		_ = file.Run(ctx, child) // a file is retried, whatever happens
	}()
}

// end ends following a file.
func (f *globbed) end() {
	if !closed(f.ending) {
		close(f.ending)
	}
}

// forget lets go a file that has been gone for a while, and whose lines are safe. If it comes back, its position is on disk.
// A file that was renamed to another name that matches takes its position along.
func (g *Glob) forget(path string, f *globbed, in *Intake) {
	if closed(f.ended) {
		f.file.finish()
		if f.now != "" {
			if err := tail.Move(g.cfg.State, path, f.now); err != nil {
				g.log.Warn("cannot keep the position of a file that was renamed; its lines come again", slog.String("file", f.now), slog.Any("error", err))
			}
		}
		in.p.detach(in, f.intake)
		g.mu.Lock()
		delete(g.files, path)
		g.mu.Unlock()
		g.log.Info("forgot a file that is gone", slog.String("file", path))
		return
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		f.gone = time.Time{}
		return
	}
	now := time.Now()
	if f.gone.IsZero() {
		f.gone = now
	}
	if now.Sub(f.gone) < goneTime || f.now != "" && g.cfg.State == "" {
		return
	}
	if st := f.file.f.Stats(); st.Behind == 0 && st.Safe == st.Position && st.Files <= 1 {
		f.end()
	}
}

// attach adds an intake for a file that the source of an intake follows, or returns nil if another one does.
func (p *Publisher) attach(in *Intake, f *File) (*Intake, error) {
	input := in.input
	input.Source, input.Name = f, ""
	child, err := p.intake(input)
	if err != nil {
		return nil, err
	}
	p.targetsMu.Lock()
	defer p.targetsMu.Unlock()
	if p.followed[f.path()] {
		return nil, nil
	}
	p.followed[f.path()] = true
	p.intakes = append(p.intakes, child)
	return child, nil
}

// detach removes an intake that has ended, and adds its counters to those of the one that it was made for.
func (p *Publisher) detach(in, child *Intake) {
	p.targetsMu.Lock()
	defer p.targetsMu.Unlock()
	if f, ok := child.input.Source.(*File); ok {
		delete(p.followed, f.path())
	}
	p.intakes = slices.DeleteFunc(slices.Clone(p.intakes), func(i *Intake) bool { return i == child })
	in.lines.Add(child.lines.Load())
	in.bytes.Add(child.bytes.Load())
	in.truncated.Add(child.truncated.Load())
}
