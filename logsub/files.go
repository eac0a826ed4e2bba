package logsub

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/sink"
)

// complainInterval is between two lines of the log about a file that cannot be
// written.
const complainInterval = time.Minute

// files are the files of a subscriber, each open once, whatever number of logs
// go there. The writer owns them; stats is for all.
type files struct {
	opt  sink.Options
	log  *slog.Logger
	list []*outFile
}

// outFile is a file and what has been said of its troubles.
type outFile struct {
	*sink.File
	failing bool
	since   time.Time // of the trouble
	said    time.Time // the last line about it
}

func newFiles(cfg Config) *files {
	return &files{opt: sink.Options{NoLock: cfg.NoLock, LimitBytes: cfg.QueueBytes}, log: cfg.Log}
}

// open returns the file with a path, or opens it. Two names of one file, by
// links, are one file, or the second could not be locked.
func (fs *files) open(path string) (*outFile, error) {
	st, statErr := os.Stat(path)
	for _, f := range fs.list {
		if f.Path() == filepath.Clean(path) {
			return f, nil
		}
		if other, err := f.Stat(); err == nil && statErr == nil && os.SameFile(st, other) {
			return f, nil
		}
	}
	f, err := sink.OpenFile(path, fs.opt)
	if err != nil {
		return nil, err
	}
	out := &outFile{File: f}
	fs.list = append(fs.list, out)
	return out, nil
}

// flush writes what has been appended to the files that can be written.
func (fs *files) flush() {
	for _, f := range fs.list {
		fs.report(f, f.Flush())
	}
}

// retry is flush, and tries the files that could not be written too.
func (fs *files) retry() {
	for _, f := range fs.list {
		if f.Failing() {
			fs.report(f, f.Retry())
		} else {
			fs.report(f, f.Flush())
		}
	}
}

// reopen closes all files and opens their paths anew.
func (fs *files) reopen() {
	for _, f := range fs.list {
		fs.report(f, f.Reopen())
	}
}

// report says that a file cannot be written, now and then, and when it can
// again.
func (fs *files) report(f *outFile, err error) {
	now := time.Now()
	switch {
	case err != nil && (!f.failing || now.Sub(f.said) >= complainInterval):
		if !f.failing {
			f.failing, f.since = true, now
		}
		f.said = now
		st := f.Stats()
		fs.log.Error("a file cannot be written; its lines wait in memory",
			slog.String("file", f.Path()), slog.Any("error", err), slog.Int64("waiting_bytes", st.Waiting), slog.Int64("lost_lines", st.DroppedRecords))
	case f.failing && !f.Failing():
		f.failing = false
		fs.log.Warn("the file can be written again", slog.String("file", f.Path()),
			slog.String("after", now.Sub(f.since).Round(time.Millisecond).String()), slog.Int64("lost_lines", f.Stats().DroppedRecords))
	}
}

// close writes what is left, and closes all files.
func (fs *files) close() error {
	var errs []error
	for _, f := range fs.list {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// stats returns the files' counters by path.
func (fs *files) stats() map[string]sink.Stats {
	m := make(map[string]sink.Stats, len(fs.list))
	for _, f := range fs.list {
		m[f.Path()] = f.Stats()
	}
	return m
}
