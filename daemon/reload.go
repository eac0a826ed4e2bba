package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
)

// ErrStopped is returned by [Daemon.Reload] of a daemon that has stopped.
var ErrStopped = errors.New("the daemon has stopped")

// RestartError is returned by [Daemon.Reload] for a configuration that changes something by which
// other daemons or clients know this one. It takes a restart of the daemon.
type RestartError struct {
	// What is "name", "address", "port", "id", "interfaces" or "client addresses".
	What string
}

// Error says what to do.
func (e *RestartError) Error() string {
	return fmt.Sprintf("the configuration changes the %s of this daemon; restart it", e.What)
}

// Reload has the daemon change to another configuration while its clients stay connected
// (membership-protocol §11). Of cfg it uses Engine, Ring, RingKeys, DangerousMonitor and Grace, and
// of Sessions MaxSessionMessages and Auth. It returns when the engine has accepted the
// configuration; the daemons that have it too form a ring after that.
//
// On an error nothing has changed. The error is a [*RestartError] if the daemon has to be
// restarted, [ErrStopped] if it has stopped; otherwise the configuration is not valid. Reload may
// be called by any goroutine after Listen.
func (d *Daemon) Reload(cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if !d.call(func(o *owner) { err = o.reload(cfg) }) {
		return ErrStopped
	}
	return err
}

// setKeys changes the keys of the ring.
func (o *owner) setKeys(keys *seal.Keyring) {
	o.ringKeys.Store(keys)
	if o.sealer == nil || keys == nil && o.sealer.Overhead() == 0 {
		return
	}
	o.sealer.SetKeys(keys)
	o.engine.SetOverhead(o.sealer.Overhead())
	o.ring.Tick()
	st := o.sealer.Status()
	o.log.Info("ring keys read", slog.Any("keys", st.Own.Keys), slog.String("in_use", st.Own.InUse.String()),
		slog.String("waits_for", st.WaitsFor.String()), slog.Bool("sends_plain", st.Own.SendsPlain), slog.Bool("accepts_plain", st.Own.AcceptsPlain))
}

// reload passes a configuration to the engine.
func (o *owner) reload(cfg Config) error {
	if what := o.fixed(&cfg); what != "" {
		return &RestartError{what}
	}
	now, wall := o.now()
	if err := o.engine.Reload(now, wall, cfg.Engine, &o.out); err != nil {
		return err
	}
	o.sessions.Reconfigure(cfg.Sessions.MaxSessionMessages, cfg.Sessions.Auth)
	o.newRules(cfg.Sessions.Auth.Rules)
	o.cfg.DangerousMonitor, o.cfg.Grace = cfg.DangerousMonitor, cfg.Grace
	o.pacing.grace, o.pacing.ringGrace = cfg.Grace, cfg.ringGrace()
	o.next = cfg
	o.setKeys(cfg.RingKeys)
	o.carryOut()
	return nil
}

// fixed returns the first setting of a configuration that differs and cannot change while the
// daemon runs (daemon-operations §6), or "".
func (o *owner) fixed(cfg *Config) string {
	old, next := o.cfg.Engine.Topology.Daemon(o.cfg.Engine.Self), (*topology.Daemon)(nil)
	if cfg.Engine.Topology != nil {
		next = cfg.Engine.Topology.Daemon(cfg.Engine.Self)
	}
	switch {
	case next == nil || cfg.Name() != o.cfg.Name():
		return "name"
	case next.ID != old.ID:
		return "id"
	case next.Addr != old.Addr:
		return "address"
	case cfg.Port != o.cfg.Port:
		return "port"
	case !slices.Equal(cfg.Ring.Interfaces, o.cfg.Ring.Interfaces):
		return "interfaces"
	case !slices.Equal(cfg.Listen, o.cfg.Listen):
		return "client addresses"
	default:
		return ""
	}
}

// adopt changes to the configuration that the engine has put into force. It opens the sockets of
// the ring anew, for the daemons and the segment of that configuration.
func (o *owner) adopt(r *engine.Reload) {
	o.former = o.cfg.Engine.Topology
	o.cfg.Engine, o.cfg.Ring = o.next.Engine, o.next.Ring
	o.inForce.Store(r)
	o.history.configured = time.Now()
	o.log.Info("configuration in force", slog.Uint64("hash", uint64(r.ConfHash)), slog.Int("daemons", len(r.Topology.Daemons())))
	if o.ring == nil {
		return
	}
	st := o.ring.Stats()
	err := o.ring.Close()
	o.past.Add(&st)
	if err == nil {
		err = o.openRing()
	}
	if err != nil {
		o.fatal = fmt.Errorf("cannot open the ring's sockets for the new configuration: %w", err)
	}
}
