package localring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// timeouts are those of membership, in milliseconds.
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

// poll is the interval at which Await looks at the daemons.
const poll = 5 * time.Millisecond

// Config describes a ring.
type Config struct {
	Names   []string     // of the daemons, in ring order
	Options string       // further lines of spread.conf
	Dir     string       // where spread.conf is written; empty: nowhere
	Log     *slog.Logger // of all daemons; nil discards it
	// Change, if not nil, changes the configuration of each daemon before it starts.
	Change func(name string, cfg *daemon.Config)
}

// Ring is a configuration whose daemons may run. Its methods may be called by several goroutines.
type Ring struct {
	File string // the spread.conf, if there is one
	Conf *spreadconf.Config

	log    *slog.Logger
	change func(name string, cfg *daemon.Config)
	ctx    context.Context // ends with Close
	close  context.CancelFunc

	mu      sync.Mutex
	running []*Daemon
	errs    []error // with which daemons ended
}

// New finds ports and makes the configuration. Daemons and ports live until [Ring.Close], whatever
// happens to ctx.
func New(ctx context.Context, cfg Config) (*Ring, error) {
	r := &Ring{log: cfg.Log, change: cfg.Change}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.ctx, r.close = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.configure(cfg); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *Ring) configure(cfg Config) error {
	var text strings.Builder
	text.WriteString(timeouts + cfg.Options)
	for _, name := range cfg.Names {
		port, err := freeport.Find(r.ctx)
		if err != nil {
			return fmt.Errorf("cannot find a port for daemon %s: %w", name, err)
		}
		fmt.Fprintf(&text, "\nSpread_Segment 127.0.0.1:%d {\n\t%s 127.0.0.1\n}\n", port, name)
	}
	file := "localring"
	if cfg.Dir != "" {
		r.File = filepath.Join(cfg.Dir, "spread.conf")
		file = r.File
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			return err
		}
	}
	var err error
	r.Conf, err = spreadconf.Parse(file, []byte(text.String()), spreadconf.SystemEnvironment())
	return err
}

// Daemon is a daemon that runs.
type Daemon struct {
	*daemon.Daemon
	Name   string
	Config daemon.Config
	Done   <-chan struct{} // closed when it has ended

	ring *Ring
	stop context.CancelFunc
	err  error // of the end; read it after Done
}

// Start runs a daemon until it is stopped or the ring is closed. It returns when clients are
// served.
func (r *Ring) Start(ctx context.Context, name string) (*Daemon, error) {
	d, done, err := r.prepare(name)
	if err != nil {
		return nil, fmt.Errorf("cannot start daemon %s: %w", name, err)
	}
	var running context.Context
	running, d.stop = context.WithCancel(r.ctx)
	if err := d.Listen(running); err != nil {
		d.stop()
		return nil, fmt.Errorf("cannot start daemon %s: %w", name, err)
	}
	go func() {
		defer close(done)
		if d.err = d.Run(running); d.err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.errs = append(r.errs, fmt.Errorf("daemon %s: %w", name, d.err))
		}
	}()
	select {
	case <-d.Ready():
	case <-d.Done:
		return nil, fmt.Errorf("daemon %s ended at its start: %w", name, d.Stop())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("daemon %s does not serve clients: %w", name, ctx.Err()), d.Stop())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = append(r.running, d)
	return d, nil
}

// prepare makes a daemon; done is to be closed when it has ended.
func (r *Ring) prepare(name string) (d *Daemon, done chan struct{}, err error) {
	self, err := r.Conf.Self(spreadconf.SystemEnvironment(), name)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := daemon.FromConf(r.Conf, self, daemon.Access{})
	if err != nil {
		return nil, nil, err
	}
	cfg.SocketDir, cfg.Engine.Early, cfg.Ring.Refused = "", true, true
	cfg.Linger = -1 // a stopped daemon behaves like one that was killed
	cfg.Log = r.log.With(slog.String("on", name))
	if r.change != nil {
		r.change(name, &cfg)
	}
	made, err := daemon.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	done = make(chan struct{})
	return &Daemon{Daemon: made, Name: name, Config: cfg, Done: done, ring: r}, done, nil
}

// StartAll runs all daemons and returns them in the order of the configuration when they have
// formed one ring.
func (r *Ring) StartAll(ctx context.Context) ([]*Daemon, error) {
	var all []*Daemon
	for _, c := range r.Conf.Daemons() {
		d, err := r.Start(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, r.Await(ctx)
}

// Await waits until the running daemons have formed one ring.
func (r *Ring) Await(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		names, formed := r.state()
		if formed {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("daemons %s have not formed a ring: %w", strings.Join(names, ", "), ctx.Err())
		}
	}
}

// state returns the running daemons in ring order, and whether they are one ring.
func (r *Ring) state() (names []string, formed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.Conf.Daemons() {
		if slices.ContainsFunc(r.running, func(d *Daemon) bool { return d.Name == c.Name }) {
			names = append(names, c.Name)
		}
	}
	return names, !slices.ContainsFunc(r.running, func(d *Daemon) bool { return !slices.Equal(d.Members(), names) })
}

// Close ends all daemons and releases the ports. It returns the errors with which daemons ended.
func (r *Ring) Close() error {
	r.mu.Lock()
	running := slices.Clone(r.running)
	r.mu.Unlock()
	for _, d := range running {
		_ = d.Stop() // the error is in errs
	}
	r.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

// Stop ends the daemon at once, without notice to clients and peers, and waits for its end. It
// returns the error with which the daemon ended.
func (d *Daemon) Stop() error {
	d.stop()
	<-d.Done
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	d.ring.running = slices.DeleteFunc(d.ring.running, func(x *Daemon) bool { return x == d })
	return d.err
}

// Address returns where clients reach the daemon, as spread.Dial expects it.
func (d *Daemon) Address() string { return fmt.Sprintf("%d@127.0.0.1", d.Config.Port) }
