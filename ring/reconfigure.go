package ring

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// ErrUp is returned by Reconfigure while there is a ring.
var ErrUp = errors.New("ring: the configuration cannot change while a ring is up")

// Reconfigure changes to another configuration. Self, Pool, QueueMessages and Overhead stay as they
// are. The ring must be stopped first. Its packets are kept for the next recovery, including those
// of daemons that the new configuration lacks. On an error nothing changes.
func (r *Ring) Reconfigure(cfg Config) error {
	cfg.Self, cfg.Pool, cfg.QueueMessages, cfg.Overhead = r.cfg.Self, r.cfg.Pool, r.cfg.QueueMessages, r.cfg.Overhead
	if cfg.Topology == nil || cfg.Topology.Daemon(cfg.Self) == nil {
		return fmt.Errorf("ring: daemon %d is not in the new configuration", cfg.Self)
	}
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	if r.state != Down {
		return ErrUp
	}
	makers := r.makers()
	assembling := r.assembly.partials
	r.cfg = cfg
	r.self = placeOf(&cfg)
	r.assembly.former = slices.DeleteFunc(slices.Clone(makers), func(id wire.DaemonID) bool { return cfg.Topology.Daemon(id) != nil })
	r.assembly.partials = make([]partial, len(cfg.Topology.Daemons())+len(r.assembly.former))
	for i, id := range makers {
		r.assembly.partials[r.maker(id)] = assembling[i]
	}
	for i := range r.table.slots {
		if s := &r.table.slots[i]; s.isPacket() {
			s.maker = int16(r.maker(s.proc))
		}
	}
	return nil
}

// maker returns the place of a daemon in assembly.partials, or -1.
func (r *Ring) maker(id wire.DaemonID) int {
	if rank := r.cfg.Topology.Rank(id); rank >= 0 {
		return rank
	}
	if i := slices.Index(r.assembly.former, id); i >= 0 {
		return len(r.cfg.Topology.Daemons()) + i
	}
	return -1
}

// makers returns the daemons in the order of assembly.partials.
func (r *Ring) makers() []wire.DaemonID {
	var ids []wire.DaemonID
	for _, d := range r.cfg.Topology.Daemons() {
		ids = append(ids, d.ID)
	}
	return append(ids, r.assembly.former...)
}

// forget drops the daemons that are no longer configured, because the ring that they were in has
// ended.
func (r *Ring) forget() {
	r.assembly.partials = r.assembly.partials[:len(r.cfg.Topology.Daemons())]
	r.assembly.former = nil
}
