package fsutil

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLatest: a call that hangs is waited for once for as long as patience, by each that asks, and is not
// made again meanwhile. Others get what was returned last.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Latest[int]
		var calls atomic.Int64
		hang := make(chan struct{})
		f := func() int {
			n := calls.Add(1)
			if n == 2 {
				<-hang
			}
			return int(n)
		}
		ask := func(want int, fresh bool, after time.Duration) {
			t.Helper()
			began := time.Now()
			if v, ok := l.Ask(time.Second, f); v != want || ok != fresh || time.Since(began) != after {
				t.Errorf("%d, %v after %v; want %d, %v after %v", v, ok, time.Since(began), want, fresh, after)
			}
		}
		ask(1, true, 0)
		ask(1, false, time.Second)
		ask(1, false, time.Second)
		if n := calls.Load(); n != 2 {
			t.Errorf("%d calls", n)
		}
		close(hang)
		synctest.Wait()
		ask(3, true, 0)
	})
}

// TestLatestTogether: who asks while a call runs gets one that began after that.
func TestLatestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Latest[int]
		var calls atomic.Int64
		f := func() int {
			time.Sleep(time.Second)
			return int(calls.Add(1))
		}
		go l.Ask(time.Minute, f)
		synctest.Wait()
		if v, ok := l.Ask(time.Minute, f); v != 2 || !ok {
			t.Errorf("%d, %v", v, ok)
		}
	})
}
