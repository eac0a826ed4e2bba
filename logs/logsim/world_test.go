package logsim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// world is a run.
type world struct {
	plan  *plan
	level slog.Level
	ring  *spreadtest.Ring
	hosts []*host // web hosts first
	began time.Time
	stale sync.WaitGroup // processes that were killed, and have no effect any more

	mu         sync.Mutex
	rng        *rand.Rand
	split      int // the hosts of one side, as bits
	timeline   []string
	violations []string
}

// outcome is how a run went.
type outcome struct {
	violations []string
	timeline   []string
	lines      int
	lost       int // of a pipe, as they may be
	took       time.Duration
}

// run runs a plan in a bubble.
func run(t *testing.T, p *plan, level slog.Level) (out outcome) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{plan: p, level: level, began: time.Now(), rng: rand.New(rand.NewPCG(p.seed, 2))}
		w.run()
		out.violations, out.timeline = w.violations, w.timeline
		out.took = time.Since(w.began)
		for _, h := range w.webs() {
			out.lines += len(h.written)
			out.lost += len(h.lost)
		}
	})
	return out
}

func site(i int) string { return fmt.Sprintf("www%d", i) }

func (w *world) webs() []*host { return w.hosts[:w.plan.webs] }

func (w *world) logs() []*host { return w.hosts[w.plan.webs:] }

func daemonsOf(hosts []*host) (list []*spreadtest.Daemon) {
	for _, h := range hosts {
		list = append(list, h.daemon)
	}
	return list
}

func (w *world) random() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.Uint64()
}

// rand returns a source of its own for one goroutine.
func (w *world) rand() *rand.Rand { return rand.New(rand.NewPCG(w.random(), 3)) }

func (w *world) notef(format string, args ...any) {
	s := fmt.Sprintf("%8.3fs ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timeline = append(w.timeline, s)
}

func (w *world) failf(format string, args ...any) {
	w.notef("VIOLATION: "+format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

// build makes the hosts.
func (w *world) build() {
	var names []string
	for i := range w.plan.webs + w.plan.logs {
		if i < w.plan.webs {
			names = append(names, fmt.Sprintf("w%d", i))
		} else {
			names = append(names, fmt.Sprintf("l%d", i-w.plan.webs))
		}
	}
	w.ring = spreadtest.NewRing(names...)
	if w.plan.delay > 0 {
		w.ring.SetDelay(func() time.Duration { return time.Duration(w.random() % uint64(w.plan.delay)) })
	}
	for i, d := range w.ring.Daemons() {
		h := &host{
			w: w, index: i, name: names[i], log: i >= w.plan.webs, daemon: d, busy: make(chan struct{}, 1), mayLack: make(map[string]bool),
			address: &net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(i+1)), Port: 4805},
		}
		disk := crashfs.New()
		for _, dir := range []string{logDir, spoolDir, stateDir} {
			if err := disk.MkdirAll(dir, 0o700); err != nil {
				w.failf("%v", err)
			}
		}
		if err := disk.SyncDir("/"); err != nil {
			w.failf("%v", err)
		}
		h.newDisk(disk)
		if !h.log && w.plan.pipe[i] {
			h.pipe = newPipe()
		}
		w.hosts = append(w.hosts, h)
	}
}

func (w *world) run() {
	w.build()
	for _, h := range w.hosts {
		h.start()
	}
	var busy sync.WaitGroup
	for _, h := range w.webs() {
		busy.Go(h.serve)
	}
	network := make(chan struct{}, 1) // has room while the network is whole
	for i := range w.plan.faults {
		f := &w.plan.faults[i]
		busy.Go(func() {
			<-time.After(f.at)
			w.fail(f, network)
		})
	}
	busy.Wait()
	w.notef("all is well again")
	if w.settle() {
		w.notef("all files have all lines")
	}
	for _, h := range w.hosts {
		if h.life.Load() != nil {
			h.stop()
		}
	}
	w.stale.Wait()
	w.ring.Close()
	w.check()
	<-time.After(time.Second) // reads of pipes end
}

// serve writes the lines of a web server.
func (h *host) serve() {
	p, r := h.w.plan, rand.New(rand.NewPCG(h.w.plan.seed, 100+uint64(h.index)))
	pause := p.length / time.Duration(max(p.lines, 1))
	burst := 0
	for n := range p.lines {
		if burst--; burst < 0 {
			burst = r.IntN(8)
			<-time.After(time.Duration(r.Int64N(int64(2*pause)*int64(burst+1) + 1)))
		}
		h.write(fmt.Sprintf("%s %s %06d %s\n", site(r.IntN(p.sites)), h.name, n, strings.Repeat("x", r.IntN(1+r.IntN(200)))))
	}
}

// hostOf returns the host that a fault concerns.
func (w *world) hostOf(f *fault) *host {
	if f.log {
		return w.logs()[f.host]
	}
	return w.webs()[f.host]
}

// fail has something go wrong, and makes it well again.
func (w *world) fail(f *fault, network chan struct{}) {
	if f.kind == split {
		network <- struct{}{}
		w.notef("the network splits: %b", f.host)
		w.setSplit(f.host)
		<-time.After(f.length)
		w.notef("the network is whole")
		w.setSplit(0)
		<-network
		return
	}
	if f.kind == noSubscriber {
		var all sync.WaitGroup
		for _, h := range w.logs() {
			all.Go(func() { h.fail(&fault{kind: killSubscriber, length: f.length}) })
		}
		all.Wait()
		return
	}
	w.hostOf(f).fail(f)
}

// fail is fail for one host. Other faults of it wait.
func (h *host) fail(f *fault) {
	h.busy <- struct{}{}
	defer func() { <-h.busy }()
	h.w.notef("%s: %s", h.name, f.kind)
	switch f.kind {
	case killPublisher, killSubscriber, power:
		h.kill(f.step, f.kind == power)
		<-time.After(f.length)
		h.daemon.SetDown(false)
		h.start()
	case stopPublisher, stopSubscriber:
		h.stop()
		<-time.After(f.length)
		h.start()
	case killDaemon:
		h.daemon.SetDown(true)
		<-time.After(f.length)
		h.daemon.SetDown(false)
	case dropSession:
		for _, name := range h.daemon.Sessions() {
			h.daemon.Drop(name)
		}
	case diskFull:
		h.currentDisk().SetFull(true)
		<-time.After(f.length)
		h.currentDisk().SetFull(false)
	case rotate:
		h.rotate()
		return
	case reopen:
		h.sub.Reopen()
		return
	case split, noSubscriber:
	}
	h.w.notef("%s: end of %s", h.name, f.kind)
}
