package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// Daemon is one running daemon.
type Daemon struct {
	cfg      Config
	log      *slog.Logger
	start    time.Time
	pool     buf.Pool
	sessions *session.Server
	listen   []net.Listener
	socket   *socketFile
	ring     *transport.Transport // nil for a daemon that is alone
	failed   chan error           // of a listener
	serving  sync.WaitGroup       // listeners
	ready    chan struct{}
	count    counters
	members  atomic.Pointer[[]string]
	started  atomic.Bool
	stopping atomic.Bool
	asks     chan chan RingStats           // of whoever wakes the owner then
	reloads  chan reloading                // as asks
	inForce  atomic.Pointer[engine.Reload] // the configuration
	poller   *poller.Poller
	stopped  chan struct{} // the owner has ended; last is what it had to say
	last     RingStats

	// The rest is the owner's.
	engine  *engine.Engine
	out     engine.Effects
	clients map[engine.SessionID]*client
	held    *session.Batch // taken in part, since the ring is full
	// heldToken waits for receivers that are behind.
	heldToken *transport.Batch
	wait      pause           // of this turn
	killed    bool            // a monitor has ended this daemon
	fatal     error           // the daemon cannot go on
	next      Config          // taken, and perhaps not in force yet
	before    transport.Stats // of sockets that were open before those of ring
	refused   refused
	// reportEvery is between two lines about what was refused.
	reportEvery time.Duration
	touched     []*client // with messages staged
	slow        []*client // too slow, to be disconnected
	pacing      pacing
}

// client is the owner's view of a session.
type client struct {
	*session.Session
	id      engine.SessionID
	touched bool
	slow    bool
	budget  budget
}

// New returns a daemon that does not listen yet.
func New(cfg Config) (*Daemon, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		cfg:         cfg,
		log:         cfg.Log,
		ready:       make(chan struct{}),
		asks:        make(chan chan RingStats, 1),
		reloads:     make(chan reloading, 1),
		stopped:     make(chan struct{}),
		reportEvery: refusedInterval,
		clients:     make(map[engine.SessionID]*client),
		pacing:      pacing{grace: cfg.Grace, ringGrace: cfg.ringGrace()},
	}
	d.inForce.Store(&engine.Reload{Topology: cfg.Engine.Topology, ConfHash: cfg.Engine.ConfHash})
	scfg := cfg.Sessions
	scfg.Daemon, scfg.Pool, scfg.Log, scfg.Wake = cfg.Name(), &d.pool, cfg.Log, d.wake
	ecfg := cfg.Engine
	ecfg.Pool = &d.pool
	if d.engine, err = engine.New(ecfg); err != nil {
		return nil, err
	}
	if d.sessions, err = session.New(scfg); err != nil {
		return nil, err
	}
	return d, nil
}

// Listen binds the sockets for clients and for the ring. It may be called once,
// before Run.
func (d *Daemon) Listen(ctx context.Context) error {
	var err error
	if d.poller, err = poller.New(); err != nil {
		return fmt.Errorf("preparing to wait for datagrams: %w", err)
	}
	if err = d.listenClients(ctx); err == nil {
		if err = d.openRing(); err != nil {
			err = errors.Join(err, d.closeListeners())
		}
	}
	if err != nil {
		return errors.Join(err, d.poller.Close())
	}
	return nil
}

func (d *Daemon) listenClients(ctx context.Context) error {
	var lc net.ListenConfig // which sets SO_REUSEADDR, so a restart binds at once
	for _, a := range d.cfg.Listen {
		network := "tcp6"
		if a.Addr().Is4() {
			network = "tcp4" // or the wildcard would be that of both families
		}
		l, err := lc.Listen(ctx, network, a.String())
		if err != nil {
			return errors.Join(fmt.Errorf("listening for clients on %v: %w; is another daemon running?", a, err), d.closeListeners())
		}
		d.listen = append(d.listen, l)
	}
	if d.cfg.SocketDir == "" {
		return nil
	}
	port := int(d.cfg.Port)
	if port == 0 {
		port = int(d.clientPort())
	}
	l, file, err := listenUnix(ctx, d.cfg.SocketDir, port, d.log)
	if err != nil {
		return errors.Join(err, d.closeListeners())
	}
	d.listen, d.socket = append(d.listen, l), file
	return nil
}

// clientPort is the port that the first TCP listener got.
func (d *Daemon) clientPort() uint16 {
	a, err := netip.ParseAddrPort(d.listen[0].Addr().String())
	if err != nil {
		return 0 // it is no TCP listener, which New has refused
	}
	return a.Port()
}

func (d *Daemon) closeListeners() error {
	var err error
	for _, l := range d.listen {
		err = errors.Join(err, l.Close())
	}
	return errors.Join(err, d.socket.remove())
}

// Addrs returns the addresses that the daemon listens on, the UNIX socket's
// last.
func (d *Daemon) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(d.listen))
	for i, l := range d.listen {
		addrs[i] = l.Addr()
	}
	return addrs
}

// Ready is closed when the first membership is installed and clients are
// served.
func (d *Daemon) Ready() <-chan struct{} { return d.ready }

// Members returns the names of the daemons in the ring that was installed last,
// in ring order: none before the first. It may be called at any time.
func (d *Daemon) Members() []string {
	if m := d.members.Load(); m != nil {
		return slices.Clone(*m)
	}
	return nil
}

// Run serves clients until ctx ends, then gives them [Config.Linger] to read
// what is queued for them. It returns nil after an orderly stop.
func (d *Daemon) Run(ctx context.Context) error {
	d.start = time.Now()
	d.failed = make(chan error, len(d.listen))
	d.started.Store(true)
	now, wall := d.now()
	d.engine.Start(now, wall, &d.out)
	d.carryOut()
	err := d.loop(ctx)
	d.last = d.ringStats()
	d.refused.report(d.log, d.last.Counts)
	close(d.stopped)
	err = errors.Join(err, d.sessions.Close(d.cfg.Linger))
	if !d.isReady() { // nobody else closes them then
		err = errors.Join(err, d.closeListeners())
	}
	d.serving.Wait()
	if d.ring != nil {
		err = errors.Join(err, d.ring.Close())
	}
	for _, c := range d.clients {
		d.sessions.End(c.Session)
	}
	if d.held != nil {
		d.held.Done()
	}
	if d.heldToken != nil {
		d.heldToken.Done()
	}
	return errors.Join(err, d.socket.remove(), d.poller.Close())
}

// serve begins to serve clients, when the first membership is installed.
// Until then they wait in the listeners.
func (d *Daemon) serve() {
	for _, l := range d.listen {
		d.serving.Go(func() {
			if err := d.sessions.Serve(l); err != nil {
				d.failed <- err
				d.wake()
			}
		})
	}
	close(d.ready)
}

func (d *Daemon) isReady() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

// now is the moment on the daemon's monotonic clock, which is never zero, and the
// wall clock in seconds since 1970.
func (d *Daemon) now() (now clock.Time, wall int32) {
	t := time.Now()
	return clock.Time(t.Sub(d.start)) + 1, int32(t.Unix())
}

// moment is now without the wall clock.
func (d *Daemon) moment() clock.Time { return clock.Time(time.Since(d.start)) + 1 }

// take lets the engine have a batch.
func (d *Daemon) take(b *session.Batch) {
	id := engine.SessionID(b.Session.ID())
	taken := true
	switch b.Kind {
	case session.Opened:
		d.clients[id] = &client{Session: b.Session, id: id, budget: newBudget(d.cfg.Grace, d.moment())}
		d.engine.Connect(id, b.Session.Group(), b.Session.Memberships())
	case session.Messages:
		taken = d.submit(id, b)
	case session.Gone:
		// One that is on its way out already is ignored.
		d.engine.Disconnect(d.moment(), id, &d.out)
	}
	d.carryOut() // before the batch's block goes
	if !taken {
		d.held = b
		return
	}
	b.Done()
}

// submit lets the engine order a batch. It reports false if the ring takes no
// more: what is left of the batch is to be submitted again later.
func (d *Daemon) submit(id engine.SessionID, b *session.Batch) bool {
	now := d.moment()
	for i, m := range b.Messages {
		o := d.engine.Submit(now, id, m, &d.out)
		d.count.outcomes[o].Add(1)
		if o == engine.RefusedFull {
			b.Messages = b.Messages[i:]
			return false
		}
	}
	return true
}

// carryOut does what the engine asks for, and what follows from it: sessions
// that turn out to be too slow are disconnected, which others are told.
func (d *Daemon) carryOut() {
	for {
		d.step()
		if len(d.slow) == 0 {
			break
		}
		for _, c := range d.slow {
			d.log.Info("disconnecting a session that does not read",
				slog.String("session", c.Group().String()), slog.Int("waiting", d.sessions.MaxSessionMessages()))
			d.engine.Disconnect(d.moment(), c.id, &d.out)
		}
		clear(d.slow)
		d.slow = d.slow[:0]
	}
	d.flush()
}

// step carries out one list of effects. Others wait for datagrams, so these
// leave first.
func (d *Daemon) step() {
	d.sendAll()
	d.controls()
	for _, del := range d.out.Groups.Deliveries {
		for _, id := range d.out.Groups.Receivers(del) {
			d.enqueue(id, del.Data)
		}
	}
	d.count.deliveries.Add(int64(len(d.out.Groups.Deliveries)))
	for _, r := range d.out.Rejects {
		d.enqueue(r.Session, buf.Slice{Block: buf.Wrap(r.Message), Hi: len(r.Message)})
	}
	for _, id := range d.out.Groups.Ended {
		if c := d.clients[id]; c != nil {
			delete(d.clients, id)
			d.pacing.remove(c)
			d.sessions.End(c.Session)
		}
	}
	for _, n := range d.out.Groups.Notes {
		d.count.notes[n.Kind].Add(1)
	}
	d.logMemberships()
	for _, b := range d.out.Releases {
		b.Release()
	}
	d.out.Reset()
}

func (d *Daemon) enqueue(id engine.SessionID, data buf.Slice) {
	c := d.clients[id]
	if c == nil || c.slow {
		return
	}
	if !c.touched {
		c.touched = true
		d.touched = append(d.touched, c)
	}
	if !c.Enqueue(data) {
		c.slow = true
		c.Drop(session.SessionSlow)
		d.slow = append(d.slow, c)
	}
}

// maxDirect bounds the sessions that the owner writes to itself: the token does not
// wait for more.
const maxDirect = 8

// flush has written what sessions got.
func (d *Daemon) flush() {
	direct := len(d.touched) <= maxDirect
	for i, c := range d.touched {
		c.touched = false
		if c.Flush(direct) {
			d.pacing.add(c, d.moment())
		}
		d.touched[i] = nil
	}
	d.touched = d.touched[:0]
}

// nameOf returns the name of a daemon, or its number if it is in the configuration no more.
func (d *Daemon) nameOf(id wire.DaemonID) string {
	if x := d.cfg.Engine.Topology.Daemon(id); x != nil {
		return x.Name
	}
	return fmt.Sprint(uint32(id))
}

func (d *Daemon) logMemberships() {
	for _, in := range d.out.Installations {
		names := make([]string, 0, len(in.Regular))
		for _, id := range in.Regular {
			names = append(names, d.nameOf(id))
		}
		d.members.Store(&names)
		d.log.Info("membership installed",
			slog.String("id", in.RegularID.String()), slog.Any("daemons", names))
		if !d.isReady() {
			d.serve()
		}
	}
	for _, t := range d.out.Transitions {
		d.log.Debug("membership state", slog.String("from", t.From.String()), slog.String("to", t.To.String()), slog.String("because", t.Cause.String()))
	}
}

// Stats are a daemon's counters. All but those of Sessions that say otherwise
// only grow.
type Stats struct {
	Sessions   session.Stats
	Outcomes   [engine.NumOutcomes]int64  // of messages from clients
	Notes      [groups.NumNoteKinds]int64 // requests in the order that were ignored
	Deliveries int64                      // messages with at least one local receiver
	Pauses     int64                      // times publishers waited for a receiver
	BlocksOut  int                        // pooled blocks in use now
	Ring       RingStats
}

type counters struct {
	outcomes   [engine.NumOutcomes]atomic.Int64
	notes      [groups.NumNoteKinds]atomic.Int64
	deliveries atomic.Int64
}

// Stats returns the counters. It may be called at any time.
func (d *Daemon) Stats() Stats {
	st := Stats{
		Sessions:   d.sessions.Stats(),
		Deliveries: d.count.deliveries.Load(),
		Pauses:     d.pacing.pauses.Load(),
		BlocksOut:  d.pool.Out(),
		Ring:       d.askRingStats(),
	}
	for i := range st.Outcomes {
		st.Outcomes[i] = d.count.outcomes[i].Load()
	}
	for i := range st.Notes {
		st.Notes[i] = d.count.notes[i].Load()
	}
	return st
}
