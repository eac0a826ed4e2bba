package tail

import (
	"io/fs"
	"testing"
	"time"
)

// TestPause: active files are checked often, idle ones by their number, and watched ones seldom, unless
// they change unannounced or something is left to do.
func TestPause(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name      string
		followers int64
		t         *waiting
		old       bool
		want      time.Duration
	}{
		{"active", 1500, &waiting{grew: now.Add(-idleTime)}, false, pollInterval},
		{"idle", 1, &waiting{}, false, pollInterval},
		{"idle, of 100", 100, &waiting{}, false, 300 * time.Millisecond},
		{"idle, of many", 1_000_000, &waiting{}, false, longestPoll},
		{"watched", 1, &waiting{watched: true, grew: now}, false, leastWatched},
		{"watched, of 1500", 1500, &waiting{watched: true, grew: now}, false, 7500 * time.Millisecond},
		{"watched, of many", 1_000_000, &waiting{watched: true}, false, mostWatched},
		{"watched, rotated", 1500, &waiting{watched: true}, true, leastWatched},
		{"watched, to be saved", 1500, &waiting{watched: true, unsaved: true, nextSave: now.Add(time.Millisecond)}, true, time.Millisecond},
		{"watched, to be saved by now", 1, &waiting{watched: true, unsaved: true, nextSave: now.Add(-time.Hour)}, false, 0},
		{"unannounced", 1500, &waiting{watched: true, grew: now, doubted: now.Add(-time.Second)}, false, pollInterval},
		{"unannounced long ago", 1, &waiting{watched: true, grew: now, doubted: now.Add(-2 * idleTime)}, false, leastWatched},
	} {
		var w Watcher
		w.followers.Store(tt.followers)
		if got := tt.t.pause(&w, now, tt.old); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestDropped: that a file is no longer followed is to be saved, but is no change that was not announced.
func TestDropped(t *testing.T) {
	f := &Follower{files: []*file{{f: strange{}}, {f: strange{fs.ErrClosed}}}}
	f.waiting.woken, f.waiting.watched = true, true
	f.look()
	f.waiting.woken, f.waiting.unsaved = false, false
	f.files = f.files[1:]
	f.look()
	if !f.waiting.unsaved || !f.waiting.doubted.IsZero() {
		t.Errorf("after a file has gone: unsaved %v, doubted %v", f.waiting.unsaved, f.waiting.doubted)
	}
	f.files[0].offset++
	f.look()
	if f.waiting.doubted.IsZero() {
		t.Error("growth is not noticed")
	}
}
