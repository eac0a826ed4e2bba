package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
)

// Daemon is one running daemon. Its exported methods may be called by any goroutine, but for New,
// Listen and Run, which follow one another in one.
type Daemon struct {
	shared
	owner owner
}

// shared is the state that several goroutines use. Each field is set before Run and constant from
// then on, or is safe for concurrent use; where neither holds, the comment says what protects it.
type shared struct {
	// log is where everything that an operator should know is reported.
	log *slog.Logger
	// pool provides the blocks that packets and messages are read into.
	pool buf.Pool
	// sessions accepts clients and holds their queues.
	sessions *session.Server
	// listeners are the sockets for clients, UNIX sockets last.
	listeners []clientListener
	// sockets are the files of UNIX sockets.
	sockets []*socketFile
	// maxMemory is Config.MaxMemory.
	maxMemory int64
	// poller is what the owner waits with, and what wakes it.
	poller *poller.Poller

	// ready is closed when the first membership is installed.
	ready chan struct{}
	// serving counts the goroutines that accept clients.
	serving sync.WaitGroup
	// failed carries the error of a listener to the owner.
	failed chan error
	// calls carries functions to the owner, which runs them between two steps.
	calls chan func(*owner)
	// started is true from the beginning of Run.
	started atomic.Bool
	// stopping is true once the context of Run has ended.
	stopping atomic.Bool
	// stopped is closed when the owner has returned from its loop.
	stopped chan struct{}
	// last holds the ring's counters at the end. It is written before stopped is closed and may be
	// read after that.
	last RingStats

	// count holds the counters that the owner increments and Stats reads.
	count counters
	// members holds the names of the daemons in the membership installed last.
	members atomic.Pointer[[]string]
	// change is what has changed with it, as a sentence.
	change atomic.Pointer[string]
	// roundTrips are the times that other daemons took to answer, as NoteRoundTrips got them last.
	roundTrips atomic.Pointer[roundTrips]
	// ringKeys are the keys of the ring, nil without.
	ringKeys atomic.Pointer[seal.Keyring]
	// inForce is the configuration that the ring uses now.
	inForce atomic.Pointer[engine.Reload]
}

// New returns a daemon that does not listen yet.
func New(cfg Config) (*Daemon, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Daemon{shared: shared{
		log:     cfg.Log,
		ready:   make(chan struct{}),
		calls:   make(chan func(*owner), 1),
		stopped: make(chan struct{}),

		maxMemory: cfg.MaxMemory,
	}}
	d.ringKeys.Store(cfg.RingKeys)
	d.inForce.Store(&engine.Reload{Topology: cfg.Engine.Topology, ConfHash: cfg.Engine.ConfHash})
	if err := d.owner.init(&d.shared, cfg); err != nil {
		return nil, err
	}
	scfg := cfg.Sessions
	scfg.Daemon, scfg.Pool, scfg.Log, scfg.Wake = cfg.Name(), &d.pool, cfg.Log, d.wake
	if d.sessions, err = session.New(scfg); err != nil {
		return nil, err
	}
	return d, nil
}

// Run serves clients until ctx ends, then gives them [Config.Linger] to read what is queued for
// them. It returns nil after an orderly stop. The goroutine that calls Run owns the engine.
func (d *Daemon) Run(ctx context.Context) error {
	d.failed = make(chan error, len(d.listeners))
	d.started.Store(true)
	o := &d.owner
	d.serve()
	o.begin()
	err := o.loop(ctx)
	o.leave()
	d.last = o.ringStats()
	o.refused.report(d.log, d.last.Counts)
	close(d.stopped)
	err = errors.Join(err, d.sessions.Close(o.cfg.Linger))
	d.serving.Wait()
	d.removeSockets()
	return errors.Join(err, o.close(), d.poller.Close())
}

// wake ends the owner's wait. Any goroutine may call it.
func (s *shared) wake() { s.poller.Wake() }

// call has the owner run f and waits for that. It reports false if the owner has stopped.
func (d *Daemon) call(f func(*owner)) bool {
	done := make(chan struct{})
	select {
	case d.calls <- func(o *owner) { f(o); close(done) }:
		d.wake()
	case <-d.stopped:
		return false
	}
	select {
	case <-done:
		return true
	case <-d.stopped:
		return false
	}
}

// Addrs returns the addresses that the daemon listens on, the UNIX socket's last.
func (d *Daemon) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(d.listeners))
	for i, l := range d.listeners {
		addrs[i] = l.Addr()
	}
	return addrs
}

// Ready returns a channel that is closed when the first membership is installed. Clients are
// accepted before that; what they send waits for it.
func (d *Daemon) Ready() <-chan struct{} { return d.ready }

func (s *shared) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// Members returns the names of the daemons in the ring that was installed last, in ring order. It
// returns none before the first.
func (d *Daemon) Members() []string { return d.memberNames() }

func (s *shared) memberNames() []string {
	if m := s.members.Load(); m != nil {
		return slices.Clone(*m)
	}
	return nil
}

// Change returns what has changed with the membership that was installed last, as a sentence: who
// came and who went and why, how long it took, and what was lost. It returns "" before the first.
func (d *Daemon) Change() string {
	if c := d.change.Load(); c != nil {
		return *c
	}
	return ""
}

// Configuration returns the daemons of the configuration in force, and its hash.
func (d *Daemon) Configuration() (top *topology.Topology, hash uint32) {
	c := d.inForce.Load()
	return c.Topology, c.ConfHash
}

// RingKeys returns the keys of the ring, nil if it has none.
func (d *Daemon) RingKeys() *seal.Keyring { return d.ringKeys.Load() }
