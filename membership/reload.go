package membership

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// CanReconfigure reports whether the configuration may change now. That is while a ring is in
// operation, so that no attempt and no recovery names daemons of the present configuration
// (membership-protocol §11).
func (m *Machine) CanReconfigure() bool {
	return m.state == StateOp || m.state == StateGather && m.alive
}

// Reconfigure changes to another configuration. Self and Old stay as they are. The ring is given
// up, and the daemons that have the new configuration form another one; their common history is
// kept, as after any loss of a token. Reconfigure returns an error, and changes nothing, if
// [Machine.CanReconfigure] reports false or the configuration is not valid.
func (m *Machine) Reconfigure(now clock.Time, wall int32, cfg Config, out *Effects) error {
	cfg.Self, cfg.Old = m.cfg.Self, m.cfg.Old
	if err := cfg.validate(); err != nil {
		return err
	}
	if !m.CanReconfigure() {
		return fmt.Errorf("membership: the configuration cannot change in state %v", m.state)
	}
	m.cfg = cfg
	m.hearing = hearing{}
	m.segment = cfg.Topology.Daemon(cfg.Self).Segment
	// The remaining members of the ring determine which daemons to ask.
	m.members = cfg.Topology.Ring(slices.DeleteFunc(slices.Clone(m.members.Members()), func(id wire.DaemonID) bool {
		return cfg.Topology.Daemon(id) == nil
	}))
	m.reps, m.potential = nil, nil
	m.HandleTokenLost(now, wall, CauseReload, out)
	return nil
}

// SetTimeouts changes the timeouts. Timers that are running are not affected.
func (m *Machine) SetTimeouts(t Timeouts) error {
	if err := t.validate(); err != nil {
		return err
	}
	m.cfg.Timeouts = t
	return nil
}
