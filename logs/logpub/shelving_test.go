package logpub

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
)

// TestSilentMemory: lines that wait in the spool for a log host cost memory neither by their number nor by that of their blocks.
func TestSilentMemory(t *testing.T) {
	blocks, groups := int64(10_000), 50
	if testkit.Race {
		blocks /= 10 // 10,000 take minutes then
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{discard: true}
		p := newPublisher(t, &d, func(c *Config) {
			c.Plain, c.Spool, c.Route = false, dir, &Route{Field: 1, Prefix: "g"}
		})
		write, end := piped(t, p)
		heap := func() (size, objects int64) {
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc), int64(m.HeapObjects)
		}
		put := func(n int64) {
			for i := range int(n) {
				write([]string{fmt.Sprintf("%d line\n", i%groups)})
				time.Sleep(30 * time.Millisecond)
			}
			time.Sleep(10 * time.Second)
		}
		put(blocks / 10)
		size, objects := heap()
		put(blocks)
		moreSize, moreObjects := heap()
		if st := p.Stats(); st.Waiting != blocks+blocks/10 || st.Unheard != st.Waiting || st.SpoolLines != st.Waiting {
			t.Errorf("%d lines wait, %d for a log host, %d in the spool", st.Waiting, st.Unheard, st.SpoolLines)
		}
		if size, objects := moreSize-size, moreObjects-objects; size > blocks*20 || objects > blocks/10 {
			t.Errorf("%d blocks that wait take %d bytes and %d objects", blocks, size, objects)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		checkSums(t, p)
	})
}
