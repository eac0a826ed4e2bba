package filesink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

var errCannotWrite = errors.New("a file cannot be written at the moment")

// Heal copies the lines that the log of a template lacks from another log host, and takes over its
// order if follow is set: see [lineindex.Healing]. Meanwhile nothing may be put. It belongs to the
// goroutine that writes.
func (fs *Files) Heal(ctx context.Context, t *logpath.Template, from lineindex.Source, within time.Duration, follow bool) (lineindex.Healed, error) {
	k := fs.keepers[t.String()]
	if k == nil || k.ledger == nil {
		return lineindex.Healed{}, nil
	}
	fs.now = time.Now()
	fs.Flush()
	if fs.waits(k) {
		return lineindex.Healed{}, errCannotWrite
	}
	if k.archiver != nil {
		release := k.archiver.Hold()
		defer release()
	}
	fs.shut(k)
	h := &lineindex.Healing{
		To: lineindex.Dir{Disk: k.disk, Root: t.Base()}, From: from, Ledger: k.ledger, Within: within, Follow: follow,
		Append: func(path string, name lineindex.Name, seq uint64, line []byte) error {
			return fs.fill(k, t, path, name, seq, line)
		},
		Settle: func() error {
			fs.write()
			if fs.waits(k) {
				return errCannotWrite
			}
			fs.shut(k)
			return nil
		},
		Report: func(f *lineindex.Finding) {
			fs.cfg.Log.Warn("log file not healed", slog.String("file", f.File), slog.String("why", f.What))
		},
	}
	h.To.Match = func(path string) bool {
		_, ok := t.Match(path)
		return ok
	}
	got, err := h.Run(ctx)
	fs.Flush()
	if err == nil && fs.waits(k) {
		err = errCannotWrite
	}
	fs.shut(k)
	for _, f := range fs.sorted() {
		if f.keep == k && f.fixed {
			fs.report(f, f.Open()) // it keeps a second logsub out
		}
	}
	if got.Lines+int64(got.Reordered) > 0 && !fs.waits(k) {
		fs.unsaved(k, k.ledger.Checkpoint(fs.now), fs.now)
	}
	if k.archiver != nil {
		for _, path := range got.Paths {
			if f, ok := t.Match(path); ok && f.Part != "" {
				k.archiver.Closed(path)
			}
		}
	}
	return got, err
}

// shut closes the files of a keeper.
func (fs *Files) shut(k *keeper) {
	for _, f := range fs.sorted() {
		switch {
		case f.keep != k:
		case f.fixed:
			fs.report(f, f.Release())
		default:
			fs.release(f)
		}
	}
}

// Settled reports whether nothing waits for a file of a log with an index, so that all lines that its
// ledger has are written. It belongs to the goroutine that writes.
func (fs *Files) Settled() bool {
	return !slices.ContainsFunc(fs.indexed, fs.waits)
}

// fill appends a line of another log host to a file. After an error the line is not there, and will
// not be.
func (fs *Files) fill(k *keeper, t *logpath.Template, path string, name lineindex.Name, seq uint64, line []byte) error {
	st := k.ledger.Stream(name, fs.now)
	f := fs.all[path]
	if f == nil {
		f = fs.make(path, t.Base(), k)
	}
	if !f.Fits(len(line)) {
		fs.report(f, f.Flush()) // an empty one takes any line, even if others use up the memory
	}
	// A line that was taken will be written, also if the file begins to fail with it.
	if f.Failing() || !fs.append(f, line, logfile.Tag{Source: st.Source, Number: seq}) {
		return fmt.Errorf("%s: %w", path, errCannotWrite)
	}
	return nil
}
