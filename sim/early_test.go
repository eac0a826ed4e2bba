package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// quiet returns a network in which nothing goes wrong, for tests of how long something takes.
func quiet(o Options) *world {
	o.Addresses, o.TimeScale, o.Groups, o.MaxSize, o.SlowBound = 1, 1, 1, 40, 100
	o.Latency, o.Cost, o.SocketPackets, o.Batch = 100*time.Microsecond, 2*time.Microsecond, 1000, 1
	w := newWorld(o, nil, nil)
	w.calm = true
	return w
}

// all reports whether exactly these hosts share a ring.
func (w *world) all(up []*host) bool {
	return slices.Equal(w.living(), up) && w.united()
}

// TestEarly: how long rings take to form where nobody is missing, or nobody without notice. The
// timers alone take 1.75 s.
func TestEarly(t *testing.T) {
	for _, tt := range []struct {
		layout  []int
		classic uint32
	}{{[]int{1}, 0}, {[]int{2}, 0}, {[]int{3}, 0}, {[]int{8}, 0}, {[]int{2, 2}, 0}, {[]int{1, 1}, 0}, {[]int{3}, 2}, {[]int{3}, 1}} {
		t.Run(fmt.Sprintf("%v classic %b", tt.layout, tt.classic), func(t *testing.T) {
			w := quiet(Options{Seed: 1, Layout: tt.layout, Early: true, Classic: tt.classic, Refuse: true})
			took := func(what string, up []*host, limit time.Duration) {
				t.Helper()
				from := w.now
				for !w.all(up) && w.now.Sub(from) < time.Minute {
					w.until(w.now.Add(time.Millisecond), nil)
				}
				if d := w.now.Sub(from); d > limit || len(w.found) > 0 {
					t.Errorf("%s took %v, want %v at most: %v %s", what, d, limit, w.found, w.states())
				} else {
					t.Logf("%s took %v", what, d)
				}
			}
			for _, h := range w.hosts {
				h.start()
			}
			took("a start of all", w.hosts, 3*time.Second)
			w.until(w.now.Add(5*time.Second), nil)
			for i := range w.hosts {
				if len(w.hosts) == 1 {
					break
				}
				h := w.hosts[i]
				rest := slices.Delete(slices.Clone(w.hosts), i, i+1)
				w.stop(h)
				took(fmt.Sprint("the stop of ", h.d.Name), rest, 4*time.Second)
				w.until(w.now.Add(5*time.Second), nil)
				h.start()
				took(fmt.Sprint("the start of ", h.d.Name), w.hosts, 4*time.Second)
				w.until(w.now.Add(5*time.Second), nil)
				h.crash()
				h.start()
				took(fmt.Sprint("the restart of ", h.d.Name), w.hosts, 4*time.Second)
				w.until(w.now.Add(5*time.Second), nil)
				h.crash()
				took(fmt.Sprint("the crash of ", h.d.Name), rest, 6*time.Second) // it may have held the token
				w.until(w.now.Add(5*time.Second), nil)
				h.start()
				took(fmt.Sprint("the return of ", h.d.Name), w.hosts, 4*time.Second)
				w.until(w.now.Add(5*time.Second), nil)
				w.o.Refuse = false
				h.crash()
				took(fmt.Sprint("the disappearance of ", h.d.Name), rest, 9*time.Second)
				w.o.Refuse = true
				w.until(w.now.Add(5*time.Second), nil)
				h.start()
				took(fmt.Sprint("the second return of ", h.d.Name), w.hosts, 4*time.Second)
				w.until(w.now.Add(5*time.Second), nil)
			}
		})
	}
}
