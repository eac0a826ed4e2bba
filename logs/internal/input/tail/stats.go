package tail

import (
	"cmp"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Stats are a follower's position and its counters, which only grow.
type Stats struct {
	// Position is how far the file at the path was read, in bytes. Safe is how far it will never be read again.
	Position, Safe int64
	// Behind is the number of bytes that are not read yet, in all followed files that are not compressed.
	Behind int64
	Files  int // that are followed: that at the path, and those before it
	// Missing means that no file is at the path, Trouble why the one there cannot be read; empty if it can.
	Missing bool
	Trouble string

	Rotations   int64 // by renaming
	Truncations int64
	// Losses are files of which a part may be lost unread.
	Losses int64
	NULs   int64 // bytes that were skipped
	Errors int64 // failures to open or read the file, or to read or write its position
}

// seen is a file at some moment.
type seen struct {
	f            source
	packed       bool
	offset, safe int64
}

// Stats returns the counters. It may be called at any time, even while the taker blocks the follower. If a file system does
// not answer, Behind is as it was.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	st, files := f.stats, slices.Clone(f.seen)
	f.mu.Unlock()
	st.Files = len(files)
	if n := len(files); n > 0 {
		st.Position, st.Safe = files[n-1].offset, files[n-1].safe
	}
	st.Behind = ask(&f.behind, &f.cfg.Watcher.late, func() int64 { return f.unread(files) })
	return st
}

// unread returns the number of bytes of files that are not read yet. It asks the file system.
func (f *Follower) unread(files []seen) (n int64) {
	path, err := f.cfg.Disk.Stat(f.cfg.Path)
	fresh := err == nil && path.Mode().IsRegular() && len(files) > 0 // a file that the follower has not opened yet
	for _, s := range files {
		info, err := s.f.Stat()
		if err != nil {
			fresh = false // the follower has been closed
			continue
		}
		if !s.packed {
			n += max(0, info.Size()-s.offset)
		}
		fresh = fresh && !fsutil.SameFile(info, path)
	}
	if fresh {
		n += path.Size()
	}
	return n
}

// How long to wait for a file system that is asked for sizes, and how long if it has been late for a follower within
// lateTime. There may be thousands of followers.
const (
	askTime  = time.Second
	hurry    = time.Millisecond
	lateTime = time.Minute
)

// ask returns what a question to the file system returns, or the last answer if this one does not come in time. late is when an
// answer last did not, in Unix nanoseconds.
func ask(last *fsutil.Latest[int64], late *atomic.Int64, question func() int64) int64 {
	patience := askTime
	if time.Since(time.Unix(0, late.Load())) < lateTime {
		patience = hurry
	}
	n, fresh := last.Ask(patience, question)
	if !fresh {
		late.Store(time.Now().UnixNano())
	}
	return n
}

// Leave gives up a follower whose Run does not end because a system call does not return. Whatever Run still does, it writes
// no position, because lines that it has passed on may not be safe.
func (f *Follower) Leave() { f.left.Store(true) }

// Saved reports, after Close, whether there is a position on disk from which lines that are not safe come again.
func (f *Follower) Saved() bool { return f.wrote != nil }

// Has reports whether a file is among those that are followed, whatever its name.
func (f *Follower) Has(info fs.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.seen, func(s seen) bool {
		now, err := s.f.Stat()
		return err == nil && fsutil.SameFile(now, info)
	})
}

// Held returns the files that are open.
func (f *Follower) Held() (list []fs.FileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if now, err := s.f.Stat(); err == nil {
			list = append(list, now)
		}
	}
	return list
}

// FileID tells files apart where the system has numbers for them. Elsewhere all have the same.
type FileID struct{ dev, ino uint64 }

// FileIDOf returns the FileID of a file.
func FileIDOf(info fs.FileInfo) (id FileID) {
	id.dev, id.ino = inode(info)
	return id
}

// event counts an event and reports it.
func (f *Follower) event(count *int64, what string, err error) {
	f.mu.Lock()
	*count++
	f.mu.Unlock()
	f.cfg.OnEvent(what, err)
}

// look records where the follower is, for Stats, and whether that has changed.
func (f *Follower) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	grown := false
	for _, g := range f.files {
		grown = grown || !slices.ContainsFunc(f.seen, func(s seen) bool { return s.f == g.f && s.offset == g.offset })
	}
	if grown || len(f.seen) != len(f.files) {
		f.waiting.changed(time.Now(), grown)
	}
	f.seen = f.seen[:0]
	f.stats.Missing, f.stats.Trouble = f.absent, f.unopened
	for _, g := range f.files {
		f.stats.Trouble = cmp.Or(f.stats.Trouble, g.trouble)
		f.seen = append(f.seen, seen{g.f, g.packed, g.offset, g.safe.offset})
	}
}

// Add adds the counters of an earlier follower of the same path.
func (s *Stats) Add(o *Stats) {
	s.Rotations += o.Rotations
	s.Truncations += o.Truncations
	s.Losses += o.Losses
	s.NULs += o.NULs
	s.Errors += o.Errors
}
