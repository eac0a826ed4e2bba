package fsutil

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFinish: what makes no progress is left behind once it is to end, and nothing else.
func TestFinish(t *testing.T) {
	for _, tt := range []struct {
		name            string
		takes, progress time.Duration // progress is until when there is some
		want            bool
		after           time.Duration
	}{
		{"at once", 0, 0, true, 0},
		{"in time", time.Second, 0, true, time.Second},
		{"progress", time.Minute, time.Minute, true, time.Minute},
		{"hangs", time.Hour, 0, false, 8 * time.Second},
		{"hangs later", time.Hour, 20 * time.Second, false, 28 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				var n atomic.Int64
				began := time.Now()
				progress := func() int64 {
					if time.Since(began) <= tt.progress {
						return n.Add(1)
					}
					return n.Load()
				}
				if got := Finish(ctx, func() time.Duration { return 8 * time.Second }, progress, func() { time.Sleep(tt.takes) }); got != tt.want {
					t.Errorf("Finish is %v", got)
				}
				if took := time.Since(began); took < tt.after || took > tt.after+time.Second {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestFinishWithoutPatience: what is not wanted any more is left behind at once.
func TestFinishWithoutPatience(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	more := make(chan struct{})
	defer close(more)
	if Finish(ctx, func() time.Duration { return 0 }, func() int64 { return 0 }, func() { <-more }) {
		t.Error("it was waited for")
	}
}

// TestFinishUntilTheEnd: before the end, there is no bound.
func TestFinishUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if !Finish(t.Context(), func() time.Duration { return time.Second }, nil, func() { time.Sleep(time.Hour) }) {
			t.Error("it was left behind")
		}
	})
}
