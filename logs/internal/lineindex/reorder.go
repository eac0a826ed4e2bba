package lineindex

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// reorder gives our files of a series the order of theirs. Lines that they lack keep their place after
// the line that precedes them here. The result is what the other log host has, once it has fetched
// those lines. Cuts become theirs, too, unless the files were numbered or cut differently before:
// otherwise all files of a log host that began later would be written anew.
//
// It walks twice: once to see which files change, and then to write those. All of them are replaced
// at once (swap.go), because a line may go from one file to another.
type reorder struct {
	*series
	ours    lineSet // our lines in the series
	a, b    *cursor // theirs, ours
	done    lineSet
	last    string // name of the file of the previous line
	emit    func(name string, l *Line, own bool) error
	ownCuts bool
	changed map[string]bool // by name of the file
	outs    map[string]*output
	current string  // name of the file that is being written
	out     *output // nil while the file of the current line does not change
	got     lineSet // lines that were copied
}

// collectOrdered adds all lines of theirs to have, as collect does. It reports whether the lines that
// both have are in the same order, and whether the files are cut in the same way up to the first that
// is not.
func (s *series) collectOrdered(own, have lineSet) (same, cut bool, err error) {
	passed := lineSet{} // lines of ours before the last common one
	a, b := &cursor{src: s.to, files: s.mine}, s.their()
	same, cut = true, true
	last := "" // their file that our last one corresponds to
	for {
		y, err := b.head()
		if err != nil || y == nil {
			return same, cut, errors.Join(err, a.close(), b.close())
		}
		if y.Name != nil && have.add(y) && own.has(y) && same {
			at := a.n
			if same = !passed.has(y); same {
				err = a.skipTo(y, passed)
			}
			if same && err == nil && a.n <= at+1 && a.i < len(a.files) { // otherwise the order may be the cause
				if name := a.name(); partOf(name) != "" {
					cut = cut && name == b.name()
				} else {
					last = cmp.Or(last, b.name())
					cut = cut && last == b.name() // it may be one that we have not cut yet
				}
			}
		}
		if err != nil {
			return false, false, errors.Join(err, a.close(), b.close())
		}
		b.advance()
	}
}

// skipTo advances to a line, and adds the lines before it to passed.
func (c *cursor) skipTo(y *Line, passed lineSet) error {
	for {
		x, err := c.head()
		if err != nil || x == nil || x.Name != nil && isSame(x, y) {
			return err
		}
		if x.Name != nil {
			passed.add(x)
		}
		c.advance()
	}
}

func isSame(x, y *Line) bool { return x.Seq == y.Seq && *x.Name == *y.Name }

// run replaces the files. If one of them cannot be replaced, that is reported, and none is.
func (r *reorder) run() error {
	r.changed = make(map[string]bool)
	r.emit = func(name string, _ *Line, own bool) error {
		if !own {
			r.changed[name] = true
		} else if r.b.name() != name {
			r.changed[name], r.changed[r.b.name()] = true, true
		}
		return nil
	}
	if err := r.walk(); err != nil || len(r.changed) == 0 {
		return err
	}
	for i, e := range r.mine {
		if why := r.refuse(i); r.changed[e.Name] && why != "" {
			r.reportf(r.to.path(e.Name), "not put into the order of the other log host: %s", why)
			return nil
		}
	}
	for name := range r.changed {
		path := r.to.path(name)
		r.changes(path)
		if err := r.healing.Ledger.touch(path, 0, headerLen); err != nil {
			return err
		}
	}
	// A power cut must not leave new files that the ledger does not know.
	if err := r.healing.Ledger.sync(); err != nil {
		return err
	}
	return r.write()
}

func (r *reorder) write() error {
	r.outs, r.out, r.got, r.emit = make(map[string]*output), nil, lineSet{}, r.copy
	err := r.walk()
	if err == nil {
		err = r.finishOutput()
	}
	placed := false
	if err == nil {
		placed, err = r.swap()
	}
	if !placed && !errors.Is(err, errCrash) {
		for _, o := range r.outs {
			err = errors.Join(err, o.abandon())
		}
	}
	return err
}

// swap puts the files in place.
func (r *reorder) swap() (placed bool, err error) {
	var list []swapped
	for _, name := range slices.Sorted(maps.Keys(r.changed)) {
		if o := r.outs[name]; o != nil {
			list = append(list, swapped{path: o.path})
			continue
		}
		path := r.to.path(name)
		list = append(list, swapped{path: cmp.Or(compressedOf(r.to.Disk, path), path), remove: true})
	}
	placed, err = swap(r.to.Disk, r.to.path(r.name), list, r.crash)
	if placed {
		r.filled.addAll(r.got)
		r.sum.Files += len(list)
		r.sum.Lines += r.lines
		r.sum.Bytes += r.bytes
		r.healed.Reordered += len(list)
	}
	return placed, err
}

// walk calls emit with all lines, each with the name of the file it goes to, and whether the current
// line of our cursor is the one to copy.
func (r *reorder) walk() error {
	r.a, r.b, r.done, r.last = r.their(), &cursor{src: r.to, files: r.mine}, lineSet{}, ""
	if r.outs != nil {
		r.b.whole = func(i int) bool { return r.changed[r.mine[i].Name] }
	}
	err := r.merge()
	return errors.Join(err, r.a.close(), r.b.close())
}

func (r *reorder) merge() error {
	for {
		x, err := r.theirHead()
		if err != nil {
			return err
		}
		y, err := r.ourHead()
		if err != nil {
			return err
		}
		switch both := y != nil && y.Name != nil && r.theirLines.has(y); {
		case x == nil && y == nil:
			return nil
		case x != nil && both && isSame(x, y):
			err = r.emitOwn(r.theirName(), y)
			r.a.advance()
		case x == nil || y != nil && !both && (y.Name == nil || !r.waits(y)):
			name := r.b.name()
			if x != nil && comparePart(r.theirName(), name) < 0 {
				name = r.theirName()
			}
			err = r.emitOwn(name, y)
		default:
			err = r.emit(r.behindLast(r.theirName()), x, false)
			r.done.add(x)
			r.a.advance()
		}
		if err != nil {
			return err
		}
	}
}

// theirHead returns the next line of theirs that is to be in our files: one that we have here, or
// that we lack.
func (r *reorder) theirHead() (*Line, error) {
	for {
		x, err := r.a.head()
		if err != nil || x == nil || x.Name != nil && !r.done.has(x) && r.wants(x) {
			return x, err
		}
		r.a.advance()
	}
}

func (r *reorder) wants(x *Line) bool {
	return r.theirLines.has(x) && (r.ours.has(x) || !r.own.has(x))
}

// waits reports whether the line before y in its stream is still to come from them.
func (r *reorder) waits(y *Line) bool {
	prior := Line{Name: y.Name, Seq: y.Seq - 1}
	return y.Seq > 0 && r.wants(&prior) && !r.done.has(&prior)
}

// ourHead returns the next line of ours that has not got its place.
func (r *reorder) ourHead() (*Line, error) {
	for {
		y, err := r.b.head()
		if err != nil || y == nil || y.Name == nil || !r.done.has(y) {
			return y, err
		}
		r.changed[r.b.name()] = true
		r.b.advance()
	}
}

// theirName returns the name of the file for the current line of theirs.
func (r *reorder) theirName() string {
	if r.ownCuts {
		return r.mine[min(r.b.i, len(r.mine)-1)].Name
	}
	return r.a.name()
}

// behindLast returns the name of the file for a line, which is not one in front of that of the
// previous line.
func (r *reorder) behindLast(name string) string {
	if r.last == "" || comparePart(name, r.last) > 0 {
		r.last = name
	}
	return r.last
}

func (r *reorder) emitOwn(name string, y *Line) error {
	if err := r.emit(r.behindLast(name), y, true); err != nil {
		return err
	}
	if y.Name != nil {
		r.done.add(y)
	}
	r.b.advance()
	return nil
}

// copy copies a line to the file that it goes to, if that changes.
func (r *reorder) copy(name string, l *Line, own bool) error {
	if err := r.open(name); err != nil || r.out == nil {
		return err
	}
	if own {
		return copyOwn(r.out, r.b, l)
	}
	data, err := r.a.bytes()
	if bad := errors.Is(err, ErrDamaged) || err == nil && r.a.bad; bad && !r.ours.has(l) {
		r.left++
		return nil
	} else if bad {
		return fmt.Errorf("%s of the other log host: %w", r.a.name(), ErrDamaged)
	}
	if err != nil {
		return err
	}
	if !r.ours.has(l) {
		r.got.add(l)
		r.lines++
		r.bytes += l.Len
	}
	return r.out.line(l, data)
}

// open makes a file the one that is being written, and finishes the previous one.
func (r *reorder) open(name string) error {
	if r.current == name {
		return nil
	}
	if err := r.finishOutput(); err != nil {
		return err
	}
	if r.current = name; !r.changed[name] {
		return nil
	}
	path, err := r.placeOf(name)
	if err == nil {
		r.out, err = newOutput(r.to.Disk, path, hidden(path, orderExt), hidden(plain(path), indexExt+orderExt), r.template)
	}
	if err == nil {
		r.outs[name] = r.out
	}
	return err
}

func (r *reorder) finishOutput() error {
	if r.out == nil {
		return nil
	}
	err := r.out.finish()
	r.out = nil
	return err
}
