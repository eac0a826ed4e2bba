package tail

import (
	"os"
	"path/filepath"
	"strings"
)

// find opens the file of a place: at the path, or beside it under a name that starts with that of the path. It prefers the same
// inode, and otherwise takes a copy.
func (f *Follower) find(p place) (*file, error) {
	entries, err := os.ReadDir(filepath.Dir(f.cfg.Path))
	if err != nil {
		return nil, err
	}
	var copied *file
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(f.cfg.Path)) {
			continue
		}
		g := f.open(filepath.Join(filepath.Dir(f.cfg.Path), e.Name()))
		if g == nil {
			continue
		}
		same := g.dev == p.dev && g.ino == p.ino
		if info, err := g.f.Stat(); err != nil || f.index(info) >= 0 || !same && (p.head.n < minDigest || copied != nil) || !f.take(g, p) {
			_ = g.f.Close()
			continue
		}
		if same {
			if copied != nil {
				_ = copied.f.Close()
			}
			return g, nil
		}
		copied = g
	}
	return copied, nil
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
