package filesink

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// Config says how files are written.
type Config struct {
	NoLock     bool
	LimitBytes int // of what waits in memory, for all files together
	OpenFiles  int // files of templates that may hold a descriptor
	BatchBytes int // see [logfile.Options]
	Sync       logfile.Sync
	Disk       fsutil.FS // nil means [fsutil.OS]
	Log        *slog.Logger
}

// Files is the [sink.Sink] of all files.
type Files struct {
	cfg     Config
	opt     logfile.Options
	used    list.List          // *outFile with a descriptor and in trees; most recently written first
	dirty   []*outFile         // appended to since the last flush
	now     time.Time          // when the current line was received
	keepers map[string]*keeper // by template
	indexed []*keeper          // those with a ledger
	running sync.WaitGroup     // archivers

	open, failing, evictions, cuts atomic.Int64 // open is the length of used

	mu     sync.Mutex
	all    map[string]*outFile // by path; Stats reads it, too
	closed sink.Stats          // of files that are closed and forgotten
}

// outFile is a file and the state of its failure.
type outFile struct {
	*logfile.File
	dirty bool
	fixed bool          // it has one path, and stays open
	place *list.Element // in used; nil if the file is fixed or released
	refs  []ref         // how trees find it

	keep     *keeper
	used     time.Time // when it was last appended to
	failing  bool
	since    time.Time // start of the failure
	reported time.Time // last log line about it

	cutAfter time.Time // a cut failed, and is not tried before
}

// ref is how a tree refers to a file.
type ref struct {
	tree *tree
	key  string
}

// New returns a sink without files.
func New(cfg Config) *Files {
	if cfg.Disk == nil {
		cfg.Disk = fsutil.OS{}
	}
	return &Files{
		cfg: cfg,
		opt: logfile.Options{
			NoLock: cfg.NoLock, LimitBytes: cfg.LimitBytes, Budget: logfile.NewBudget(cfg.LimitBytes),
			BatchBytes: cfg.BatchBytes, Sync: cfg.Sync, Disk: cfg.Disk,
			OnTorn: func(path, how string) {
				cfg.Log.Warn("file ended in the middle of a line", slog.String("file", path), slog.String("line", how))
			},
		},
		all: make(map[string]*outFile), keepers: make(map[string]*keeper),
	}
}

// openFixed returns the file with a path, and opens it if needed. Two names of one file, by links,
// are one file; otherwise the second would find it locked.
func (fs *Files) openFixed(path string, keep *keeper) (*outFile, error) {
	st, statErr := fs.cfg.Disk.Stat(path)
	for _, f := range fs.all {
		if f.Path() == path {
			return f, nil
		}
		if other, err := f.Stat(); err == nil && statErr == nil && fsutil.SameFile(st, other) {
			return f, nil
		}
	}
	opt := fs.opt
	opt.Disk = keep.disk
	opt.Journal = keep.journal()
	f, err := logfile.Open(path, opt)
	if err != nil {
		return nil, err
	}
	o := fs.add(&outFile{File: f, fixed: true, keep: keep})
	if f.Failing() {
		fs.report(o, f.Retry())
	}
	return o, nil
}

// make returns the file with a path. It is opened when something is written.
func (fs *Files) make(path, base string, keep *keeper) *outFile {
	if f := fs.all[path]; f != nil {
		return f
	}
	if keep.archiver != nil {
		if err := keep.archiver.Finish(path); err != nil {
			fs.cfg.Log.Error("cannot finish an interrupted compression", slog.String("file", path), slog.Any("error", err))
		}
	}
	opt := fs.opt
	opt.Base, opt.Disk = base, keep.disk
	opt.Journal = keep.journal()
	return fs.add(&outFile{File: logfile.New(path, opt), keep: keep})
}

func (fs *Files) add(f *outFile) *outFile {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all[f.Path()] = f
	return f
}

// append appends a line to a file, with its tag for the index. It returns false if there is no room.
func (fs *Files) append(f *outFile, line []byte, tag logfile.Tag) bool {
	if !f.fixed && (f.place == nil || f.place != fs.used.Front()) {
		fs.use(f)
	}
	if f.keep.Size > 0 {
		fs.cut(f, len(line))
	}
	f.used = fs.now
	if !f.dirty {
		f.dirty = true
		fs.dirty = append(fs.dirty, f)
	}
	return f.AppendTagged(line, tag)
}

// use notes that a file is written to, and makes room for its descriptor.
func (fs *Files) use(f *outFile) {
	if f.place != nil {
		fs.used.MoveToFront(f.place)
		return
	}
	f.place = fs.used.PushFront(f)
	for fs.used.Len() > max(fs.cfg.OpenFiles, 1) {
		if oldest, ok := fs.used.Back().Value.(*outFile); ok {
			fs.evictions.Add(1)
			fs.release(oldest)
		}
	}
	fs.open.Store(int64(fs.used.Len()))
}

// release closes a file, and forgets it unless something waits for it.
func (fs *Files) release(f *outFile) {
	if f.place != nil {
		fs.used.Remove(f.place)
		f.place = nil
		fs.open.Store(int64(fs.used.Len()))
	}
	fs.report(f, f.Release())
	if !f.Idle() {
		return
	}
	if f.failing { // and nothing is left to fail with
		f.failing = false
		fs.failing.Add(-1)
	}
	for _, r := range f.refs {
		r.tree.forget(r.key, f)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, f.Path())
	fs.closed.Add(f.File.Stats())
}

// Start implements [sink.Sink]: it runs the archivers until ctx ends.
func (fs *Files) Start(ctx context.Context) {
	for _, k := range fs.keepers {
		if k.archiver != nil {
			fs.running.Go(func() { k.archiver.Run(ctx) })
		}
	}
}

// Flush implements [sink.Sink].
func (fs *Files) Flush() {
	fs.write()
	fs.checkpoint()
}

// write is Flush without a checkpoint.
func (fs *Files) write() {
	for _, f := range fs.dirty {
		f.dirty = false
		fs.report(f, f.Flush())
	}
	clear(fs.dirty)
	fs.dirty = fs.dirty[:0]
}

// Tick implements [sink.Sink]: it retries the files that could not be written, and closes idle
// ones.
func (fs *Files) Tick(now time.Time) {
	for _, f := range fs.sorted() {
		if !f.Failing() {
			continue
		}
		fs.report(f, f.Retry())
		if !f.fixed && f.place == nil {
			fs.release(f) // its descriptor was above the limit
		}
	}
	for e := fs.used.Back(); e != nil; e = fs.used.Back() {
		f, ok := e.Value.(*outFile)
		if !ok || now.Sub(f.used) < IdleClose {
			return
		}
		fs.release(f)
	}
}

// Sync implements [sink.Sink].
func (fs *Files) Sync() error {
	var errs []error
	for _, f := range fs.sorted() {
		if f.IsOpen() {
			err := f.Sync()
			fs.report(f, err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Reopen implements [sink.Sink]: it closes all files, and opens the fixed ones again; the others
// follow with their next line.
func (fs *Files) Reopen() {
	fs.Flush()
	for _, f := range fs.sorted() {
		if f.fixed {
			fs.report(f, f.Reopen())
		} else {
			fs.release(f)
		}
	}
}

// Close implements [sink.Sink]. The context of Start must have ended.
func (fs *Files) Close() error {
	var errs []error
	for _, f := range fs.sorted() {
		errs = append(errs, f.Close())
	}
	errs = append(errs, fs.closeLedgers(errors.Join(errs...) == nil))
	fs.running.Wait()
	return errors.Join(errs...)
}

// sorted returns the files by path, so that reports have an order.
func (fs *Files) sorted() []*outFile {
	files := make([]*outFile, 0, len(fs.all))
	for _, f := range fs.all {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *outFile) int { return cmp.Compare(a.Path(), b.Path()) })
	return files
}

// report logs that a file cannot be written, once a [sink.ComplainInterval], and that it can be
// written again.
func (fs *Files) report(f *outFile, err error) {
	if err == nil && !f.failing {
		return
	}
	now := time.Now()
	switch {
	case err != nil && (!f.failing || now.Sub(f.reported) >= sink.ComplainInterval):
		if !f.failing {
			f.failing, f.since = true, now
			fs.failing.Add(1)
		}
		f.reported = now
		st := f.File.Stats()
		fs.cfg.Log.Error("cannot write file; its lines wait in memory",
			slog.String("file", f.Path()), slog.Any("error", err), slog.Int64("waiting_bytes", st.Waiting), slog.Int64("lost_lines", st.DroppedRecords))
	case f.failing && !f.Failing():
		f.failing = false
		fs.failing.Add(-1)
		fs.cfg.Log.Warn("can write file again", slog.String("file", f.Path()),
			slog.String("after", now.Sub(f.since).Round(time.Millisecond).String()), slog.Int64("lost_lines", f.File.Stats().DroppedRecords))
	}
}

// FileStats are the counters that only files have.
type FileStats struct {
	Open      int // files that hold a descriptor
	Evictions int64
	Cuts      int64
	Archives  archive.Stats

	Files  map[string]sink.Stats // by path, of the files that are open or waited for
	Closed sink.Stats            // the sum over all other files of templates
}

// Known returns how many files trees refer to. It belongs to the goroutine that writes.
func (fs *Files) Known() (n int) {
	for _, f := range fs.all {
		n += len(f.refs)
	}
	return n
}

// Waiting returns how many bytes count towards [Config.LimitBytes]. It belongs to the goroutine
// that writes.
func (fs *Files) Waiting() int { return fs.opt.Budget.Used() }

// Stats implements [sink.Sink]: it is the sum over all files.
func (fs *Files) Stats() sink.Stats {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	st := fs.closed
	for _, f := range fs.all {
		st.Add(f.File.Stats())
	}
	st.Failing = int(fs.failing.Load())
	return st
}

// FileStats returns the counters. It may be called at any time.
func (fs *Files) FileStats() FileStats {
	st := FileStats{
		Open: int(fs.open.Load()), Evictions: fs.evictions.Load(), Cuts: fs.cuts.Load(), Files: make(map[string]sink.Stats),
	}
	for _, k := range fs.keepers {
		if k.archiver != nil {
			st.Archives.Add(k.archiver.Stats())
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		st.Files[f.Path()] = f.File.Stats()
		if f.fixed {
			st.Open++
		}
	}
	st.Closed = fs.closed
	return st
}
