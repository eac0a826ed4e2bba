package tail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// maxFamilies bounds the names of a log: that at the path, and those to which symbolic links lead.
const maxFamilies = 16

// A single number in a name is a date from minDate, and counts rotations up to maxNumber.
const (
	minDate   = 100_000
	maxNumber = 999
)

// family is a name from which the names of rotated files are made: that of the path, or that of a file
// to which it links.
type family struct{ dir, base string }

func (f *Follower) families() (all []family) {
	path := f.cfg.Path
	for range maxFamilies {
		dir, base := filepath.Split(path)
		if direct, err := filepath.EvalSymlinks(dir); err == nil {
			dir = direct
		}
		if n := (family{filepath.Clean(dir), base}); !slices.Contains(all, n) {
			all = append(all, n)
		}
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		path = target
	}
	return all
}

// copied is a file in the directory of the log or of a file to which it links.
type copied struct {
	path     string
	info     os.FileInfo
	dev, ino uint64
	related  bool // its name is made from that of the log
	name
}

// after reports whether a file was changed after a time.
func (c *copied) after(t int64) bool { return c.info.ModTime().UnixNano() > t }

// before reports whether a file was certainly not changed since a time. Programs that compress may cut
// its time to seconds.
func (c *copied) before(t int64) bool { return c.info.ModTime().Unix() < t/int64(time.Second) }

// name is what a name says about a rotated file.
type name struct {
	plain   string   // without the ending of compressed files
	pack    string   // that ending
	scheme  scheme   // how it was made
	numbers []uint64 // what was added
}

// scheme is a way to name rotated files. The names of one scheme have an order.
type scheme struct {
	family int  // from 1; 0 is no scheme
	inner  bool // access-2026.log, and not access.log-2026
	date   bool // ascending numbers, such as dates; otherwise the highest one is the oldest
}

// parseName takes the name of a file apart. It reports whether it is made from a name of the family.
func parseName(s string, fam int, base string) (n name, related bool) {
	n.plain = s
	if ext := filepath.Ext(s); slices.Contains(packs, ext) {
		n.plain, n.pack = strings.TrimSuffix(s, ext), ext
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	added, related := strings.CutPrefix(n.plain, base)
	inner := false
	if !related && stem != "" && ext != "" {
		added, inner = strings.CutPrefix(n.plain, stem)
		if inner {
			added, inner = strings.CutSuffix(added, ext)
		}
		related = inner
	}
	if !related || strings.Trim(added, "0123456789-._:+TZ") != "" {
		return n, related
	}
	if n.numbers = numbers(added); len(n.numbers) == 0 {
		return n, related
	}
	date := len(n.numbers) > 1 || n.numbers[0] >= minDate
	if !date && n.numbers[0] > maxNumber {
		return n, related // a port
	}
	n.scheme = scheme{family: fam, inner: inner, date: date}
	return n, related
}

// numbers returns the numbers in a text.
func numbers(s string) (all []uint64) {
	for _, digits := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}

// shape returns a name without its numbers.
func shape(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r >= '0' && r <= '9' }), "0")
}

// others lists the regular files that may be rotated ones, those of each scheme oldest first. The error is that of a
// directory that cannot be read.
func (f *Follower) others() (all []copied, err error) {
	families := f.families()
	for i, fam := range families {
		entries, e := f.cfg.Disk.ReadDir(fam.dir)
		err = cmp.Or(err, e)
		for _, entry := range entries {
			c := copied{path: filepath.Join(fam.dir, entry.Name())}
			c.name, c.related = parseName(entry.Name(), i+1, fam.base)
			// A link that points to a new file for each rotation can have had any name.
			if !c.related && len(families) == 1 {
				continue
			}
			if c.info, e = f.cfg.Disk.Stat(c.path); e != nil || !c.info.Mode().IsRegular() {
				continue
			}
			c.dev, c.ino = inode(c.info)
			at := slices.IndexFunc(all, func(o copied) bool { return o.path == c.path })
			switch {
			case at < 0:
				all = append(all, c)
			case all[at].scheme.family == 0 && (c.related || !all[at].related):
				all[at] = c
			}
		}
	}
	all = slices.DeleteFunc(all, func(c copied) bool { // it is being compressed
		return c.pack != "" && slices.ContainsFunc(all, func(o copied) bool { return o.pack == "" && o.path+c.pack == c.path })
	})
	slices.SortStableFunc(all, byScheme)
	return all, err
}

// byScheme puts the oldest file of each scheme first, by name.
func byScheme(a, b copied) int {
	if a.scheme != b.scheme || a.scheme.family == 0 {
		return cmp.Or(a.scheme.compare(b.scheme), byTime(a, b))
	}
	return a.compare(&b.name)
}

func byTime(a, b copied) int { return a.info.ModTime().Compare(b.info.ModTime()) }

// compare brings the files of a scheme together.
func (s scheme) compare(o scheme) int {
	number := func(s scheme) int {
		n := s.family * 4
		if s.inner {
			n += 2
		}
		if s.date {
			n++
		}
		return n
	}
	return cmp.Compare(number(s), number(o))
}

// compare is negative if a name of the same scheme is of a newer file.
func (n *name) compare(o *name) int {
	if n.scheme.date {
		return slices.Compare(n.numbers, o.numbers)
	}
	return slices.Compare(o.numbers, n.numbers)
}

// openCopy opens a file beside the log at its start.
func (f *Follower) openCopy(path, pack string) (*file, error) {
	if pack != "" && unpackers(pack) == nil {
		return nil, fmt.Errorf("%s: files that end in %s are not read", path, pack)
	}
	r, err := f.cfg.Disk.OpenFile(path, os.O_RDONLY, 0, false)
	if err != nil {
		return nil, err
	}
	info, err := r.Stat()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	if pack == "" {
		return newFile(r, info), nil
	}
	g := newFile(&packed{File: r, open: unpackers(pack), end: f.interrupt}, info)
	g.packed = true
	return g, nil
}

// find opens the file of a place: the one with its inode, or a copy. The error says why a file that may be it cannot be read.
func (f *Follower) find(p place) (*file, error) {
	if p.empty() {
		return nil, nil // there is nothing to find
	}
	if g, err := f.openCopy(f.cfg.Path, ""); err == nil { // most often it is at the path
		if info, err := g.f.Stat(); err == nil && g.dev == p.dev && g.ino == p.ino && f.index(info) < 0 && f.take(g, p) {
			return g, nil
		}
		_ = g.f.Close()
	}
	all, err := f.others()
	for _, inode := range []bool{true, false} {
		for _, c := range all {
			if f.index(c.info) >= 0 || inode && !c.is(p) || !inode && !c.like(p) {
				continue
			}
			g, e := f.openCopy(c.path, c.pack)
			switch {
			case e != nil && inode && p.ino != 0:
				return nil, e
			case e != nil:
				err = cmp.Or(err, e)
				continue
			case f.take(g, p):
				return g, nil
			}
			if z, ok := g.f.(*packed); ok {
				err = cmp.Or(err, z.damage())
			}
			_ = g.f.Close()
		}
	}
	return nil, err
}

// is reports whether a file has the inode of a place.
func (c *copied) is(p place) bool {
	return c.dev == p.dev && c.ino == p.ino && (p.ino != 0 || c.related)
}

// like reports whether a file may be a copy of that of a place.
func (c *copied) like(p place) bool {
	if !c.related || p.mtime != 0 && c.before(p.mtime) {
		return false
	}
	return p.head.n >= minDigest || p.head.n > 0 && p.mtime != 0 && c.scheme.family != 0
}

// follows reports whether a file was changed after that of a place. Without a place for it in the order
// of names, access.2.log may be another log.
func (c *copied) follows(p place) bool {
	return p.mtime != 0 && (c.scheme.date || c.scheme.family != 0 && !c.scheme.inner) && c.after(p.mtime)
}

// missed lists the rotated files between that of a place and the one that is at the path now, if there
// is one, oldest first. It reports those that were there and are not.
func (f *Follower) missed(p place) (missed []copied) {
	all, err := f.others()
	if err != nil {
		f.lost("cannot search for rotated files; those that were missed, if any, are lost", p, err)
	}
	info, _ := f.cfg.Disk.Stat(f.cfg.Path) // nil if there is none yet
	newer := func(c *copied) bool { return p.empty() && c.is(p) || c.follows(p) }
	all = slices.DeleteFunc(all, func(c copied) bool { return info != nil && fsutil.SameFile(c.info, info) })
	var at copied
	found := false
	if !p.empty() {
		at, found = f.located(all, p)
	}
	order := byScheme
	families := f.families()
	last := families[len(families)-1]
	switch {
	case found && len(families) > 1 && shape(at.plain) == shape(last.base) && filepath.Dir(at.path) == last.dir:
		// The link points to a new file for each rotation.
		from, to := numbers(at.plain), numbers(last.base)
		newer = func(c *copied) bool {
			n := numbers(c.plain)
			return shape(c.plain) == shape(last.base) && slices.Compare(from, n) < 0 && slices.Compare(n, to) < 0
		}
		order = func(a, b copied) int { return slices.Compare(numbers(a.plain), numbers(b.plain)) }
	case !found || at.scheme.family == 0:
	case ascending(all, &at, p):
		newer = func(c *copied) bool {
			return c.scheme == at.scheme && c.compare(&at.name) < 0 && c.after(p.mtime) || f.renamed(c, &at, p)
		}
		order = func(a, b copied) int { return byScheme(b, a) }
	default:
		newer = func(c *copied) bool {
			return c.scheme == at.scheme && c.compare(&at.name) > 0 || f.renamed(c, &at, p)
		}
		f.gaps(all, &at, p)
	}
	for _, c := range all {
		if f.index(c.info) < 0 && newer(&c) {
			missed = append(missed, c)
		}
	}
	if slices.ContainsFunc(missed, func(c copied) bool { return c.scheme != missed[0].scheme }) {
		order = byTime
	}
	slices.SortStableFunc(missed, order)
	return missed
}

// renamed reports whether a file was rotated after that of a place by another scheme, because the
// configuration of what rotates it was changed. A copy of the file of the place was not.
func (f *Follower) renamed(c, at *copied, p place) bool {
	return c.scheme != at.scheme && c.follows(p) && (p.head.n < minDigest || !f.fits(c, p))
}

// fits reports whether a file is that of a place, or a copy of it.
func (f *Follower) fits(c *copied, p place) bool {
	g, err := f.openCopy(c.path, c.pack)
	if err != nil {
		return false
	}
	g.place = p
	ok, _ := g.fits(g.f)
	_ = g.f.Close()
	return ok
}

// located returns the file of a place, or its oldest copy.
func (f *Follower) located(all []copied, p place) (at copied, ok bool) {
	for _, inode := range []bool{true, false} {
		for _, c := range all {
			if inode && !c.is(p) || !inode && !c.like(p) {
				continue
			}
			if f.fits(&c, p) {
				return c, true
			}
		}
	}
	return at, false
}

// ascending reports whether a program numbers its files upwards: those with higher numbers than that
// of a file, and none with a lower one, were changed later. What compresses files may change them.
func ascending(all []copied, at *copied, p place) bool {
	if p.mtime == 0 || at.scheme.date {
		return false
	}
	upwards := false
	for _, c := range all {
		switch {
		case c.scheme != at.scheme:
		case c.numbers[0] < at.numbers[0] && !c.before(p.mtime):
			return false
		case c.numbers[0] > at.numbers[0] && c.pack == "" && c.after(p.mtime):
			upwards = true
		}
	}
	return upwards
}

// gaps reports the numbers without a file between 1 and that of a file.
func (f *Follower) gaps(all []copied, at *copied, p place) {
	if at.scheme.date {
		return
	}
	there := make(map[uint64]bool)
	for _, c := range all {
		if c.scheme == at.scheme {
			there[c.numbers[0]] = true
		}
	}
	var gone []uint64
	for n := at.numbers[0] - 1; n > 0 && n < at.numbers[0]; n-- {
		if !there[n] {
			gone = append(gone, n)
		}
	}
	if len(gone) > 0 {
		f.lost("rotated files are gone; their lines are lost", p, fmt.Errorf("between %s and %s there are no files with the numbers %v", at.path, f.cfg.Path, gone))
	}
}

// catchUp follows the files that were rotated after that of a place. It reports false if there is no
// room for all, or the follower has ended; the next call has to go on from the last one.
func (f *Follower) catchUp(p place) bool {
	missed := f.missed(p)
	if f.interrupted {
		f.last = &p
		return false
	}
	for _, c := range missed {
		if !f.room() {
			f.last = &p
			return false
		}
		g, err := f.openCopy(c.path, c.pack)
		if err != nil {
			f.lost("cannot read rotated file; its lines are lost", p, err)
			continue
		}
		f.skipOld(g)
		g.old = true
		g.settled = g.packed || time.Since(c.info.ModTime()) > graceTime
		f.files = append(f.files, g)
		p = g.place
		f.event(&f.stats.Rotations, "reading a rotated file that was missed", nil)
	}
	return true
}

// take puts a file that was opened at a place, if it fits there.
func (f *Follower) take(g *file, p place) bool {
	if p.head.n == 0 && p.offset > 0 { // it was seen and not read
		info, err := g.f.Stat()
		if err != nil || info.Size() < p.offset {
			return false
		}
		f.skip(g, p.offset)
		return true
	}
	dev, ino := g.dev, g.ino
	g.place = p
	g.dev, g.ino = dev, ino
	if ok, _ := g.fits(g.f); !ok {
		return false
	}
	g.safe = g.spot
	return true
}
