package tail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// What is watched of a directory: its names and, if it has a log, also changes of its files. A log
// needs no watch of its own then, and rotation is seen at once.
const (
	watchNames = unix.IN_CREATE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	watchFiles = watchNames | unix.IN_MODIFY | unix.IN_ATTRIB
	// calm are the events that leave names as they are.
	calm = unix.IN_MODIFY | unix.IN_ATTRIB
)

// maxSymlinks bounds the symlinks in a path.
const maxSymlinks = 16

// notifier watches directories with inotify. Events collect in the kernel between two reads, which
// are pollInterval apart, so that busy files cost no more than they would with polling. If they are
// too many for the kernel, all followers are woken.
type notifier struct {
	mu       sync.Mutex
	fd       int
	events   *os.File // of fd; nil until the first watch, and after the last
	names    map[int32]map[string][]*waiting
	reported bool                // a failure
	start    func() (int, error) // in tests, in place of inotify_init
}

// watch watches all that a path depends on, instead of what the follower watched before. It reports
// whether changes of the file will be announced. An error is returned only once.
func (n *notifier) watch(t *waiting, path string) (announced bool, err error) {
	if err := n.open(); err != nil {
		return false, n.report("instances", err)
	}
	steps := lookUp(path)
	entries := make([]entry, 0, len(steps))
	for i, s := range steps {
		if i == len(steps)-1 && remote(s.dir) {
			break
		}
		mask := uint32(watchNames)
		if s.file {
			mask = watchFiles
		}
		wd, addErr := unix.InotifyAddWatch(n.fd, s.dir, mask|unix.IN_MASK_ADD|unix.IN_ONLYDIR)
		if errors.Is(addErr, unix.ENOSPC) {
			err = n.report("watches", addErr)
		}
		if addErr != nil {
			continue // also a directory that may not be read, or has gone
		}
		entries = append(entries, entry{int32(wd), s.name})
		announced = i == len(steps)-1
	}
	n.replace(t, entries)
	if !slices.Equal(steps, lookUp(path)) {
		t.alert(true) // a name has changed before it was watched
	}
	return announced, err
}

// replace replaces the entries on which a follower depends. It asks no file system: one that does not answer would keep all
// followers waiting.
func (n *notifier) replace(t *waiting, entries []entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := t.entries
	t.entries = entries
	for _, e := range entries {
		if !slices.Contains(before, e) || !slices.Contains(n.names[e.watch][e.name], t) {
			n.add(e, t)
		}
	}
	for _, e := range before {
		if !slices.Contains(entries, e) {
			n.remove(e, t)
		}
	}
}

// open opens the inotify instance.
func (n *notifier) open() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.events != nil {
		return nil
	}
	start := n.start
	if start == nil {
		start = func() (int, error) { return unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK) }
	}
	fd, err := start()
	if err != nil {
		return err
	}
	n.fd, n.events, n.names = fd, os.NewFile(uintptr(fd), "inotify"), make(map[int32]map[string][]*waiting)
	go n.listen(n.events)
	return nil
}

// report returns an error with advice the first time.
func (n *notifier) report(limit string, err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reported {
		return nil
	}
	n.reported = true
	return fmt.Errorf("inotify: %w; raise the limit with sysctl fs.inotify.max_user_%s", err, limit)
}

// forget removes the watches of a follower. After the last of the followers it closes the instance.
func (n *notifier) forget(t *waiting, followers *atomic.Int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range t.entries {
		n.remove(e, t)
	}
	if followers.Add(-1) == 0 && n.events != nil {
		_ = n.events.Close()
		n.events = nil
	}
}

func (n *notifier) add(e entry, t *waiting) {
	if n.names[e.watch] == nil {
		n.names[e.watch] = make(map[string][]*waiting)
	}
	n.names[e.watch][e.name] = append(n.names[e.watch][e.name], t)
}

func (n *notifier) remove(e entry, t *waiting) {
	names := n.names[e.watch]
	if names == nil {
		return // the directory has gone
	}
	names[e.name] = slices.DeleteFunc(names[e.name], func(o *waiting) bool { return o == t })
	if len(names[e.name]) == 0 {
		delete(names, e.name)
	}
	if len(names) == 0 {
		delete(n.names, e.watch)
		_, _ = unix.InotifyRmWatch(n.fd, uint32(e.watch))
	}
}

// listen passes events on until the file is closed.
func (n *notifier) listen(events *os.File) {
	buf := make([]byte, 32<<10)
	for {
		got, err := events.Read(buf)
		if err != nil {
			return
		}
		n.dispatch(events, buf[:got])
		if got < len(buf)/2 {
			time.Sleep(pollInterval)
		}
	}
}

// dispatch wakes the followers of events, whose layout is that of struct inotify_event. It ignores those of an instance that
// is closed: their numbers may be those of others by now.
func (n *notifier) dispatch(from *os.File, b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for from == n.events && len(b) >= unix.SizeofInotifyEvent {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		if end > len(b) {
			return
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		b = b[end:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			for _, names := range n.names {
				alertAll(names)
			}
		case len(name) == 0: // the directory itself has gone or changed
			alertAll(n.names[wd])
			if mask&unix.IN_IGNORED != 0 {
				delete(n.names, wd)
			}
		default:
			alert(n.names[wd], name, mask&calm == 0)
		}
	}
}

func alertAll(names map[string][]*waiting) {
	for _, list := range names {
		for _, t := range list {
			t.alert(true)
		}
	}
}

// alert wakes the followers of a name. If there are none it may be that of a rotated file, which
// begins with the name of the log.
func alert(names map[string][]*waiting, name []byte, renamed bool) {
	for n := len(name); n > 0; n-- {
		list := names[string(name[:n])]
		for _, t := range list {
			t.alert(renamed)
		}
		if n == len(name) && len(list) > 0 {
			return
		}
	}
}

// step is a name that is looked up in a directory.
type step struct {
	dir, name string
	file      bool // it is that of the file
}

// lookUp returns the names that are looked up on the way to an absolute path: those of directories
// and symlinks, and last that of the file or of what is missing. It returns none if there are more
// than maxSymlinks symlinks.
func lookUp(path string) (steps []step) {
	dir, rest, links := "/", strings.Split(path, "/"), 0
	for len(rest) > 0 && links <= maxSymlinks {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			dir = filepath.Dir(dir)
			continue
		}
		to, err := os.Readlink(filepath.Join(dir, name))
		s := step{dir: dir, name: name, file: err != nil && len(rest) == 0}
		steps = append(steps, s)
		switch {
		case err == nil:
			links++
			if filepath.IsAbs(to) {
				dir = "/"
			}
			rest = append(strings.Split(to, "/"), rest...)
		case s.file || errors.Is(err, os.ErrNotExist):
			return steps
		default:
			dir = filepath.Join(dir, name)
		}
	}
	return nil // too many links
}

// remote reports whether a file system may be changed by others than this kernel, which announces
// only what it does itself.
func remote(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return true
	}
	switch uint32(st.Type) { //nolint:gosec // its type differs between architectures
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC:
		return true
	default:
		return false
	}
}
