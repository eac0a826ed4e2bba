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

	"github.com/spreadd/spreadd/logs/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// Filled is what [Fill] has done.
type Filled struct {
	Files int   // written anew, or made
	Lines int64 // brought over
	Bytes int64 // of these
	// Left are lines that are missing still, since their file is in use or one of the two is damaged.
	Left int64
}

// Fill brings lines that are missing in the log files below a directory over from those below another one, by the
// indexes of both, and calls told with what it could not do. Files correspond by their paths below the directories; those of one name that were
// cut by size are one series. A file that another program has open stays as it is. The files of from are only read.
func Fill(to, from string, told func(*Finding)) (Filled, error) {
	f := &filler{to: to, from: from, told: told, crash: func(fillStep) error { return nil }}
	err := f.run()
	return f.sum, err
}

type filler struct {
	to, from string
	told     func(*Finding)
	crash    func(fillStep) error // for tests
	sum      Filled

	own       map[string]*names // what the logs have, by their templates
	templates map[string]string // of ours, whole, by the same
	inUse     map[string]bool   // files of ours
	filled    map[string]*names // by the same as own
}

func (f *filler) tell(file, format string, args ...any) {
	f.told(&Finding{file, -1, fmt.Sprintf(format, args...)})
}

func (f *filler) run() error {
	theirs, err := list(f.from, false)
	if err != nil {
		return err
	}
	if len(theirs) == 0 {
		return errNoIndexes(f.from)
	}
	ours, err := list(f.to, true)
	if err != nil {
		return err
	}
	if ours, err = f.look(ours); err != nil {
		return err
	}
	f.filled = make(map[string]*names)
	mine := series(f.to, ours)
	others := series(f.from, theirs)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := f.series(mine[name], others[name]); err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
				return err
			}
			f.tell(filepath.Join(f.to, name), "it is not filled: %v", err)
		}
	}
	return f.remember()
}

// look has our indexes fit their files, and learns which lines there are. It returns the files that have one.
func (f *filler) look(files []string) (indexed []string, err error) {
	f.own, f.templates, f.inUse = make(map[string]*names), make(map[string]string), make(map[string]bool)
	for _, file := range files {
		if err := f.recover(file); err != nil {
			return nil, err
		}
		template, err := templateOf(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // what a fill had left was removed
		}
		indexed = append(indexed, file)
		if err != nil {
			f.tell(file, "its index cannot be read: %v", err)
			continue
		}
		key := logKey(f.to, file, template)
		if f.own[key] == nil {
			f.own[key] = &names{}
		}
		f.templates[key] = template
		if err := collect([]string{file}, f.own[key]); err != nil {
			return nil, err
		}
	}
	return indexed, nil
}

// recover has an index fit its file, if that is there.
func (f *filler) recover(file string) error {
	size, err := sizeOf(file)
	if err != nil || size < 0 {
		return errors.Join(err, finishNext(file))
	}
	_, err = settle(file, size)
	return err
}

// lockFile locks a plain file, if it is there.
func lockFile(file string) (unlock func() error, err error) {
	h, err := os.OpenFile(file, os.O_RDWR, 0)
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

// templateOf returns that of the first section of an index.
func templateOf(file string) (string, error) {
	c := &cursor{files: []string{file}}
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

// partDigits is how many digits the number of a part has.
const partDigits = 6

// series groups files by what they are called before they are cut by size, below a root. Parts come
// in the order of their numbers, and the file that is written last.
func series(root string, files []string) map[string][]string {
	m := make(map[string][]string)
	part := func(file string) string {
		i := len(file) - partDigits - 1
		if i <= 0 || file[i] != '.' || strings.Trim(file[i+1:], "0123456789") != "" {
			return ""
		}
		return file[i:]
	}
	for _, file := range files {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			rel = file
		}
		name := strings.TrimSuffix(rel, part(file))
		m[name] = append(m[name], file)
	}
	for _, list := range m {
		slices.SortFunc(list, func(a, b string) int {
			x, y := part(a), part(b)
			if x == "" || y == "" {
				return cmp.Compare(len(y), len(x))
			}
			return cmp.Compare(x, y)
		})
	}
	return m
}

// series fills the files of one name.
func (f *filler) series(mine, theirs []string) error {
	template, err := templateOf(theirs[0])
	if err != nil {
		return err
	}
	key := logKey(f.from, theirs[0], template)
	own := f.own[key]
	if own == nil {
		if len(mine) > 0 {
			f.tell(mine[0], "it is not filled: it is of another log than the other host's, which is %s", template)
			return nil
		}
		own = &names{}
		f.own[key] = own
	}
	bNames := &names{}
	if err := collect(theirs, bNames); err != nil {
		return err
	}
	if !bNames.exceeds(own) {
		return nil
	}
	s := &seriesFill{filler: f, mine: mine, theirs: theirs, own: own, bNames: bNames, template: cmp.Or(f.templates[key], template)}
	unlock, err := f.lockAll(mine)
	if err == nil {
		err = s.fill()
	}
	if err = errors.Join(err, unlock()); err != nil {
		return err
	}
	if s.filled.byName != nil {
		if f.filled[key] == nil {
			f.filled[key] = &names{}
		}
		for n, b := range s.filled.byName {
			all := f.filled[key].of(&n, true)
			have := own.of(&n, true)
			b.spans(func(sp envelope.Span) {
				for i := sp.First; ; i++ {
					all.add(i)
					have.add(i)
					if i == sp.Last {
						break
					}
				}
			})
		}
	}
	return nil
}

// lockAll locks files, and notes those that are in use.
func (f *filler) lockAll(files []string) (unlock func() error, err error) {
	var all []func() error
	for _, file := range files {
		one, lerr := lockFile(file)
		switch {
		case errors.Is(lerr, logfile.ErrLocked):
			f.inUse[file] = true
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

// exceeds reports whether s has a line that o has not.
func (s *names) exceeds(o *names) bool {
	for n, b := range s.byName {
		other := o.byName[n]
		if other == nil {
			return true
		}
		for no, p := range b.pages {
			q := other.pages[no]
			for i := range p {
				if q == nil && p[i] != 0 || q != nil && p[i]&^q[i] != 0 {
					return true
				}
			}
		}
	}
	return false
}

// seriesFill fills one series.
type seriesFill struct {
	*filler
	mine, theirs []string
	own, bNames  *names
	template     string

	inserts map[int]bool // which of the targets get lines
	filled  names
	out     *output
	target  int // of out
	left    int64
	lines   int64
	bytes   int64
}

// fill looks first which files get lines, and then writes those.
func (s *seriesFill) fill() error {
	aNames := &names{}
	if err := collect(s.mine, aNames); err != nil {
		return err
	}
	s.inserts = make(map[int]bool)
	a, b := &cursor{files: s.mine}, &cursor{files: s.theirs}
	m := &merger{a: a, b: b, aNames: aNames, bNames: s.bNames, own: s.own}
	m.emitA = func(*Line) error { return nil }
	m.emitB = func(*Line) error {
		s.inserts[s.targetOf(a, b)] = true
		return nil
	}
	if err := errors.Join(m.merge(), a.close(), b.close()); err != nil {
		return err
	}
	for i := range s.inserts {
		if why := s.refuse(i); why != "" {
			s.tell(s.mine[i], "it is not filled: %s", why)
			delete(s.inserts, i)
		}
	}
	s.target = -1
	a, b = &cursor{files: s.mine, read: func(i int) bool { return s.inserts[i] }}, &cursor{files: s.theirs, read: func(int) bool { return len(s.inserts) > 0 }, lenient: true}
	m = &merger{a: a, b: b, aNames: aNames, bNames: s.bNames, own: s.own}
	m.emitA = func(l *Line) error { return s.copyOwn(a, l) }
	m.emitB = func(l *Line) error { return s.bring(a, b, l) }
	err := m.merge()
	if err == nil {
		err = s.finish()
	}
	if err != nil && s.out != nil {
		if !errors.Is(err, errCrash) {
			err = errors.Join(err, s.out.abandon())
		}
	}
	err = errors.Join(err, a.close(), b.close())
	s.sum.Left += s.left
	return err
}

// errCrash is what tests end a fill with: nothing is tidied up.
var errCrash = errors.New("the machine crashed")

// targetOf returns the number of the file that a line goes to: where a stands, or, if we have no
// file of that name, one like theirs.
func (s *seriesFill) targetOf(a, b *cursor) int {
	if len(s.mine) == 0 {
		return b.i
	}
	return min(a.i, len(s.mine)-1)
}

// refuse says why a file cannot be written anew.
func (s *seriesFill) refuse(i int) string {
	if len(s.mine) == 0 {
		return ""
	}
	file := s.mine[i]
	if s.inUse[file] {
		return "another program writes it: rotate it, or end that"
	}
	if size, err := sizeOf(file); err == nil && size >= 0 && compressedOf(file) != "" {
		return "late lines wait to be compressed: try again later"
	}
	return ""
}

// to makes a file the one that is written, and ends the one before.
func (s *seriesFill) to(i int) (bool, error) {
	if s.target == i {
		return s.out != nil, nil
	}
	if err := s.finish(); err != nil {
		return false, err
	}
	s.target = i
	if !s.inserts[i] {
		return false, nil
	}
	var path string
	if len(s.mine) > 0 {
		path = cmp.Or(compressedOf(s.mine[i]), s.mine[i])
	} else {
		rel, err := filepath.Rel(s.from, s.theirs[i])
		if err != nil {
			return false, err
		}
		path = filepath.Join(s.filler.to, rel)
		if _, err := os.Lstat(path); err == nil || compressedOf(path) != "" {
			return false, fmt.Errorf("it has no index, and may have any of the lines: %w", fs.ErrExist)
		}
	}
	var err error
	s.out, err = newOutput(path, s.template)
	return err == nil, err
}

// copyOwn writes a line of ours.
func (s *seriesFill) copyOwn(a *cursor, l *Line) error {
	ok, err := s.to(a.i)
	if !ok || err != nil {
		return err
	}
	if a.b.isUnnamed() {
		a.at += l.Len
		return s.out.unnamed(a.in, l.Len)
	}
	return s.out.line(l, a.bytes())
}

// bring writes a line of theirs.
func (s *seriesFill) bring(a, b *cursor, l *Line) error {
	ok, err := s.to(s.targetOf(a, b))
	if err != nil {
		return err
	}
	if !ok || b.bad {
		s.left++
		return nil
	}
	s.filled.add(l)
	s.lines++
	s.bytes += l.Len
	return s.out.line(l, b.bytes())
}

// finish ends the file that is written.
func (s *seriesFill) finish() error {
	if s.out == nil {
		return nil
	}
	if err := s.out.commit(s.crash); err != nil {
		return err
	}
	s.out = nil
	s.sum.Files++
	s.sum.Lines += s.lines
	s.sum.Bytes += s.bytes
	s.lines, s.bytes = 0, 0
	return nil
}

// remember tells the ledgers of our logs what they have got, so that it is not written again when it comes
// late.
func (f *filler) remember() error {
	root, err := filepath.Abs(f.to)
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
		l, err := OpenLedger(template, t.Base(), time.Now())
		if errors.Is(err, logfile.ErrLocked) {
			f.tell(template, "logsub is running: should a publisher send a line again that was filled in, it is written once more")
			continue
		}
		if err != nil {
			return err
		}
		for n, b := range got.byName {
			st := l.Stream(n, time.Now())
			b.spans(st.Have.AddSpan)
		}
		if err := l.Close(true, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
