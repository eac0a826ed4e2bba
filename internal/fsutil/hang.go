package fsutil

import (
	"context"
	"time"
)

// Finish calls f. Once ctx has ended, it waits for f as long as progress, which may be nil, returns new
// numbers: when they have stayed the same for as long as patience says by then, it reports false, and f is
// left behind. This is for programs that have to end although a system call does not return, as with a
// network file system whose server is down.
func Finish(ctx context.Context, patience func() time.Duration, progress func() int64, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	most, moved := patience(), make(chan struct{})
	if progress != nil {
		go watch(max(most/8, time.Millisecond), progress, moved, done) // progress may hang, too
	}
	limit := time.NewTimer(most)
	defer limit.Stop()
	for {
		select {
		case <-done:
			return true
		case <-moved:
			limit.Reset(most)
		case <-limit.C:
			return false
		}
	}
}

// watch sends to moved whenever progress has changed, until done is closed.
func watch(interval time.Duration, progress func() int64, moved chan<- struct{}, done <-chan struct{}) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	last := progress()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now := progress()
		if now == last {
			continue
		}
		last = now
		select {
		case <-done:
			return
		case moved <- struct{}{}:
		}
	}
}
