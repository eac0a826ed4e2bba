package membership

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// CanReconfigure reports whether the configuration may change now: while a ring is in
// operation, when no attempt and no recovery names daemons of the present one (membership-protocol §11).
func (m *Machine) CanReconfigure() bool {
	return m.state == StateOp || m.state == StateGather && m.alive
}

// Reconfigure goes over to another configuration, of which Self and Old stay as they are. The
// ring is given up, and one of those that have the new configuration is formed; what members
// that have it too had in common goes along as over any loss of a token. It is an error if
// [Machine.CanReconfigure] reports false, or the configuration is not valid; nothing has changed then.
func (m *Machine) Reconfigure(now clock.Time, wall int32, cfg Config, out *Effects) error {
	cfg.Self, cfg.Old = m.cfg.Self, m.cfg.Old
	if err := cfg.validate(); err != nil {
		return err
	}
	if !m.CanReconfigure() {
		return fmt.Errorf("membership: the configuration cannot change in state %v", m.state)
	}
	m.cfg = cfg
	m.segment = cfg.Topology.Daemon(cfg.Self).Segment
	// Whom to ask follows from who is left of the ring.
	m.members = cfg.Topology.Ring(slices.DeleteFunc(slices.Clone(m.members.Members()), func(id wire.DaemonID) bool {
		return cfg.Topology.Daemon(id) == nil
	}))
	m.reps, m.potential = nil, nil
	m.HandleTokenLost(now, wall, CauseReload, out)
	return nil
}

// SetTimeouts changes the waits; those that have begun are not affected.
func (m *Machine) SetTimeouts(t Timeouts) error {
	if err := t.validate(); err != nil {
		return err
	}
	m.cfg.Timeouts = t
	return nil
}
