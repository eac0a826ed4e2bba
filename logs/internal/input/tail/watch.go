package tail

import (
	"context"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// Files that nothing announces are checked every pollInterval while they are active, and less often
// once they have been idle for idleTime: so often that all idle files of a Watcher together cost no
// more than one check each idlePolls. Files that the system watches are checked as well, since some
// changes are not announced: those by other hosts, through another hard link, and new mounts.
const (
	idleTime     = time.Minute
	idlePolls    = 3 * time.Millisecond
	longestPoll  = 5 * time.Second
	watchedPolls = 5 * time.Millisecond
	leastWatched = time.Second
	mostWatched  = 10 * time.Second
	// together is the grid of longer waits: it costs less to wake many followers at once.
	together = leastWatched / 4
	// renewInterval is how often the directories that are watched are looked up again without a reason,
	// such as a change that was not announced.
	renewInterval = 5 * time.Minute
	// settleTime is how old the last change of a file has to be for its time and size to tell whether
	// there was another one. Some file systems count in seconds.
	settleTime = 5 * time.Second
)

// Watcher wakes followers when their files may have changed. Followers share it, because systems
// limit how many there may be, and get their buffers from it, so that idle files need none. Its zero
// value is ready for use. Where the system does not announce changes it checks files from time to
// time.
type Watcher struct {
	// Poll checks files from time to time even if the system can announce changes.
	Poll bool

	followers atomic.Int64
	late      atomic.Int64 // when a file system last did not answer in time; see behind
	buffers   sync.Pool
	notifier
	watched time.Duration // in tests, the interval of checks of watched files
}

// waiting is what a follower knows of when to look at its files again.
type waiting struct {
	wake    chan struct{}
	renamed atomic.Bool // names in watched directories have changed

	// The other fields belong to the goroutine of Run.
	entries  []entry // in watched directories, on which the follower depends
	watched  bool    // changes are announced
	renewed  time.Time
	timer    *time.Timer // of wait
	woken    bool        // since the last wait, by an announcement
	grew     time.Time   // when the last change was seen
	doubted  time.Time   // when a change was seen that had not been announced
	unsaved  bool        // the position may have changed
	nextSave time.Time
	changes  int         // how many were seen
	at       fs.FileInfo // the only file, as it was when it had nothing new; may be nil
}

// entry is a name in a watched directory.
type entry struct {
	watch int32
	name  string
}

// need gets a buffer, unless the follower has one.
func (f *Follower) need() {
	if f.buf != nil {
		return
	}
	n := maxDigest + max(readBytes, f.cfg.MaxLine)
	if b, ok := f.cfg.Watcher.buffers.Get().(*[]byte); ok && len(*b) >= n {
		f.buf = (*b)[:n]
		return
	}
	f.buf = make([]byte, n)
}

// release gives the buffer back.
func (f *Follower) release() {
	if f.buf != nil {
		b := f.buf
		f.buf = nil
		f.cfg.Watcher.buffers.Put(&b)
	}
}

// alert wakes the follower.
func (t *waiting) alert(renamed bool) {
	if renamed {
		t.renamed.Store(true)
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// enter counts a follower.
func (w *Watcher) enter(t *waiting) {
	w.followers.Add(1)
	t.wake = make(chan struct{}, 1)
	t.renamed.Store(true)
	t.woken = true
	t.unsaved, t.nextSave = true, time.Now().Add(saveInterval)
}

// leave ends the watch of a follower.
func (w *Watcher) leave(t *waiting) {
	w.forget(t, &w.followers)
	t.entries = nil
}

// renew looks up again what is to be watched, if that may have changed. It has to be called before the
// file is checked, so that no change is missed.
func (f *Follower) renew(now time.Time) {
	w, t := f.cfg.Watcher, &f.waiting
	renamed := t.renamed.Swap(false)
	if w.Poll || !renamed && now.Sub(t.renewed) < renewInterval {
		return
	}
	t.renewed = now
	var err error
	if t.watched, err = w.watch(t, f.cfg.Path); err != nil {
		f.cfg.OnEvent("cannot watch directories; checking files from time to time", err)
	}
}

// changed records that the follower has found something new, or, if nothing has grown, that it has let
// a file go.
func (t *waiting) changed(now time.Time, grown bool) {
	t.changes++
	if !t.unsaved {
		t.unsaved, t.nextSave = true, now.Add(saveInterval)
	}
	if !grown {
		return
	}
	t.grew = now
	switch {
	case t.woken:
		t.doubted = time.Time{}
	case t.watched:
		t.doubted = now
		t.renamed.Store(true) // look again which directory it is
	}
}

// pause returns how long to wait for an announcement before the files are checked. Files that are no
// longer at the path are old.
func (t *waiting) pause(w *Watcher, now time.Time, old bool) time.Duration {
	n := w.followers.Load()
	d := pollInterval
	switch {
	case t.watched && now.Sub(t.doubted) > idleTime:
		if d = w.watched; d == 0 {
			d = each(watchedPolls, n, leastWatched, mostWatched)
		}
	case now.Sub(t.grew) > idleTime:
		d = each(idlePolls, n, pollInterval, longestPoll)
	}
	if old {
		d = min(d, leastWatched)
	}
	if t.unsaved {
		d = min(d, max(0, t.nextSave.Sub(now)))
	}
	return d
}

// each returns the interval at which n files are checked, one each d, within bounds.
func each(d time.Duration, n int64, least, most time.Duration) time.Duration {
	return min(max(time.Duration(n*int64(d)), least), most)
}

// check polls the files, unless a glance at the path shows that nothing has changed.
func (f *Follower) check(ctx context.Context) (more bool) {
	t := &f.waiting
	var now fs.FileInfo
	if !t.woken && ctx.Err() == nil {
		now, _ = f.cfg.Disk.Stat(f.cfg.Path) // an error is left to poll
		if now != nil && t.same(now) {
			return false
		}
	}
	t.at = nil
	changed := t.changes
	more = f.poll(ctx)
	if now != nil && t.changes == changed && len(f.files) == 1 && f.files[0].offset == now.Size() && len(f.missing) == 0 && !t.unsaved && time.Since(now.ModTime()) > settleTime {
		t.at = now
	}
	if !more {
		f.release()
	}
	return more
}

// same reports whether a file is as it was when it had nothing new.
func (t *waiting) same(now fs.FileInfo) bool {
	return t.at != nil && now.Size() == t.at.Size() && now.ModTime().Equal(t.at.ModTime()) && fsutil.SameFile(now, t.at)
}

// wait waits until the files are to be checked.
func (f *Follower) wait(ctx context.Context) {
	w, t := f.cfg.Watcher, &f.waiting
	old := false
	for _, g := range f.files {
		old = old || g.old
	}
	now := time.Now()
	pause := t.pause(w, now, old)
	if pause >= leastWatched {
		pause = now.Add(pause).Truncate(together).Sub(now)
	}
	if t.timer == nil {
		t.timer = time.NewTimer(pause)
	} else {
		t.timer.Reset(pause)
	}
	select {
	case <-ctx.Done():
	case <-t.wake:
		t.woken = true
	case <-t.timer.C:
		t.woken = false
	}
	t.timer.Stop()
}
