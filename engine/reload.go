package engine

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/clock"
)

// Reload changes to another configuration while clients stay connected (membership-protocol §11).
// Self, QueueMessages, the bounds of groups, Early, Seed and Pool stay as they are, whatever is in
// cfg.
//
// Windows and timeouts change at once. If daemons are added or removed, or the hash changes, the
// daemons with the new configuration give up the ring and form a new one. That happens as soon as a
// ring is in operation and the tables of groups are agreed, and is reported in [Effects].Reload.
// Another call before that replaces the waiting configuration.
//
// Reload returns an error, and changes nothing, if the configuration is not valid, lacks this
// daemon, or gives a daemon another name or id.
func (e *Engine) Reload(now clock.Time, wall int32, cfg Config, out *Effects) error {
	e.wall = wall
	cfg.Self, cfg.Pool, cfg.QueueMessages, cfg.MaxLocalMembers, cfg.Early, cfg.Seed = e.cfg.Self, e.cfg.Pool, e.cfg.QueueMessages, e.cfg.MaxLocalMembers, e.cfg.Early, e.cfg.Seed
	cfg.MaxSessionGroups, cfg.MaxGroups = e.cfg.MaxSessionGroups, e.cfg.MaxGroups
	if cfg.Topology == nil || cfg.Topology.Daemon(cfg.Self) == nil {
		return fmt.Errorf("engine: daemon %d is not in the new configuration", cfg.Self)
	}
	cfg.setDefaults()
	if err := e.cfg.Topology.Renames(cfg.Topology); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	// Whether the machines can take the configuration is checked by making new ones.
	if _, err := New(cfg); err != nil {
		return err
	}
	e.next = &cfg
	if cfg.ConfHash == e.cfg.ConfHash && cfg.Topology.Equal(e.cfg.Topology) && cfg.Accelerated == e.cfg.Accelerated && cfg.Wide == e.cfg.Wide {
		e.next = nil
		return e.adjust(cfg)
	}
	e.settle(now, out)
	return nil
}

// adjust changes the settings that no other daemon has to know.
func (e *Engine) adjust(cfg Config) error {
	windows := cfg.ring().WithDefaults()
	if err := e.ring.SetWindows(windows.Window, windows.PersonalWindow, windows.AcceleratedWindow); err != nil {
		return err
	}
	if err := e.ring.SetTimeouts(cfg.Timeouts.Token, cfg.Timeouts.Hurry); err != nil {
		return err
	}
	if err := e.memb.SetTimeouts(cfg.Timeouts); err != nil {
		return err
	}
	e.cfg = cfg
	return nil
}

// reconfigure puts the waiting configuration into effect. It was checked when it arrived.
func (e *Engine) reconfigure(now clock.Time, out *Effects) {
	cfg := *e.next
	e.next = nil
	before := len(out.Sends)
	err := e.memb.Reconfigure(now, e.wall, cfg.membership(e.ring), &e.membOut)
	if err == nil {
		e.ring.Stop(now)
		err = e.ring.Reconfigure(cfg.ring())
	}
	if err == nil {
		err = e.groups.Reconfigure(cfg.daemons())
	}
	if err != nil {
		panic("engine: a configuration that was checked is refused: " + err.Error())
	}
	e.movePeers(cfg.Topology)
	e.cfg = cfg
	e.partition = partition{}
	e.lateness.begin(now, &e.cfg)
	out.Reload = &Reload{Topology: cfg.Topology, ConfHash: cfg.ConfHash, Sends: before}
}
