package logsub

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/logpath"
)

// Keeping says when files are cut, and what becomes of closed ones. The zero
// value cuts by the time of the template alone, and keeps all.
type Keeping struct {
	// Size cuts a file before it becomes larger, in bytes, between two
	// messages: the file becomes FILE.000001, FILE.000002 and so on. Zero means never.
	Size int64
	// Compress is what becomes of closed files, in the background.
	Compress archive.Compression
	// Age is how long closed files are kept after their last change. Zero
	// means for good.
	Age time.Duration
	// Count is how many closed files are kept of those that follow each other
	// in time, those of one virtual host for instance. Zero means any number.
	Count int
}

var errKeepCommand = errors.New("a command cannot be cut, compressed or removed: that is for files")

// check finds what cannot be.
func (k *Keeping) check(t *logpath.Template, locked bool) error {
	switch {
	case k.Size < 0 || k.Age < 0 || k.Count < 0:
		return errors.New("sizes, ages and counts below zero mean nothing")
	case k.Compress != archive.None && !locked:
		return errors.New("files that are not locked cannot be compressed safely: leave one of both out")
	case (k.Compress != archive.None || k.Age > 0 || k.Count > 0) && k.Size == 0 && !t.Timed():
		return errors.New("the file is never closed, so nothing can be compressed or removed: put the time into its path, or cut it by size")
	}
	return nil
}

// idleClose is how long a file of a template rests before it is closed; and, where
// lines come with their own times, before it is taken to be complete.
const idleClose = 10 * time.Minute

// keeper cuts the files of a template, and hands closed ones on.
type keeper struct {
	Keeping
	archiver *archive.Archiver // nil if closed files are left alone

	ledger    *lineindex.Ledger // nil without an index
	retryFrom time.Time         // when a checkpoint that failed is tried again
	labels    map[string]int    // how many logs there are, by group
}

// keeper returns the keeper of a template; logs with the same one share it.
func (fs *files) keeper(t *logpath.Template, l *Log) *keeper {
	if k := fs.keepers[t.String()]; k != nil {
		if k.archiver != nil {
			// Each has a clock of its own, so one may still be in the period
			// before.
			k.archiver.SetLinger(idleClose)
		}
		return k
	}
	k := &keeper{Keeping: l.Keep}
	if l.Envelope == EnvelopeIndex {
		k.labels = make(map[string]int)
	}
	if k.Compress != archive.None || k.Age > 0 || k.Count > 0 {
		cfg := archive.Config{
			Template: t, Compress: k.Compress, KeepAge: k.Age, KeepCount: k.Count, Open: fs.has,
			Report: func(err error) {
				fs.log.Error("closed files cannot be looked after", slog.String("template", t.String()), slog.Any("error", err))
			},
		}
		if l.Envelope == EnvelopeIndex {
			cfg.Removed = func(path string) {
				if err := lineindex.Remove(path); err != nil {
					cfg.Report(err)
				}
			}
		}
		if l.Clock == ClockLine {
			cfg.Linger = idleClose
		}
		k.archiver = archive.New(cfg)
	}
	fs.keepers[t.String()] = k
	return k
}

// has reports whether the writer has a file. It may be called at any time.
func (fs *files) has(path string) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.all[path] != nil
}

// cutRetry is how long a file that could not be cut is left alone.
const cutRetry = time.Minute

// cut cuts a file if n more bytes would make it too long.
func (fs *files) cut(f *outFile, n int) {
	if !f.IsOpen() && !f.Failing() {
		fs.report(f, f.Open()) // then its size is known
	}
	if f.Failing() || f.Size() == 0 || f.Size()+int64(n) <= f.keep.Size || fs.now.Before(f.cutAfter) {
		return
	}
	part, err := nextPart(f.Path())
	if err == nil {
		err = f.Rotate(part)
	}
	if err != nil && !f.Failing() {
		f.cutAfter = fs.now.Add(cutRetry)
		fs.log.Error("a file cannot be cut", slog.String("file", f.Path()), slog.Any("error", err))
		return
	}
	fs.report(f, err)
	if err == nil {
		fs.cuts.Add(1)
	}
	if err == nil && f.keep.archiver != nil {
		f.keep.archiver.Closed(part)
	}
}

// partDigits is how many digits the number of a part has at least.
const partDigits = 6

// nextPart returns what a file is called when it is cut: with the number behind
// the largest one that is there.
func nextPart(path string) (string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	largest := 0
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok || len(rest) < partDigits {
			continue
		}
		number, _, _ := strings.Cut(rest, ".") // .gz may follow
		if n, ok := digits([]byte(number)); ok && len(number) == partDigits {
			largest = max(largest, n)
		}
	}
	if largest >= 999999 {
		return "", fmt.Errorf("%s has no numbers left: move its parts away", path)
	}
	return fmt.Sprintf("%s.%0*d", path, partDigits, largest+1), nil
}

// newPeriod closes the files of the period before, whose lines have all come
// if the clock does not go back.
func (t *tree) newPeriod(fs *files, monotone bool) {
	if monotone {
		for _, f := range t.files {
			fs.release(f)
		}
	}
	if t.keep.archiver != nil {
		t.keep.archiver.Period(string(t.current))
	}
}
