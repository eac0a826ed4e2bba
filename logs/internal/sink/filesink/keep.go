package filesink

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// Keeping says when files are cut, and what happens to closed files. The zero value cuts by the
// time in the template alone, and keeps everything.
type Keeping struct {
	// Size cuts a file, between two lines, before it becomes larger than this many bytes: the file
	// becomes FILE.000001, FILE.000002 and so on. Zero means never.
	Size int64
	// Compress is how closed files are compressed, in the background.
	Compress archive.Compression
	// Age is how long closed files are kept after their last change. Zero means forever.
	Age time.Duration
	// Count is how many closed files are kept of each series, such as the files of one virtual
	// host. Zero means all.
	Count int
}

// Check reports settings that contradict each other.
func (k *Keeping) Check(t *logpath.Template, locked bool) error {
	switch {
	case k.Size < 0 || k.Age < 0 || k.Count < 0:
		return errors.New("sizes, ages and counts must not be negative")
	case k.Compress != archive.None && !locked:
		return errors.New("files that are not locked cannot be compressed safely: remove lock = false or compress")
	case (k.Compress != archive.None || k.Age > 0 || k.Count > 0) && k.Size == 0 && !t.Timed():
		return errors.New("the file is never closed, so nothing can be compressed or removed: put the time into its path, or cut it by size")
	}
	return nil
}

// IdleClose is how long a file of a template may be idle before it is closed; and, where lines come
// with their own times, before it is taken to be complete.
const IdleClose = 10 * time.Minute

// keeper cuts the files of a template, and hands closed ones to the archiver.
type keeper struct {
	Keeping
	disk     fsutil.FS         // with the access of the template
	archiver *archive.Archiver // nil if nothing happens to closed files

	ledger    *lineindex.Ledger // nil without an index
	retryFrom time.Time         // when a failed checkpoint is retried
	labels    map[string]int    // number of logs, by group
}

// keeper returns the keeper of a template. Logs with the same template share it.
func (fs *Files) keeper(l *Log) (*keeper, error) {
	t := l.Template
	if k := fs.keepers[t.String()]; k != nil {
		if k.archiver != nil {
			// Each log has its own clock, so one may still be in the previous period.
			k.archiver.SetLinger(IdleClose)
		}
		return k, nil
	}
	disk, err := l.Access.With(fs.cfg.Disk)
	if err != nil {
		return nil, err
	}
	k := &keeper{Keeping: l.Keep, disk: disk}
	if l.Index {
		k.labels = make(map[string]int)
	}
	if k.Compress != archive.None || k.Age > 0 || k.Count > 0 {
		cfg := archive.Config{
			Template: t, Compress: k.Compress, KeepAge: k.Age, KeepCount: k.Count, Open: fs.has, Disk: disk,
			Report: func(err error) {
				fs.cfg.Log.Error("cannot compress or remove closed files", slog.String("template", t.String()), slog.Any("error", err))
			},
		}
		if l.Index {
			cfg.Removed = func(path string) {
				if err := lineindex.Remove(fs.cfg.Disk, path); err != nil {
					cfg.Report(err)
				}
			}
		}
		if l.BackAndForth {
			cfg.Linger = IdleClose
		}
		k.archiver = archive.New(cfg)
	}
	fs.keepers[t.String()] = k
	return k, nil
}

// has reports whether the sink has a file. It may be called at any time.
func (fs *Files) has(path string) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.all[path] != nil
}

// cutRetry is the pause after a failed cut.
const cutRetry = time.Minute

// cut cuts a file if n more bytes would make it too long.
func (fs *Files) cut(f *outFile, n int) {
	if !f.IsOpen() && !f.Failing() {
		fs.report(f, f.Open()) // so that its size is known
	}
	if f.Failing() || f.Size() == 0 || f.Size()+int64(n) <= f.keep.Size || fs.now.Before(f.cutAfter) {
		return
	}
	part, err := nextPart(fs.cfg.Disk, f.Path())
	if err == nil {
		err = f.Rotate(part)
	}
	if err != nil && !f.Failing() {
		f.cutAfter = fs.now.Add(cutRetry)
		fs.cfg.Log.Error("cannot cut file", slog.String("file", f.Path()), slog.Any("error", err))
		return
	}
	fs.report(f, err)
	if err != nil {
		return
	}
	fs.cuts.Add(1)
	if f.keep.archiver != nil {
		f.keep.archiver.Closed(part)
	}
}

const (
	// partDigits is the number of digits of the number of a part.
	partDigits = 6
	maxPart    = 999999
)

// nextPart returns the new name of a file that is cut: its number follows the largest one that
// exists.
func nextPart(disk fsutil.FS, path string) (string, error) {
	entries, err := disk.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	largest := 0
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".") // .gz may follow
		if len(number) != partDigits || strings.Trim(number, "0123456789") != "" {
			continue
		}
		if n, err := strconv.Atoi(number); err == nil {
			largest = max(largest, n)
		}
	}
	if largest >= maxPart {
		return "", fmt.Errorf("no part numbers are left for %s: move its parts away", path)
	}
	return fmt.Sprintf("%s.%0*d", path, partDigits, largest+1), nil
}
