package lineindex

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// series fills the files of one series: one file, and the parts that were cut off it.
type series struct {
	*filler
	name         string // of the file without the number of a part; only in a healing
	mine, theirs []Entry
	own          lines // those of the whole log
	theirLines   lineSet
	template     string
	limit        int64 // of the cursor of their files

	inserts map[int]bool // indexes of the files that get lines
	behind  bool         // no line of ours follows one that is missing
	filled  lineSet      // lines that were copied, of files that are in place
	out     *output      // the file that is being written; nil if none is
	copying lineSet      // lines that were copied to it
	target  int          // its index
	left    int64
	lines   int64
	bytes   int64
}

func (s *series) their() *cursor {
	return &cursor{src: s.from, files: s.theirs, limit: s.limit}
}

// fill merges twice: once to see which files get lines, and then to write those.
func (s *series) fill() error {
	mine := lineSet{}
	if err := collect(s.to, s.mine, mine); err != nil {
		return err
	}
	if err := s.plan(mine); err != nil {
		return err
	}
	return s.write(mine)
}

// write writes the files that get lines.
func (s *series) write(mine lineSet) error {
	s.target = -1
	a := &cursor{src: s.to, files: s.mine, whole: func(i int) bool { return s.inserts[i] }}
	b := s.their()
	m := &merger{a: a, b: b, aNames: mine, bNames: s.theirLines, own: s.own, done: lineSet{}}
	m.emitA = func(l *Line) error { return s.copyOwn(a, l) }
	m.emitB = func(l *Line) error { return s.copyTheirs(a, b, l) }
	err := m.merge()
	if err == nil {
		err = s.finish()
	}
	if err != nil && s.out != nil && !errors.Is(err, errCrash) {
		err = errors.Join(err, s.out.abandon())
	}
	err = errors.Join(err, a.close(), b.close())
	s.sum.Left += s.left
	return err
}

// plan finds the files that get lines and can be written.
func (s *series) plan(mine lineSet) error {
	s.inserts, s.behind = make(map[int]bool), true
	a, b := &cursor{src: s.to, files: s.mine}, s.their()
	m := &merger{a: a, b: b, aNames: mine, bNames: s.theirLines, own: s.own, done: lineSet{}}
	m.emitA = func(*Line) error {
		s.behind = s.behind && len(s.inserts) == 0
		return nil
	}
	m.emitB = func(*Line) error {
		s.inserts[s.targetOf(a, b)] = true
		return nil
	}
	if err := errors.Join(m.merge(), a.close(), b.close()); err != nil {
		return err
	}
	for i := range s.inserts {
		if why := s.refuse(i); why != "" {
			s.reportf(s.to.path(s.mine[i].Name), "not filled: %s", why)
			delete(s.inserts, i)
		}
	}
	return nil
}

// errCrash ends a fill in tests, without cleaning up.
var errCrash = errors.New("the machine crashed")

// targetOf returns the index of the file that a line of theirs goes to: the current file of a or,
// if we have no file of that name, the counterpart of theirs.
func (s *series) targetOf(a, b *cursor) int {
	if len(s.mine) == 0 {
		return b.i
	}
	return min(a.i, len(s.mine)-1)
}

// refuse returns why a file cannot be rewritten; empty if it can.
func (s *series) refuse(i int) string {
	if len(s.mine) == 0 {
		return ""
	}
	file := s.to.path(s.mine[i].Name)
	if s.inUse[s.mine[i].Name] {
		return "another program writes it: rotate it, or stop that program"
	}
	if size, err := sizeOf(s.to.Disk, file); err == nil && size >= 0 && compressedOf(s.to.Disk, file) != "" {
		return "late lines are about to be compressed: try again later"
	}
	return ""
}

// open makes a file the one that is being written, and finishes the previous one. It reports
// whether the file is to be written.
func (s *series) open(i int) (bool, error) {
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
	path, err := s.pathOf(i)
	if err != nil {
		return false, err
	}
	s.out, err = newOutput(s.to.Disk, path, hidden(path, fillExt), nextPath(path), s.template)
	s.copying = lineSet{}
	return err == nil, err
}

func (s *series) pathOf(i int) (string, error) {
	if len(s.mine) > 0 {
		return s.placeOf(s.mine[i].Name)
	}
	return s.placeOf(s.theirs[i].Name)
}

// placeOf returns the path of a file, as it is now, or of a new one.
func (s *series) placeOf(name string) (string, error) {
	path := s.to.path(name)
	if slices.ContainsFunc(s.mine, func(e Entry) bool { return e.Name == name }) {
		return cmp.Or(compressedOf(s.to.Disk, path), path), nil
	}
	if !isBelow(name) {
		return "", fmt.Errorf("%q is not a path below a directory: %w", name, ErrDamaged)
	}
	if _, err := s.to.Disk.Lstat(path); err == nil || compressedOf(s.to.Disk, path) != "" {
		return "", fmt.Errorf("a file without index exists there, and may contain any of the lines: %w", fs.ErrExist)
	}
	return path, nil
}

func (s *series) copyOwn(a *cursor, l *Line) error {
	ok, err := s.open(a.i)
	if !ok || err != nil {
		return err
	}
	return copyOwn(s.out, a, l)
}

// copyOwn copies the current line of a cursor.
func copyOwn(o *output, a *cursor, l *Line) error {
	if a.b.isUnnamed() {
		if err := a.load(); err != nil {
			return err
		}
		a.at += l.Len
		return o.unnamed(a.in, l.Len)
	}
	data, err := a.bytes()
	if err != nil {
		return err
	}
	return o.line(l, data)
}

// copyTheirs copies a line of the other host. Its file may be shorter than its index, if it is a
// copy of a file that was being written.
func (s *series) copyTheirs(a, b *cursor, l *Line) error {
	i := s.targetOf(a, b)
	ok, err := s.open(i)
	if err != nil {
		return err
	}
	var data []byte
	if ok {
		if data, err = b.bytes(); err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	if !ok || err != nil || b.bad {
		s.left++
		return nil //nolint:nilerr // a damaged line is counted
	}
	s.copying.add(l)
	s.lines++
	s.bytes += l.Len
	return s.out.line(l, data)
}

func (s *series) finish() error {
	if s.out == nil {
		return nil
	}
	err := s.out.commit(s.crash)
	if s.out.placed { // Without room on the disk it is not, and the lines must be able to come again.
		s.filled.addAll(s.copying)
	}
	if err != nil {
		return err
	}
	s.out = nil
	s.sum.Files++
	s.sum.Lines += s.lines
	s.sum.Bytes += s.bytes
	s.lines, s.bytes = 0, 0
	return nil
}
