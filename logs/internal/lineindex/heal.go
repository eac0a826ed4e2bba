package lineindex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// Healing copies the lines that one log lacks from another log host, like [Fill], but within the
// program that writes the log. It has the ledger open, and has closed the files.
type Healing struct {
	To     Dir // selects the files of the log
	From   Source
	Ledger *Ledger
	// Within limits the work to files of From that have changed within this time; zero means all.
	Within time.Duration
	// Follow means that the order of the other log host counts where lines that both have are in
	// another order here. Of two log hosts, one has it set.
	Follow bool
	// Append appends a line to a file, for which it is next. The file may be cut. It is used where
	// no line of ours follows the missing ones, so that files need not be rewritten. The ledger gets
	// the line at the end.
	Append func(path string, name Name, seq uint64, line []byte) error
	// Settle writes what was appended, and closes the files. The ledger must not be saved in it.
	Settle func() error
	// Report is called with what could not be done.
	Report func(*Finding)

	crash func(fillStep) error // for tests
}

// Healed is the result of [Healing.Run].
type Healed struct {
	Filled
	// Ahead means that we have lines that the other log host lacks.
	Ahead bool
	// Parted means that lines that both have are in another order there, and are left so here.
	Parted bool
	// Reordered are the files that were put into the order of the other log host.
	Reordered int
	// Paths are the files that were changed.
	Paths []string
}

// healRounds bounds how often the files are read.
const healRounds = 8

// Run does the work. The other log host writes on, while its files are read one after another, so
// that those that are read later end later. If they share streams, these get gaps, and a ledger
// forgets the lowest lines of a stream with too many of them. Then the files are read again, each
// only to its last line that is not above what has been copied of its stream. As the other log host
// writes the lines of all files in one order, nothing is read this time that is behind the end of
// the latest file in that order, however much is written meanwhile, and each file remains a
// beginning of the other's. So the gaps close, in as many rounds as streams depend on each other.
// What is behind comes here by itself.
//
// After an error it can be repeated, also with another log host.
func (h *Healing) Run(ctx context.Context) (Healed, error) {
	f := &filler{to: h.To, from: h.From, report: h.Report, healing: h, crash: h.crash, copied: lineSet{}}
	if f.crash == nil {
		f.crash = func(fillStep) error { return nil }
	}
	err := f.heal(ctx)
	for round := 1; err == nil && round < healRounds && h.Ledger.overflows(f.copied); round++ {
		before := f.sum.Lines
		f.latest = f.copied.latest()
		if err = h.Settle(); err == nil {
			err = f.heal(ctx)
		}
		if f.sum.Lines == before {
			break
		}
	}
	f.healed.Filled = f.sum
	// Only now: the lines of one file may be every other line of their stream.
	h.Ledger.addAll(f.copied, time.Now())
	return f.healed, err
}

func (f *filler) heal(ctx context.Context) error {
	h := f.healing
	theirs, err := h.From.List()
	if err != nil {
		return err
	}
	if err := settleSwaps(h.To); err != nil {
		return err
	}
	ours, err := list(h.To.Disk, h.To.Root, true)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	mine, err := h.repair(ours)
	if err != nil {
		return err
	}
	f.inUse = make(map[string]bool)
	have, others := SeriesOf(mine), SeriesOf(theirs)
	for name := range have {
		f.healed.Ahead = f.healed.Ahead || f.latest == nil && others[name] == nil && len(theirs) > 0
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !h.recent(others[name]) {
			continue
		}
		err := f.healSeries(name, have[name], others[name])
		if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrExist) {
			f.reportf(h.To.path(name), "not filled: %v", err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.To.path(name), err)
		}
	}
	return nil
}

// repair repairs the indexes of those files that belong to the log, and returns which there are.
func (h *Healing) repair(files []string) (mine []Entry, err error) {
	var found []string
	for _, file := range files {
		if !h.To.Match(file) {
			continue
		}
		moved, err := repairAny(h.To.Disk, file, h.Ledger.touchAll)
		if err != nil {
			return nil, err
		}
		found = append(found, file)
		if moved != "" && h.To.Match(moved) {
			found = append(found, moved)
		}
	}
	slices.Sort(found)
	for _, file := range slices.Compact(found) {
		name, err := filepath.Rel(h.To.Root, file)
		if err != nil {
			return nil, err
		}
		if _, err := h.To.Disk.Stat(Path(file)); err == nil && !isGone(h.To.Disk, file) {
			mine = append(mine, Entry{Name: filepath.ToSlash(name)})
		}
	}
	return mine, nil
}

// recent reports whether one of the files has changed within the time.
func (h *Healing) recent(files []Entry) bool {
	return h.Within == 0 || slices.ContainsFunc(files, func(e Entry) bool { return e.Age <= h.Within })
}

// known is the set of the lines that a ledger has, or will have after a healing.
type known struct {
	l      *Ledger
	copied lineSet
}

func (k known) has(l *Line) bool {
	s := k.l.byName[*l.Name]
	return s != nil && s.Have.Has(l.Seq) || k.copied.has(l)
}

func (f *filler) healSeries(name string, mine, theirs []Entry) error {
	h := f.healing
	s := &series{filler: f, name: name, mine: mine, theirs: theirs, own: known{h.Ledger, f.copied}, filled: lineSet{}, template: h.Ledger.template}
	if f.latest != nil {
		limit, err := f.limit(theirs)
		if err != nil || limit == 0 {
			return err
		}
		s.limit = limit
	}
	have, own := lineSet{}, lineSet{}
	s.theirLines = have
	err := collect(f.to, mine, own)
	if err != nil {
		return err
	}
	same, cut, err := s.collectOrdered(own, have)
	if err != nil {
		return err
	}
	if own.exceeds(s.own) { // an attempt that failed in the middle has left gaps
		f.copied.addAll(own)
	}
	f.healed.Ahead = f.healed.Ahead || f.latest == nil && own.exceeds(have)
	same = same || f.latest != nil
	f.healed.Parted = f.healed.Parted || !same && !h.Follow
	if same = same || !h.Follow; same && !have.exceeds(s.own) {
		return nil
	}
	unlock, err := f.lockAll(mine)
	if err == nil && !same {
		err = (&reorder{series: s, ours: own, ownCuts: !cut}).run()
		f.copied.addAll(s.filled)
		return errors.Join(err, unlock())
	}
	if err == nil {
		err = s.plan(own)
	}
	if err != nil || s.behind {
		if err = errors.Join(err, unlock()); err == nil {
			err = s.append(own)
		}
		return err
	}
	err = s.touch()
	if err == nil {
		err = s.write(own)
	}
	f.copied.addAll(s.filled)
	return errors.Join(err, unlock())
}

// limit returns how many lines the files have up to the last one that is not above what has been
// copied of its stream; 0 if no line is.
func (f *filler) limit(files []Entry) (limit int64, err error) {
	c := &cursor{src: f.from, files: files}
	for {
		l, err := c.head()
		if err != nil || l == nil {
			return limit, errors.Join(err, c.close())
		}
		c.advance()
		if l.Name == nil {
			continue
		}
		if latest, ok := f.latest[*l.Name]; ok && l.Seq <= latest {
			limit = c.n
		}
	}
}

// touch has the next start read the indexes of all files that get lines, because the ledger does not
// have these lines before its next checkpoint.
func (s *series) touch() error {
	for i := range s.inserts {
		name := s.theirs[min(i, len(s.theirs)-1)].Name
		if len(s.mine) > 0 {
			name = s.mine[i].Name
		}
		path := s.to.path(name)
		s.changes(path)
		if err := s.healing.Ledger.touch(path, 0, headerLen); err != nil {
			return err
		}
	}
	return nil
}

// changes notes that a file is changed, and reports whether it was before.
func (s *series) changes(path string) (again bool) {
	if again = slices.Contains(s.healed.Paths, path); !again {
		s.healed.Paths = append(s.healed.Paths, path)
	}
	return again
}

// append appends the missing lines, of which each comes after all of ours.
func (s *series) append(own lineSet) error {
	path := s.to.path(s.name)
	again := s.changes(path)
	if st, err := s.to.Disk.Lstat(path); len(s.mine) == 0 && err == nil && (!st.Mode().IsRegular() || st.Size() > 0) {
		return fmt.Errorf("a file without index exists there, and may contain any of the lines: %w", fs.ErrExist)
	}
	if !again {
		s.sum.Files++
	}
	b := s.their()
	for {
		l, err := b.head()
		if err != nil || l == nil {
			return errors.Join(err, b.close())
		}
		if l.Name != nil && !own.has(l) && !s.own.has(l) {
			if err := s.appendLine(path, b, l); err != nil {
				return errors.Join(err, b.close())
			}
		}
		b.advance()
	}
}

func (s *series) appendLine(path string, b *cursor, l *Line) error {
	data, err := b.bytes()
	if errors.Is(err, ErrDamaged) || err == nil && b.bad {
		s.sum.Left++
		return nil
	}
	if err == nil {
		err = s.healing.Append(path, *l.Name, l.Seq, data)
	}
	if err == nil {
		s.copied.add(l)
		s.sum.Lines++
		s.sum.Bytes += l.Len
	}
	return err
}
