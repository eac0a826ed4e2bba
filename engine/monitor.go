package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// PartitionTime is how long a monitor's partition lasts if no other command follows
// (membership-protocol §11).
const PartitionTime = 60 * time.Second

// partition is the one that a monitor has set: daemons of different components do not hear each
// other.
type partition struct {
	components []int16 // by rank; nil if there is none
	until      clock.Time
}

// Partition cuts daemons off from each other, for tests of what runs on top. Two daemons hear each
// other if they have the same component. Components are in configuration order. The partition lasts
// for [PartitionTime].
func (e *Engine) Partition(now clock.Time, components []int16) error {
	n := len(e.cfg.Topology.Daemons())
	if len(components) < n {
		return fmt.Errorf("engine: a partition names %d components for %d daemons", len(components), n)
	}
	if c := components[e.cfg.Topology.Rank(e.cfg.Self)]; c < 0 {
		return fmt.Errorf("engine: a partition gives this daemon the component %d", c)
	}
	e.partition = partition{slices.Clone(components[:n]), now.Add(PartitionTime)}
	return nil
}

// SetWindows changes the settings of flow control. A negative value leaves a window unchanged
// (monitor-protocol §6).
func (e *Engine) SetWindows(window, personal, accelerated int) error {
	return e.ring.SetWindows(window, personal, accelerated)
}

func (p *partition) expire(now clock.Time) {
	if p.until != 0 && now >= p.until {
		*p = partition{}
	}
}

// isApart reports whether this daemon does not hear another one.
func (e *Engine) isApart(d wire.DaemonID) bool {
	return d != e.cfg.Self && e.exchange.alone != 0 || !e.partition.together(e.cfg.Topology, d, e.cfg.Self)
}

// together reports whether two configured daemons may hear each other.
func (p *partition) together(t *topology.Topology, a, b wire.DaemonID) bool {
	return len(p.components) == 0 || p.components[t.Rank(a)] == p.components[t.Rank(b)]
}

// SetOverhead says how much longer the driver makes each datagram, so that packets still fit into a
// frame. If it is not 0, the ring fills packets with parts of messages, which C daemons cannot
// take.
func (e *Engine) SetOverhead(bytes int) { e.ring.SetOverhead(bytes) }
