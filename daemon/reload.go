package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/topology"
)

// ErrStopped is returned by [Daemon.Reload] of a daemon that has ended.
var ErrStopped = errors.New("the daemon has ended")

// RestartError is returned by [Daemon.Reload] for a configuration that this daemon can
// take only by being started again, as what it is known by to others is another.
type RestartError struct {
	// What is "name", "address", "port", "id", "interfaces" or "addresses for clients".
	What string
}

// Error says what to do.
func (e *RestartError) Error() string {
	return fmt.Sprintf("the configuration changes the %s of this daemon, which has to be started again", e.What)
}

// reloading is a configuration for the owner, and where it answers.
type reloading struct {
	cfg    Config
	answer chan error
}

// Reload has the daemon go over to another configuration, with its clients connected (membership-protocol §11). Of cfg
// count Engine, Ring, DangerousMonitor, Grace, and of Sessions MaxSessionMessages and Auth; the rest stays. It returns
// when the configuration is taken; a ring of those that have it too is formed after that.
//
// On an error nothing has changed: of type [*RestartError] if it takes a new daemon; [ErrStopped] if it has ended; else
// the configuration is not valid. It may be called by any goroutine once Listen has been.
func (d *Daemon) Reload(cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	r := reloading{cfg, make(chan error, 1)}
	select {
	case d.reloads <- r:
		d.wake()
	case <-d.stopped:
		return ErrStopped
	}
	select {
	case err := <-r.answer:
		return err
	case <-d.stopped:
		return ErrStopped
	}
}

// Configuration returns the daemons of the configuration that is in force, and its hash. It
// may be called at any time.
func (d *Daemon) Configuration() (top *topology.Topology, hash uint32) {
	c := d.inForce.Load()
	return c.Topology, c.ConfHash
}

// reload lets the engine have a configuration. It is for the owner.
func (d *Daemon) reload(cfg Config) error {
	if what := d.fixed(&cfg); what != "" {
		return &RestartError{what}
	}
	now, wall := d.now()
	cfg.Engine.Pool = d.cfg.Engine.Pool
	if err := d.engine.Reload(now, wall, cfg.Engine, &d.out); err != nil {
		return err
	}
	d.sessions.Reconfigure(cfg.Sessions.MaxSessionMessages, cfg.Sessions.Auth)
	d.cfg.DangerousMonitor, d.cfg.Grace = cfg.DangerousMonitor, cfg.Grace
	d.pacing.grace, d.pacing.ringGrace = cfg.Grace, cfg.ringGrace()
	d.next = cfg
	return nil
}

// fixed returns what in a configuration is not to be changed while the daemon runs, if it
// is (daemon-operations §6).
func (d *Daemon) fixed(cfg *Config) string {
	old, next := d.cfg.Engine.Topology.Daemon(d.cfg.Engine.Self), (*topology.Daemon)(nil)
	if cfg.Engine.Topology != nil {
		next = cfg.Engine.Topology.Daemon(cfg.Engine.Self)
	}
	switch {
	case next == nil || cfg.Name() != d.cfg.Name():
		return "name"
	case next.ID != old.ID:
		return "id"
	case next.Addr != old.Addr:
		return "address"
	case cfg.Port != d.cfg.Port:
		return "port"
	case !slices.Equal(cfg.Ring.Interfaces, d.cfg.Ring.Interfaces):
		return "interfaces"
	case !slices.Equal(cfg.Listen, d.cfg.Listen):
		return "addresses for clients"
	default:
		return ""
	}
}

// sendAll sends what the engine wants sent. Where another configuration comes into force in between,
// what follows is for others than what came before.
func (d *Daemon) sendAll() {
	r := d.out.Reload
	if r == nil {
		d.send()
		return
	}
	all := d.out.Sends
	d.out.Sends = all[:r.Sends]
	d.send()
	d.adopt(r)
	d.out.Sends = all[r.Sends:]
	d.send()
	d.out.Sends = all
}

// adopt goes over to the configuration that the engine has brought into force: the sockets of
// the ring are opened anew, for its segment and its daemons.
func (d *Daemon) adopt(r *engine.Reload) {
	d.cfg.Engine, d.cfg.Ring = d.next.Engine, d.next.Ring
	d.inForce.Store(r)
	d.log.Info("configuration in force", slog.Uint64("hash", uint64(r.ConfHash)), slog.Int("daemons", len(r.Topology.Daemons())))
	if d.ring == nil {
		return
	}
	st := d.ring.Stats()
	err := d.ring.Close()
	d.before.Add(&st)
	if err == nil {
		err = d.openRing()
	}
	if err != nil {
		d.fatal = fmt.Errorf("opening the sockets of the ring for another configuration: %w", err)
	}
}

// transportStats are the counters of all sockets that the ring has had. They are for the owner.
func (d *Daemon) transportStats() transport.Stats {
	if d.ring == nil {
		return transport.Stats{}
	}
	st := d.ring.Stats()
	st.Add(&d.before)
	return st
}
