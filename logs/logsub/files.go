package logsub

import (
	"cmp"
	"container/list"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/sink"
)

// complainInterval is between two lines of the log about a file that cannot be
// written.
const complainInterval = time.Minute

// files are the files of a subscriber, each open once, whatever number of logs
// go there. The writer owns them; stats is for all.
//
// A file with one path is opened at the start and stays open, so that its lock
// keeps a second logsub off. Those of templates are opened for their first line. Of them, as
// many as limit have a descriptor; the one that was not written for the longest time gives way, and
// is forgotten once nothing waits for it.
type files struct {
	opt   sink.Options
	log   *slog.Logger
	limit int
	used  list.List  // *outFile with a descriptor and in trees; the last written in front
	dirty []*outFile // appended to since the last flush
	now   time.Time  // of what is being written

	keepers map[string]*keeper // by template
	indexed []*keeper          // those with a ledger

	places, failing, evictions, cuts atomic.Int64 // places is the length of used

	mu   sync.Mutex
	all  map[string]*outFile // by path; read by stats, too
	gone sink.Stats          // of files that are forgotten
}

// outFile is a file and what has been said of its troubles.
type outFile struct {
	*sink.File
	dirty bool
	fixed bool          // it has one path, and stays open
	place *list.Element // in used; nil if the file is fixed or released
	refs  []ref         // by which trees find it

	keep    *keeper
	used    time.Time // when it was appended to
	failing bool
	since   time.Time // of the trouble
	said    time.Time // the last line about it

	cutAfter time.Time // it could not be cut, and is left alone until then
}

// ref is how a tree knows a file.
type ref struct {
	tree *tree
	key  string
}

func newFiles(cfg *Config) *files {
	return &files{
		opt: sink.Options{
			NoLock: cfg.NoLock, LimitBytes: cfg.QueueBytes, Budget: sink.NewBudget(cfg.QueueBytes),
			BatchBytes: cfg.BatchBytes, Sync: cfg.sync(),
		},
		log: cfg.Log, limit: cfg.OpenFiles, all: make(map[string]*outFile), keepers: make(map[string]*keeper),
	}
}

// open returns the file with a path, or opens it. Two names of one file, by
// links, are one file, or the second could not be locked.
func (fs *files) open(path string, keep *keeper) (*outFile, error) {
	st, statErr := os.Stat(path)
	for _, f := range fs.all {
		if f.Path() == path {
			return f, nil
		}
		if other, err := f.Stat(); err == nil && statErr == nil && os.SameFile(st, other) {
			return f, nil
		}
	}
	opt := fs.opt
	opt.Journal = keep.journal()
	f, err := sink.OpenFile(path, opt)
	if err != nil {
		return nil, err
	}
	return fs.add(&outFile{File: f, fixed: true, keep: keep}), nil
}

// make returns the file with a path, which is opened when something is written.
func (fs *files) make(path, base string, keep *keeper) *outFile {
	if f := fs.all[path]; f != nil {
		return f
	}
	if keep.archiver != nil {
		if err := keep.archiver.Finish(path); err != nil {
			fs.log.Error("a compression that was interrupted cannot be ended", slog.String("file", path), slog.Any("error", err))
		}
	}
	opt := fs.opt
	opt.Base = base
	opt.Journal = keep.journal()
	return fs.add(&outFile{File: sink.NewFile(path, opt), keep: keep})
}

func (fs *files) add(f *outFile) *outFile {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all[f.Path()] = f
	return f
}

// append appends a line to a file, with its name in the index.
func (fs *files) append(f *outFile, line []byte, tag sink.Tag) {
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
	f.AppendTagged(line, tag)
}

// use notes that a file is written to, and makes room for its descriptor.
func (fs *files) use(f *outFile) {
	if f.place != nil {
		fs.used.MoveToFront(f.place)
		return
	}
	f.place = fs.used.PushFront(f)
	for fs.used.Len() > max(fs.limit, 1) {
		if oldest, ok := fs.used.Back().Value.(*outFile); ok {
			fs.evictions.Add(1)
			fs.release(oldest)
		}
	}
	fs.places.Store(int64(fs.used.Len()))
}

// release closes a file, and forgets it unless something waits for it.
func (fs *files) release(f *outFile) {
	if f.place != nil {
		fs.used.Remove(f.place)
		f.place = nil
		fs.places.Store(int64(fs.used.Len()))
	}
	fs.report(f, f.Release())
	if !f.Idle() {
		return
	}
	if f.failing { // and has nothing left to fail with
		f.failing = false
		fs.failing.Add(-1)
	}
	for _, r := range f.refs {
		r.tree.forget(r.key, f)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, f.Path())
	fs.gone.Add(f.Stats())
}

// flush writes what has been appended to the files that can be written.
func (fs *files) flush() {
	for _, f := range fs.dirty {
		f.dirty = false
		fs.report(f, f.Flush())
	}
	clear(fs.dirty)
	fs.dirty = fs.dirty[:0]
	fs.checkpoint()
}

// retry tries the files that could not be written.
func (fs *files) retry() {
	for _, f := range fs.sorted() {
		if !f.Failing() {
			continue
		}
		fs.report(f, f.Retry())
		if !f.fixed && f.place == nil {
			fs.release(f) // its descriptor was beyond the limit
		}
	}
}

// reopen closes all files, and opens the paths of the fixed ones anew; the others follow
// with their next line.
func (fs *files) reopen() {
	fs.flush()
	for _, f := range fs.sorted() {
		if f.fixed {
			fs.report(f, f.Reopen())
		} else {
			fs.release(f)
		}
	}
}

// closeIdle closes files of templates that have rested.
func (fs *files) closeIdle(now time.Time) {
	for e := fs.used.Back(); e != nil; e = fs.used.Back() {
		f, ok := e.Value.(*outFile)
		if !ok || now.Sub(f.used) < idleClose {
			return
		}
		fs.release(f)
	}
}

// sync hands what was written to the disk.
func (fs *files) sync() {
	for _, f := range fs.sorted() {
		if f.IsOpen() {
			fs.report(f, f.Sync())
		}
	}
}

// sorted returns the files by path, so that what is said of them has an order.
func (fs *files) sorted() []*outFile {
	list := make([]*outFile, 0, len(fs.all))
	for _, f := range fs.all {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *outFile) int { return cmp.Compare(a.Path(), b.Path()) })
	return list
}

// report says that a file cannot be written, now and then, and when it can
// again.
func (fs *files) report(f *outFile, err error) {
	now := time.Now()
	switch {
	case err != nil && (!f.failing || now.Sub(f.said) >= complainInterval):
		if !f.failing {
			f.failing, f.since = true, now
			fs.failing.Add(1)
		}
		f.said = now
		st := f.Stats()
		fs.log.Error("a file cannot be written; its lines wait in memory",
			slog.String("file", f.Path()), slog.Any("error", err), slog.Int64("waiting_bytes", st.Waiting), slog.Int64("lost_lines", st.DroppedRecords))
	case f.failing && !f.Failing():
		f.failing = false
		fs.failing.Add(-1)
		fs.log.Warn("the file can be written again", slog.String("file", f.Path()),
			slog.String("after", now.Sub(f.since).Round(time.Millisecond).String()), slog.Int64("lost_lines", f.Stats().DroppedRecords))
	}
}

// close writes what is left, and closes all files.
func (fs *files) close() error {
	var errs []error
	for _, f := range fs.sorted() {
		errs = append(errs, f.Close())
	}
	errs = append(errs, fs.closeLedgers(errors.Join(errs...) == nil))
	return errors.Join(errs...)
}

// stats adds the files' counters by path, and the sum of those that are closed
// and forgotten. It may be called at any time.
func (fs *files) stats(byPath map[string]sink.Stats, gone *sink.Stats) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		byPath[f.Path()] = f.Stats()
	}
	gone.Add(fs.gone)
}
