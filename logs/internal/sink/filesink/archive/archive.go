package archive

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

const (
	// scanInterval is between two looks at all files.
	scanInterval = time.Hour
	// scanPause is the least time between two.
	scanPause = 30 * time.Second
	// maxNamed bounds the list of files that were named; beyond that a scan finds them.
	maxNamed = 10000
)

// Config says what becomes of the closed files of a template.
type Config struct {
	Template *logpath.Template
	Compress Compression
	// KeepAge is how old closed files may be; zero means any.
	KeepAge time.Duration
	// KeepCount is how many closed files of a series stay; zero means any.
	KeepCount int
	// Linger is how long a file of another period must have rested before it counts as closed.
	Linger time.Duration
	// Open reports whether the writer has a file. It is called from the archiver's goroutine.
	Open func(path string) bool
	// Removed is told of each file that was removed, if it is not nil. It is called from the
	// archiver's goroutine.
	Removed func(path string)
	// Report is told what goes wrong, from the archiver's goroutine.
	Report func(error)
}

// Stats are an archiver's counters, which only grow.
type Stats struct {
	Compressed, Removed, Errors int64
}

// Add adds other counters.
func (s *Stats) Add(o Stats) {
	s.Compressed += o.Compressed
	s.Removed += o.Removed
	s.Errors += o.Errors
}

// Archiver looks after the closed files of one template.
type Archiver struct {
	cfg  Config
	zip  compressor
	wake chan struct{}
	born time.Time

	compressed, removed, errors atomic.Int64

	mu     sync.Mutex
	named  []string // closed files
	scan   bool     // all files are to be looked at
	period *string  // that is written now; nil if not known
}

// New returns an archiver, which works in Run.
func New(cfg Config) *Archiver {
	return &Archiver{cfg: cfg, wake: make(chan struct{}, 1), scan: true, born: time.Now()}
}

// SetLinger sets [Config.Linger]. It is not to be called once Run is.
func (a *Archiver) SetLinger(d time.Duration) { a.cfg.Linger = d }

// Closed tells of a file that will not be written any more. It never waits.
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

// Period tells which period is written from now on: files of all others are closed. It never waits.
func (a *Archiver) Period(period string) {
	a.mu.Lock()
	a.period, a.scan = &period, true
	a.mu.Unlock()
	a.poke()
}

func (a *Archiver) poke() {
	select {
	case a.wake <- struct{}{}:
	default: // it has been told already
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

// compress compresses a file, or reports why not.
func (a *Archiver) compress(ctx context.Context, path string) {
	if a.cfg.Compress == None || a.cfg.Open(path) || ctx.Err() != nil {
		return
	}
	err := a.zip.compress(ctx, path, a.cfg.Compress)
	switch {
	case err == nil:
		a.compressed.Add(1)
	case ctx.Err() != nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, logfile.ErrLocked):
		// It is not needed any more, or a later scan comes upon it again.
	default:
		a.report(err)
	}
}

func (a *Archiver) report(err error) {
	a.errors.Add(1)
	a.cfg.Report(err)
}

// found is a file that a scan came upon.
type found struct {
	path string
	logpath.File
	at time.Time // of its last change
}

// scanAll looks at all files of the template.
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
			if _, err := os.Stat(f.path); err != nil {
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

// list returns all files of the template. Those that a crash has left unfinished are removed.
func (a *Archiver) list(ctx context.Context) []found {
	var files []found
	base, depth := a.cfg.Template.Base(), a.cfg.Template.Depth()
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
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
			_ = os.Remove(path)
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

// isLeftover reports whether a path is that of a compressed file of the template that was not
// finished. Nobody but us writes such.
func (a *Archiver) isLeftover(path string) bool {
	name, ok := strings.CutPrefix(filepath.Base(path), ".")
	name, ok2 := strings.CutSuffix(name, ".tmp")
	if !ok || !ok2 {
		return false
	}
	f, ok := a.cfg.Template.Match(filepath.Join(filepath.Dir(path), name))
	return ok && f.Compressed != ""
}

// retain removes what is too old or too much of the closed files of a series.
func (a *Archiver) retain(files []found) {
	slices.SortFunc(files, func(x, y found) int {
		return cmp.Or(y.at.Compare(x.at), cmp.Compare(y.path, x.path)) // the newest first
	})
	for i, f := range files {
		old := a.cfg.KeepAge > 0 && time.Since(f.at) > a.cfg.KeepAge
		if !old && (a.cfg.KeepCount == 0 || i < a.cfg.KeepCount) {
			continue
		}
		if err := os.Remove(f.path); err != nil {
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
		if os.Remove(dir) != nil {
			return // it is not empty
		}
	}
}
