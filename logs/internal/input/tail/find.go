package tail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

const (
	// recentTime is how long the position of a file that is gone makes a pattern look for its rotated files.
	recentTime = 24 * time.Hour
	// forgetTime is how long the position of a file that is gone is kept. A file system may be away for as long.
	forgetTime = 30 * 24 * time.Hour
)

const patternMeta = "*?["

// IsPattern reports whether a path stands for all files that match it: it has a special character, and no file has this name.
func IsPattern(path string) bool {
	if !strings.ContainsAny(path, patternMeta) {
		return false
	}
	_, err := os.Lstat(path)
	return err != nil
}

// Finder finds the files whose paths match a pattern of [filepath.Match]. It belongs to one goroutine.
type Finder struct {
	path  string
	state string
	gone  []string // of files that had a position lately; their rotated files may match
	names []string // as they were last found
	found []string // those of names that are followed
}

// NewFinder returns a Finder. State is as in [Config].
func NewFinder(path, state string) (*Finder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("tail: %w", err)
	}
	if _, err := filepath.Match(abs, ""); err != nil {
		return nil, fmt.Errorf("tail: %q: %w", path, err)
	}
	return &Finder{path: abs, state: state}, nil
}

// Matches reports whether a path matches.
func (p *Finder) Matches(path string) bool {
	ok, _ := filepath.Match(p.path, path)
	return ok
}

// Find returns the paths that match, sorted, without rotated files of others among them: compressed ones, and those with a
// number or a date added to the name of another one. The error says why there may be more.
func (p *Finder) Find() (paths []string, err error) {
	names, err := filepath.Glob(p.path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		err = p.readable()
	}
	if names = append(names, p.gone...); slices.Equal(names, p.names) {
		return p.found, err
	}
	p.names = names
	slices.Sort(names)
	bases := newBases(names)
	p.found = nil
	for _, name := range slices.Compact(slices.Clone(names)) {
		if !bases.rotated(name) {
			p.found = append(p.found, name)
		}
	}
	return p.found, err
}

// readable returns why the first directory of the pattern with special characters in its entries cannot be read.
func (p *Finder) readable() error {
	dir := p.path
	for strings.ContainsAny(dir, patternMeta) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	d, err := os.Open(dir)
	if err == nil {
		_, err = d.Readdirnames(1)
		if _ = d.Close(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	if err == nil {
		return nil
	}
	return explain(fsutil.OS{}, filepath.Join(dir, "x"), err)
}

// bases are the names from which those of rotated files may be made, by directory and what these begin with.
type bases map[string][]string

func newBases(paths []string) bases {
	b := make(bases)
	for _, path := range paths {
		stem := strings.TrimSuffix(path, filepath.Ext(path))
		b[path] = append(b[path], path)
		if stem != path {
			b[stem] = append(b[stem], path)
		}
	}
	return b
}

// rotated reports whether a file is a rotated one, by its name.
func (b bases) rotated(path string) bool {
	dir, base := filepath.Split(path)
	if slices.Contains(packs, filepath.Ext(base)) {
		return true
	}
	for i := range base {
		for _, other := range b[dir+base[:i]] {
			n, related := parseName(base, 1, filepath.Base(other))
			if !related || n.scheme.family == 0 || other == path {
				continue
			}
			// web1.log is not made from web.log, but web-1.log is.
			if c := base[i]; !n.scheme.inner || n.scheme.date || c < '0' || c > '9' {
				return true
			}
		}
	}
	return false
}

// Since returns since when the pattern is followed, by [FileClock]. It reads that from the state directory, and otherwise writes
// it there. It also forgets the positions of files that have been gone for long.
func (p *Finder) Since() (since int64, err error) {
	now := FileClock()
	if p.state == "" {
		return now, nil
	}
	if err := os.MkdirAll(p.state, 0o700); err != nil {
		return now, err
	}
	if err := p.recall(); err != nil {
		return now, err
	}
	name := strings.TrimSuffix(statePath(p.state, p.path), ".pos") + ".since"
	disk := fsutil.OS{}
	b, err := readState(disk, name)
	if err == nil {
		var path string
		_, err = fmt.Sscanf(string(b), "spreadd pattern 1 %q since %d\n", &path, &since)
		if err == nil && path == p.path {
			return since, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is damaged: %w", name, err)
	} else {
		err = nil
	}
	e := writeState(disk, name, fmt.Appendf(nil, "spreadd pattern 1 %q since %d\n", p.path, now))
	return now, errors.Join(err, e)
}

// recall looks through the positions of files that match.
func (p *Finder) recall() error {
	entries, err := os.ReadDir(p.state)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || filepath.Ext(entry.Name()) != ".pos" || !info.Mode().IsRegular() {
			continue
		}
		name := filepath.Join(p.state, entry.Name())
		b, err := readState(fsutil.OS{}, name)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(b), "\n")
		path, err := strconv.Unquote(strings.TrimPrefix(first, header))
		if err != nil || !p.Matches(path) {
			continue
		}
		_, err = os.Lstat(path)
		_, dirErr := os.Stat(filepath.Dir(path))
		switch age := time.Since(info.ModTime()); {
		case !errors.Is(err, fs.ErrNotExist):
		case age > forgetTime && dirErr == nil:
			_ = os.Remove(name) // otherwise the next start does it
		case age < recentTime:
			p.gone = append(p.gone, path)
		}
	}
	return nil
}

// Move makes the saved position of a path that of another one, to which the file was renamed. No follower may use either.
func Move(state, from, to string) error {
	disk := fsutil.OS{}
	b, err := readState(disk, statePath(state, from))
	if err != nil {
		return err
	}
	p, err := parsePosition(b)
	if err != nil {
		return err
	}
	p.path = to
	if err := writeState(disk, statePath(state, to), p.encode()); err != nil {
		return err
	}
	return errors.Join(os.Remove(statePath(state, from)), disk.SyncDir(state))
}
