package archive

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

const (
	// scanInterval is the time between two scans of all files.
	scanInterval = time.Hour
	// scanPause is the least time between two scans.
	scanPause = 30 * time.Second
	// maxNamed bounds the list of closed files; a scan finds the others.
	maxNamed = 10000
)

// Config says what happens to the closed files of a template.
type Config struct {
	Template *logpath.Template
	Compress Compression
	// KeepAge is how old closed files may become; zero means any age.
	KeepAge time.Duration
	// KeepCount is how many closed files of a series are kept; zero means all.
	KeepCount int
	// Linger is how long a file of another period must be idle before it counts as closed.
	Linger time.Duration
	// Open reports whether the writer has a file. It is called from the archiver's goroutine.
	Open func(path string) bool
	// Removed, if not nil, is called for each file that was removed, from the archiver's goroutine.
	Removed func(path string)
	// Disk has the files. Nil means [fsutil.OS].
	Disk fsutil.FS
	// Report is called for each failure, from the archiver's goroutine.
	Report func(error)
}

// Stats are an archiver's counters, which only grow.
type Stats struct {
	Compressed, Removed, Errors int64
}

// Add adds the counters of o.
func (s *Stats) Add(o Stats) {
	s.Compressed += o.Compressed
	s.Removed += o.Removed
	s.Errors += o.Errors
}

// Archiver compresses and removes the closed files of one template.
type Archiver struct {
	cfg  Config
	zip  compressor
	wake chan struct{}
	born time.Time

	compressed, removed, errors atomic.Int64

	work chan struct{} // has room while files are neither compressed and removed nor held

	mu     sync.Mutex
	named  []string // closed files
	scan   bool     // a scan is requested
	period *string  // the current one; nil if unknown
}

// New returns an archiver. Run does the work.
func New(cfg Config) *Archiver {
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	return &Archiver{
		cfg: cfg, wake: make(chan struct{}, 1), work: make(chan struct{}, 1), scan: true, born: time.Now(),
		zip: compressor{disk: cfg.Disk, exact: cfg.Removed != nil}, // which removes indexes
	}
}

// SetLinger sets [Config.Linger]. It must not be called after Run.
func (a *Archiver) SetLinger(d time.Duration) { a.cfg.Linger = d }

// Hold lets nothing be compressed or removed until release is called. It waits for what is under way.
func (a *Archiver) Hold() (release func()) {
	a.work <- struct{}{}
	return func() { <-a.work }
}

// Closed names a file that will not be written any more. It never blocks.
func (a *Archiver) Closed(path string) {
	a.mu.Lock()
	if len(a.named) < maxNamed {
		a.named = append(a.named, path)
	} else {
		a.scan = true
	}
	a.mu.Unlock()
	a.poke()
}

// Period names the period that is written from now on. Files of all others are closed. It never
// blocks.
func (a *Archiver) Period(period string) {
	a.mu.Lock()
	a.period, a.scan = &period, true
	a.mu.Unlock()
	a.poke()
}

func (a *Archiver) poke() {
	select {
	case a.wake <- struct{}{}:
	default: // already signaled
	}
}

// Stats returns the counters. It may be called at any time.
func (a *Archiver) Stats() Stats {
	return Stats{a.compressed.Load(), a.removed.Load(), a.errors.Load()}
}

// Run works until ctx ends. A file that is being compressed then stays plain.
func (a *Archiver) Run(ctx context.Context) {
	var last time.Time // of a scan
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-next.C:
			a.mu.Lock()
			a.scan = true
			a.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case a.work <- struct{}{}:
		}
		for _, path := range a.takeNamed() {
			a.compress(ctx, path)
		}
		wait := scanInterval
		if a.wantsScan() {
			if wait = scanPause - time.Since(last); last.IsZero() || wait <= 0 {
				a.scanAll(ctx)
				last = time.Now()
				if wait = scanInterval; a.cfg.Linger > 0 {
					wait = min(wait, a.cfg.Linger)
				}
			}
		}
		<-a.work
		next.Reset(wait)
	}
}

func (a *Archiver) takeNamed() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	named := a.named
	a.named = nil
	if len(named) > 0 && (a.cfg.KeepCount > 0 || a.cfg.KeepAge > 0) {
		a.scan = true
	}
	return named
}

func (a *Archiver) wantsScan() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.scan
}

// compress compresses a file, or reports why that failed.
func (a *Archiver) compress(ctx context.Context, path string) {
	if a.cfg.Compress == None || a.cfg.Open(path) || ctx.Err() != nil {
		return
	}
	err := a.zip.compress(ctx, path, a.cfg.Compress)
	switch {
	case err == nil:
		a.compressed.Add(1)
	case ctx.Err() != nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, logfile.ErrLocked):
		// No longer needed, or found again by a later scan.
	default:
		a.report(err)
	}
}

func (a *Archiver) report(err error) {
	a.errors.Add(1)
	a.cfg.Report(err)
}

// found is a file that a scan found.
type found struct {
	path string
	logpath.File
	at time.Time // last change
}

// scanAll compresses and removes closed files of the template.
func (a *Archiver) scanAll(ctx context.Context) {
	a.mu.Lock()
	period := a.period
	a.scan = false
	a.mu.Unlock()
	series := make(map[string][]found)
	seen := make(map[string]bool)
	for _, f := range a.list(ctx) {
		if !a.isClosed(&f, period) {
			continue
		}
		if f.Compressed == "" && a.cfg.Compress != None {
			a.compress(ctx, f.path)
			if _, err := a.cfg.Disk.Stat(f.path); err != nil {
				f.path += a.cfg.Compress.ext()
			}
		}
		if !seen[f.path] { // a plain file may have joined its compressed one
			seen[f.path] = true
			series[f.Series] = append(series[f.Series], f)
		}
	}
	for _, files := range series {
		a.retain(files)
	}
}

// isClosed reports whether a file will not be written any more.
func (a *Archiver) isClosed(f *found, period *string) bool {
	switch {
	case a.cfg.Open(f.path):
		return false
	case f.Part != "" || f.Compressed != "":
		return true
	default:
		return period != nil && a.cfg.Template.Timed() && f.Period != *period && (a.cfg.Linger == 0 || time.Since(f.at) >= a.cfg.Linger)
	}
}

// list returns all files of the template. It removes files that a crash left unfinished.
func (a *Archiver) list(ctx context.Context) []found {
	var files []found
	base, depth := a.cfg.Template.Base(), a.cfg.Template.Depth()
	err := fsutil.WalkDir(a.cfg.Disk, base, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) {
				a.report(err)
			}
			return nil
		case d.IsDir():
			if path != base && strings.Count(path[len(base):], string(filepath.Separator)) > depth {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		if a.isLeftover(path) {
			_ = a.cfg.Disk.Remove(path)
			return nil
		}
		if f, ok := a.cfg.Template.Match(path); ok {
			if st, err := d.Info(); err == nil {
				files = append(files, found{path, f, st.ModTime()})
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		a.report(err)
	}
	return files
}

// isLeftover reports whether a path is that of an unfinished compressed file of the template. Only
// this package writes such files.
func (a *Archiver) isLeftover(path string) bool {
	name, ok := strings.CutPrefix(filepath.Base(path), ".")
	name, ok2 := strings.CutSuffix(name, ".tmp")
	if !ok || !ok2 {
		return false
	}
	f, ok := a.cfg.Template.Match(filepath.Join(filepath.Dir(path), name))
	return ok && f.Compressed != ""
}

// retain removes closed files of a series that are too old or too many.
func (a *Archiver) retain(files []found) {
	slices.SortFunc(files, func(x, y found) int {
		return cmp.Or(y.at.Compare(x.at), cmp.Compare(y.path, x.path)) // newest first
	})
	for i, f := range files {
		old := a.cfg.KeepAge > 0 && time.Since(f.at) > a.cfg.KeepAge
		if !old && (a.cfg.KeepCount == 0 || i < a.cfg.KeepCount) {
			continue
		}
		if err := a.cfg.Disk.Remove(f.path); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				a.report(err)
			}
			continue
		}
		a.removed.Add(1)
		if a.cfg.Removed != nil {
			a.cfg.Removed(f.path)
		}
		a.tidy(filepath.Dir(f.path))
	}
}

// tidy removes directories that have become empty, up to the base.
func (a *Archiver) tidy(dir string) {
	for base := a.cfg.Template.Base(); len(dir) > len(base); dir = filepath.Dir(dir) {
		if a.cfg.Disk.Remove(dir) != nil {
			return // not empty
		}
	}
}
