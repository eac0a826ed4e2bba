package lineindex

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// Filled is the result of [Fill].
type Filled struct {
	Files int   // rewritten or made
	Lines int64 // copied
	Bytes int64 // of these
	// Left are lines that are still missing, because their file is in use or one of the two files
	// is damaged.
	Left int64
}

// Fill copies lines that are missing in the log files below a directory from those of another log
// host, by the indexes of both. It calls report with what it could not do. Files correspond by their
// names; the parts of a file that was cut by size are one series. A file that another program has
// open stays as it is.
func Fill(to Dir, from Source, report func(*Finding)) (Filled, error) {
	f := &filler{to: to, from: from, report: report, crash: func(fillStep) error { return nil }}
	err := f.run()
	return f.sum, err
}

type filler struct {
	to     Dir
	from   Source
	report func(*Finding)
	crash  func(fillStep) error // for tests
	sum    Filled

	own       map[string]lineSet // lines of our logs, by logKey
	templates map[string]string  // our templates, by logKey
	inUse     map[string]bool    // names of files of ours
	filled    map[string]lineSet // lines that were copied, by logKey

	healing *Healing // nil for a fill
	healed  Healed
	copied  lineSet         // by the healing
	latest  map[Name]uint64 // the highest numbers of copied when the round began; nil in the first one
}

func (f *filler) reportf(file, format string, args ...any) {
	f.report(&Finding{file, -1, fmt.Sprintf(format, args...)})
}

func (f *filler) run() error {
	theirs, err := f.from.List()
	if err != nil {
		return err
	}
	if len(theirs) == 0 {
		return errNoIndexes(fmt.Sprint(f.from))
	}
	ours, err := list(f.to.Disk, f.to.Root, true)
	if err != nil {
		return err
	}
	mine, err := f.readOwn(ours)
	if err != nil {
		return err
	}
	f.filled = make(map[string]lineSet)
	have := SeriesOf(mine)
	others := SeriesOf(theirs)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := f.fillSeries(have[name], others[name]); err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
				return err
			}
			f.reportf(f.to.path(name), "not filled: %v", err)
		}
	}
	return f.remember()
}

// readOwn repairs our indexes and reads which lines we have. It returns the names of files that
// have an index.
func (f *filler) readOwn(files []string) (indexed []Entry, err error) {
	f.own, f.templates, f.inUse = make(map[string]lineSet), make(map[string]string), make(map[string]bool)
	for i := 0; i < len(files); i++ {
		file := files[i]
		moved, err := repairAny(f.to.Disk, file, noNote)
		if err != nil {
			return nil, err
		}
		if moved != "" && !slices.Contains(files, moved) {
			files = append(files, moved)
		}
		name, err := filepath.Rel(f.to.Root, file)
		if err != nil {
			return nil, err
		}
		e := Entry{Name: filepath.ToSlash(name)}
		template, err := templateOf(f.to, e)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a leftover of an interrupted fill, which is removed now
		}
		indexed = append(indexed, e)
		if err != nil {
			f.reportf(file, "cannot read its index: %v", err)
			continue
		}
		key := logKey(e.Name, template)
		if f.own[key] == nil {
			f.own[key] = lineSet{}
		}
		f.templates[key] = template
		if err := collect(f.to, []Entry{e}, f.own[key]); err != nil {
			return nil, err
		}
	}
	return indexed, nil
}

// repairAny makes a log file and its index agree with each other. It returns the new path of the file
// if it was renamed, whose index follows.
func repairAny(disk fsutil.FS, file string, note func(to string, generation uint64) error) (moved string, err error) {
	size, err := sizeOf(disk, file)
	if err == nil && size < 0 {
		_, err = finishSwap(disk, file)
	}
	if err == nil && size < 0 {
		err = finishFill(disk, file)
	}
	if err != nil {
		return "", err
	}
	if size < 0 {
		return followMoved(disk, file, note)
	}
	moved, _, err = repairClosed(disk, file, size)
	return plain(moved), err
}

// noNote is for programs without a ledger.
func noNote(string, uint64) error { return nil }

// lockFile locks a plain file, if it exists.
func lockFile(disk fsutil.FS, file string) (unlock func() error, err error) {
	h, err := disk.OpenFile(file, os.O_RDWR, 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	if err := logfile.Lock(h); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h.Close, nil
}

// templateOf returns the template in the first section of an index.
func templateOf(src Source, e Entry) (string, error) {
	c := &cursor{src: src, files: []Entry{e}}
	defer c.close() //nolint:errcheck // it is only read
	for {
		l, err := c.head()
		if err != nil || l == nil {
			return "", cmp.Or(err, fmt.Errorf("it has no lines: %w", ErrDamaged))
		}
		if c.r.d.template != "" {
			return c.r.d.template, nil
		}
		c.advance()
	}
}

const partDigits = 6

// partOf returns the suffix of a file that was cut by size, ".000001"; empty for other files.
func partOf(file string) string {
	i := len(file) - partDigits - 1
	if i <= 0 || file[i] != '.' || strings.Trim(file[i+1:], "0123456789") != "" {
		return ""
	}
	return file[i:]
}

// SeriesOf groups files by their names without the number of a part that was cut by size. In each
// series, the parts are sorted by number, and the file that is being written is last.
func SeriesOf(files []Entry) map[string][]Entry {
	m := make(map[string][]Entry)
	for _, file := range files {
		name := strings.TrimSuffix(file.Name, partOf(file.Name))
		m[name] = append(m[name], file)
	}
	for _, list := range m {
		slices.SortFunc(list, func(a, b Entry) int { return comparePart(a.Name, b.Name) })
	}
	return m
}

// comparePart says which of two files of a series was begun earlier.
func comparePart(a, b string) int {
	x, y := partOf(a), partOf(b)
	if x == "" || y == "" {
		return cmp.Compare(len(y), len(x))
	}
	return cmp.Compare(x, y)
}

func (f *filler) fillSeries(mine, theirs []Entry) error {
	template, err := templateOf(f.from, theirs[0])
	if err != nil {
		return err
	}
	key := logKey(theirs[0].Name, template)
	own := f.own[key]
	if own == nil {
		if len(mine) > 0 {
			f.reportf(f.to.path(mine[0].Name), "not filled: on the other host this is a file of another log, %s", template)
			return nil
		}
		own = lineSet{}
		f.own[key] = own
	}
	have := lineSet{}
	if err := collect(f.from, theirs, have); err != nil {
		return err
	}
	if !have.exceeds(own) {
		return nil
	}
	s := &series{filler: f, mine: mine, theirs: theirs, own: own, theirLines: have, filled: lineSet{}, template: cmp.Or(f.templates[key], template)}
	unlock, err := f.lockAll(mine)
	if err == nil {
		err = s.fill()
	}
	if err = errors.Join(err, unlock()); err != nil {
		return err
	}
	if len(s.filled) == 0 {
		return nil
	}
	if f.filled[key] == nil {
		f.filled[key] = lineSet{}
	}
	f.filled[key].addAll(s.filled)
	own.addAll(s.filled)
	return nil
}

// lockAll locks files, and notes which of them are in use.
func (f *filler) lockAll(files []Entry) (unlock func() error, err error) {
	var all []func() error
	for _, file := range files {
		one, lerr := lockFile(f.to.Disk, f.to.path(file.Name))
		switch {
		case errors.Is(lerr, logfile.ErrLocked):
			f.inUse[file.Name] = true
		case lerr != nil:
			err = errors.Join(err, lerr)
		default:
			all = append(all, one)
		}
	}
	return func() error {
		errs := make([]error, len(all))
		for i, one := range all {
			errs[i] = one()
		}
		return errors.Join(errs...)
	}, err
}

// remember adds the copied lines to the ledgers of our logs, so that they are not written again
// when they arrive late.
func (f *filler) remember() error {
	root, err := filepath.Abs(f.to.Root)
	if err != nil {
		return err
	}
	for key, got := range f.filled {
		template := f.templates[key]
		if !strings.HasPrefix(template, root+string(filepath.Separator)) {
			continue // these are copies, or nothing was written here yet
		}
		t, err := logpath.Parse(template)
		if err != nil {
			continue
		}
		l, err := OpenLedger(f.to.Disk, template, t.Base(), time.Now())
		if errors.Is(err, logfile.ErrLocked) {
			f.reportf(template, "logsub is running: a copied line is written a second time if its publisher sends it again")
			continue
		}
		if err != nil {
			return err
		}
		l.addAll(got, time.Now())
		if err := l.Close(true, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
