package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// names are the daemons' names, in ring order. The last one is killed.
var names = [...]string{"d1", "d2", "d3"}

// timeouts are shorter than the defaults, so that nobody waits long for the ring
// to notice that a daemon is gone.
const timeouts = `TokenTimeout = 1000
HurryTimeout = 300
AliveTimeout = 100
JoinTimeout = 100
RepTimeout = 300
SegTimeout = 250
GatherTimeout = 500
FormTimeout = 500
LookupTimeout = 2000
WideAreaNetwork = false
`

// ring is the daemons of the demo.
type ring struct {
	f     *farm
	conf  *spreadconf.Config
	ports []int

	mu   sync.Mutex
	runs []*run // by daemon
}

// run is one life of a daemon.
type run struct {
	*daemon.Daemon
	stop context.CancelFunc
	done chan error
}

// newRing finds ports and writes the configuration.
func newRing(ctx context.Context, f *farm) (*ring, error) {
	r := &ring{f: f, runs: make([]*run, len(names))}
	var text strings.Builder
	text.WriteString(timeouts)
	for _, name := range names {
		port, err := freeport.Find(ctx)
		if err != nil {
			return nil, fmt.Errorf("demo: a free port for daemon %s: %w", name, err)
		}
		r.ports = append(r.ports, port)
		// Daemons of one segment share a port, so on one host each has a
		// segment of its own.
		fmt.Fprintf(&text, "Spread_Segment 127.0.0.1:%d {\n\t%s 127.0.0.1\n}\n", port, name)
	}
	var err error
	if r.conf, err = spreadconf.Parse("demo", []byte(text.String()), spreadconf.SystemEnvironment()); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return r, nil
}

// address is where clients reach a daemon.
func (r *ring) address(i int) string { return fmt.Sprintf("%d@127.0.0.1", r.ports[i]) }

// start starts a daemon. It runs until it is killed.
func (r *ring) start(ctx context.Context, i int) error {
	self, err := r.conf.Self(spreadconf.SystemEnvironment(), names[i])
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	cfg, err := daemon.FromConf(r.conf, self, daemon.Access{})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	cfg.SocketDir = ""
	cfg.Linger = -1 // who is killed says nothing to anybody
	cfg.Log = r.f.log.With(slog.String("on", names[i]))
	d, err := daemon.New(cfg)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	// Only kill ends a daemon, so that what is on its way is not cut off.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	if err := d.Listen(ctx); err != nil {
		stop()
		return fmt.Errorf("demo: %w", err)
	}
	run := &run{Daemon: d, stop: stop, done: make(chan error, 1)}
	go func() { run.done <- d.Run(ctx) }()
	r.mu.Lock()
	r.runs[i] = run
	r.mu.Unlock()
	return nil
}

// kill ends a daemon in the middle of whatever it does: its sockets close, and
// nobody is told.
func (r *ring) kill(i int) error {
	r.mu.Lock()
	run := r.runs[i]
	r.runs[i] = nil
	r.mu.Unlock()
	if run == nil {
		return nil
	}
	run.stop()
	return <-run.done
}

// killAll ends all daemons.
func (r *ring) killAll() error {
	var errs []error
	for i := range r.runs {
		errs = append(errs, r.kill(i))
	}
	return errors.Join(errs...)
}

// await waits until the running daemons have formed one ring.
func (r *ring) await(ctx context.Context) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	limit := time.After(patience)
	for !r.formed() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("demo: the daemons have not formed a ring within %v", patience)
		}
	}
	return nil
}

// formed reports whether the running daemons are in one ring, and nobody else.
func (r *ring) formed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var up []string
	for i, run := range r.runs {
		if run != nil {
			up = append(up, names[i])
		}
	}
	for _, run := range r.runs {
		if run != nil && !slices.Equal(run.Members(), up) {
			return false
		}
	}
	return true
}
