package crashfs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// ErrCrashed is the error of each call once the disk has crashed.
var ErrCrashed = errors.New("the machine has crashed")

// Disk is a file system. Several goroutines may use it.
type Disk struct {
	// OnCrash, if not nil, is called by the call that crashes the disk, and by each call after it. It
	// may panic, to end the work at once.
	OnCrash func()

	mu      sync.Mutex
	root    *node
	inodes  int
	steps   int
	crashAt int    // the step that is not done; 0 means none
	part    uint64 // how much of a write at crashAt is done, modulo its length
	crashed bool
	full    bool
	story   []string // the steps
}

var _ fsutil.FS = (*Disk)(nil)

// node is a file or a directory.
type node struct {
	number int
	mode   fs.FileMode
	time   time.Time
	lock   *file

	data   []byte  // of a file, as reads see it
	synced []byte  // as of its last Sync
	writes []write // since then

	names       map[string]*node // of a directory
	syncedNames map[string]*node
	changes     []change
}

// write is a write or, without data, a truncation.
type write struct {
	step int
	at   int64
	data []byte
	size int64 // if data is nil
}

// change is a change of the names of a directory.
type change struct {
	step    int
	removed string // "" if none
	added   string // "" if none
	node    *node
}

func (c *change) apply(names map[string]*node) {
	if c.removed != "" && names[c.removed] == c.node {
		delete(names, c.removed)
	}
	if c.added != "" {
		names[c.added] = c.node
	}
}

// New returns an empty disk.
func New() *Disk {
	d := &Disk{}
	d.root = d.newNode(fs.ModeDir | 0o755)
	return d
}

func (d *Disk) newNode(mode fs.FileMode) *node {
	d.inodes++
	n := &node{number: d.inodes, mode: mode, time: time.Now()}
	if mode.IsDir() {
		n.names, n.syncedNames = make(map[string]*node), make(map[string]*node)
	}
	return n
}

// CrashAt makes the disk crash in place of a step. Of a write, the whole pages within
// part modulo its length bytes are done.
func (d *Disk) CrashAt(step int, part uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt, d.part = step, part
}

// Crash crashes the disk now.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed = true
}

// SetFull fills the disk, or makes room again. Meanwhile nothing can be created or written.
func (d *Disk) SetFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Crashed reports whether the disk has crashed.
func (d *Disk) Crashed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.crashed
}

// Steps returns how many steps were done.
func (d *Disk) Steps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.steps
}

// Story returns the steps, a line each.
func (d *Disk) Story() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.story)
}

// check returns an error once the disk has crashed. It needs d.mu, as all below do.
func (d *Disk) check() error {
	if !d.crashed {
		return nil
	}
	if d.OnCrash != nil {
		d.OnCrash()
	}
	return ErrCrashed
}

// step begins a step.
func (d *Disk) step(format string, args ...any) error {
	if d.steps+1 == d.crashAt {
		d.story = append(d.story, "crash instead of: "+fmt.Sprintf(format, args...))
		d.crashed = true
	}
	if err := d.check(); err != nil {
		return err
	}
	d.steps++
	d.story = append(d.story, fmt.Sprintf("%d: ", d.steps)+fmt.Sprintf(format, args...))
	return nil
}

// split returns the elements of a path.
func split(path string) []string {
	path = filepath.ToSlash(filepath.Clean(path[len(filepath.VolumeName(path)):]))
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// find returns the node at a path, or nil.
func (d *Disk) find(path string) *node {
	n := d.root
	for _, name := range split(path) {
		if n = n.names[name]; n == nil {
			return nil
		}
	}
	return n
}

// parent returns the directory of a path, or nil, and the name in it.
func (d *Disk) parent(path string) (dir *node, name string) {
	if dir = d.find(filepath.Dir(path)); dir == nil || !dir.mode.IsDir() {
		return nil, ""
	}
	return dir, filepath.Base(path)
}

func pathError(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }

// change changes a directory.
func (d *Disk) change(dir *node, removed, added string, n *node) {
	c := change{d.steps, removed, added, n}
	c.apply(dir.names)
	dir.changes = append(dir.changes, c)
	dir.time = time.Now()
}

// OpenFile implements [fsutil.FS].
func (d *Disk) OpenFile(path string, flag int, perm fs.FileMode, _ bool) (fsutil.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return nil, pathError("open", path, err)
	}
	dir, name := d.parent(path)
	if dir == nil {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	n := dir.names[name]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, pathError("open", path, fs.ErrNotExist)
	case n == nil && d.full:
		return nil, pathError("open", path, syscall.ENOSPC)
	case n == nil:
		if err := d.step("create %s", path); err != nil {
			return nil, pathError("open", path, err)
		}
		n = d.newNode(perm)
		d.change(dir, "", name, n)
	case flag&os.O_EXCL != 0:
		return nil, pathError("open", path, fs.ErrExist)
	case n.mode.IsDir():
		return nil, pathError("open", path, fsutil.ErrNotFile)
	case flag&os.O_TRUNC != 0 && len(n.data) > 0:
		if err := d.step("empty %s", path); err != nil {
			return nil, pathError("open", path, err)
		}
		d.write(n, write{step: d.steps})
	}
	return &file{d: d, n: n, path: path, flag: flag}, nil
}

// Stat implements [fsutil.FS].
func (d *Disk) Stat(path string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return nil, pathError("stat", path, err)
	}
	n := d.find(path)
	if n == nil {
		return nil, pathError("stat", path, fs.ErrNotExist)
	}
	return n.info(filepath.Base(path)), nil
}

// Lstat implements [fsutil.FS].
func (d *Disk) Lstat(path string) (fs.FileInfo, error) { return d.Stat(path) }

// ReadDir implements [fsutil.FS].
func (d *Disk) ReadDir(path string) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return nil, pathError("open", path, err)
	}
	n := d.find(path)
	if n == nil || !n.mode.IsDir() {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	var list []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		list = append(list, fs.FileInfoToDirEntry(n.names[name].info(name)))
	}
	return list, nil
}

// MkdirAll implements [fsutil.FS].
func (d *Disk) MkdirAll(path string, perm fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return pathError("mkdir", path, err)
	}
	dir := d.root
	for _, name := range split(path) {
		n := dir.names[name]
		switch {
		case n == nil && d.full:
			return pathError("mkdir", path, syscall.ENOSPC)
		case n == nil:
			if err := d.step("mkdir %s of %s", name, path); err != nil {
				return pathError("mkdir", path, err)
			}
			n = d.newNode(fs.ModeDir | perm)
			d.change(dir, "", name, n)
		case !n.mode.IsDir():
			return pathError("mkdir", path, fs.ErrExist)
		}
		dir = n
	}
	return nil
}

// Rename implements [fsutil.FS].
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fail := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	if err := d.check(); err != nil {
		return fail(err)
	}
	dir, old := d.parent(from)
	toDir, name := d.parent(to)
	if dir == nil || toDir == nil || dir.names[old] == nil {
		return fail(fs.ErrNotExist)
	}
	if dir != toDir {
		return fail(errors.New("renames between directories are not simulated"))
	}
	if err := d.step("rename %s to %s", from, name); err != nil {
		return fail(err)
	}
	d.change(dir, old, name, dir.names[old])
	return nil
}

// Link implements [fsutil.FS].
func (d *Disk) Link(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fail := func(err error) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: err} }
	if err := d.check(); err != nil {
		return fail(err)
	}
	n := d.find(from)
	dir, name := d.parent(to)
	if n == nil || dir == nil {
		return fail(fs.ErrNotExist)
	}
	if dir.names[name] != nil {
		return fail(fs.ErrExist)
	}
	if err := d.step("link %s to %s", from, to); err != nil {
		return fail(err)
	}
	d.change(dir, "", name, n)
	return nil
}

// Remove implements [fsutil.FS].
func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return pathError("remove", path, err)
	}
	dir, name := d.parent(path)
	if dir == nil || dir.names[name] == nil {
		return pathError("remove", path, fs.ErrNotExist)
	}
	if len(dir.names[name].names) > 0 {
		return pathError("remove", path, errors.New("directory not empty"))
	}
	if err := d.step("remove %s", path); err != nil {
		return pathError("remove", path, err)
	}
	d.change(dir, name, "", dir.names[name])
	return nil
}

// Chtimes implements [fsutil.FS].
func (d *Disk) Chtimes(path string, _, modified time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return pathError("chtimes", path, err)
	}
	n := d.find(path)
	if n == nil {
		return pathError("chtimes", path, fs.ErrNotExist)
	}
	if err := d.step("chtimes %s", path); err != nil {
		return pathError("chtimes", path, err)
	}
	n.time = modified
	return nil
}

// SyncDir implements [fsutil.FS].
func (d *Disk) SyncDir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check(); err != nil {
		return pathError("sync", path, err)
	}
	n := d.find(path)
	if n == nil || !n.mode.IsDir() {
		return nil
	}
	if err := d.step("sync directory %s", path); err != nil {
		return pathError("sync", path, err)
	}
	n.syncedNames, n.changes = maps.Clone(n.names), nil
	return nil
}

// ReadFile returns the content of a file.
func (d *Disk) ReadFile(path string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.find(path)
	if n == nil || n.mode.IsDir() {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	return slices.Clone(n.data), nil
}

// info describes a node.
func (n *node) info(name string) info {
	return info{n, name, int64(len(n.data)), n.mode, n.time}
}

type info struct {
	n    *node
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

// Name implements [fs.FileInfo].
func (i info) Name() string { return i.name }

// Size implements [fs.FileInfo].
func (i info) Size() int64 { return i.size }

// Mode implements [fs.FileInfo].
func (i info) Mode() fs.FileMode { return i.mode }

// ModTime implements [fs.FileInfo].
func (i info) ModTime() time.Time { return i.time }

// IsDir implements [fs.FileInfo].
func (i info) IsDir() bool { return i.mode.IsDir() }

// Sys implements [fs.FileInfo].
func (i info) Sys() any { return nil }

// SameFile is what [fsutil.SameFile] asks.
func (i info) SameFile(other fs.FileInfo) bool {
	o, ok := other.(info)
	return ok && o.n == i.n
}
