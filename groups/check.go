package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// partitionedView is the membership id that C daemons use to mark a daemon that has left. No table
// may contain it.
var partitionedView = wire.MembershipID{Daemon: ^wire.DaemonID(0), Time: -1}

// checkSet checks everything that a head has sent, and fills in the daemons of its set. A C daemon
// checks none of this (groups-protocol §11).
func (m *Machine) checkSet(s *syncedSet) (Reason, wire.Name) {
	first := s.messages[len(s.messages)-1]
	for _, id := range first.Synced.All() {
		rank, ok := m.ranks[id]
		if !ok || !m.members.has(rank) || len(s.daemons) > 0 && s.daemons[len(s.daemons)-1] >= rank {
			return BadStateSet, wire.Name{}
		}
		s.daemons = append(s.daemons, rank)
	}
	switch {
	case len(s.daemons) == 0 || s.daemons[0] != s.head:
		return BadStateSet, wire.Name{}
	case s.head == m.synced[0] && !slices.Equal(s.daemons, m.synced):
		return BadStateSet, wire.Name{}
	}
	for _, other := range m.exchange.sets {
		if other.complete && len(other.daemons.intersect(s.daemons)) > 0 {
			return BadStateSet, wire.Name{}
		}
	}
	for _, msg := range s.messages {
		if int(msg.NumSynced) != len(s.daemons) {
			return BadStateCount, wire.Name{}
		}
	}
	c := setChecker{m: m, daemons: s.daemons}
	return c.check(s)
}

// setChecker checks the groups that a head has sent, in the order in which they were built: groups
// by name, daemons in configuration order, members by name, without repetitions.
type setChecker struct {
	m       *Machine
	daemons daemonSet

	begun   bool // there is a group
	group   wire.Name
	id      wire.GroupID
	changed bool
	rank    int // of the group's last daemon, or -1
}

func (c *setChecker) check(s *syncedSet) (Reason, wire.Name) {
	for _, msg := range slices.Backward(s.messages) {
		atStart := true // where a group may go on
		for e := range msg.Groups() {
			if reason := c.entry(&e, atStart); reason != Accepted {
				return reason, e.Name.Clean()
			}
			atStart = false
		}
	}
	if c.begun && c.rank < 0 {
		return BadStateTables, c.group
	}
	return Accepted, wire.Name{}
}

func (c *setChecker) entry(e *wire.GroupEntry, atStart bool) Reason {
	if !terminated(e.Name) {
		return BadStateNames
	}
	name := e.Name.Clean()
	switch {
	case c.begun && atStart && name == c.group:
		if e.ID != c.id || e.Changed != c.changed {
			return BadStateTables
		}
	case c.begun && (compareNames(name, c.group) <= 0 || c.rank < 0):
		return BadStateTables
	default:
		c.begun, c.group, c.id, c.changed, c.rank = true, name, e.ID, e.Changed, -1
	}
	if membershipOf(e.ID) == partitionedView {
		return BadStateTables
	}
	for d := range e.Daemons() {
		rank, ok := c.m.ranks[d.Daemon]
		if !ok || !c.daemons.has(rank) || rank <= c.rank || d.Len() == 0 || d.Membership == partitionedView {
			return BadStateTables
		}
		c.rank = rank
		if reason := c.members(&d, rank); reason != Accepted {
			return reason
		}
	}
	return Accepted
}

func (c *setChecker) members(d *wire.GroupDaemon, rank int) Reason {
	var before wire.Name
	for _, n := range d.Members() {
		_, daemon, ok := n.SplitPrivate()
		if !ok || !terminated(n) || string(daemon) != c.m.cfg.Daemons[rank].Name {
			return BadStateNames
		}
		name := n.Clean()
		if compareNames(before, name) >= 0 {
			return BadStateTables
		}
		before = name
	}
	return Accepted
}

// terminated reports whether a name ends within its field.
func terminated(n *wire.Name) bool { return slices.Contains(n[:], 0) }
