package topology

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// Ring is a set of daemons in the order in which the token visits them.
type Ring struct {
	t       *Topology
	members []wire.DaemonID
}

// Ring returns the ring of the given configured daemons, in any order.
func (t *Topology) Ring(members []wire.DaemonID) Ring {
	m := slices.Clone(members)
	t.Sort(m)
	return Ring{t, slices.Compact(m)}
}

// Members returns the members in ring order. Do not change the list.
func (r Ring) Members() []wire.DaemonID { return r.members }

// Len returns the number of members.
func (r Ring) Len() int { return len(r.members) }

// Contains reports whether a daemon is a member.
func (r Ring) Contains(id wire.DaemonID) bool { return slices.Contains(r.members, id) }

// Leader returns the first member.
func (r Ring) Leader() wire.DaemonID { return r.members[0] }

// Last returns the last member.
func (r Ring) Last() wire.DaemonID { return r.members[len(r.members)-1] }

// Successor returns the daemon that gets the token from a member.
func (r Ring) Successor(id wire.DaemonID) wire.DaemonID { return r.neighbor(id, 1) }

// Predecessor returns the daemon that a member gets the token from.
func (r Ring) Predecessor(id wire.DaemonID) wire.DaemonID { return r.neighbor(id, len(r.members)-1) }

func (r Ring) neighbor(id wire.DaemonID, by int) wire.DaemonID {
	return r.members[(slices.Index(r.members, id)+by)%len(r.members)]
}

// SegmentLeader returns the first member in a segment.
func (r Ring) SegmentLeader(segment int) (id wire.DaemonID, ok bool) {
	for _, m := range r.members {
		if d := r.t.Daemon(m); d != nil && d.Segment == segment {
			return m, true
		}
	}
	return 0, false
}

// LastOfSegment reports whether a member is the last one in its segment.
func (r Ring) LastOfSegment(id wire.DaemonID) bool {
	i := slices.Index(r.members, id)
	if i < 0 || i == len(r.members)-1 {
		return i >= 0
	}
	return r.t.Daemon(r.members[i+1]).Segment != r.t.Daemon(id).Segment
}
