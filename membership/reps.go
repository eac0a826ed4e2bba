package membership

import (
	"cmp"
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// repList is a list of representatives, with the insertion rules of membership-protocol §6.4.
// Segments are those of the configuration, not those of a packet.
type repList []wire.Rep

// insert adds a representative, whose daemon is configured. It reports whether the list now has it,
// or one that stands for it.
func (l *repList) insert(top *topology.Topology, r wire.Rep) bool {
	r.Segment = int16(top.Daemon(r.Daemon).Segment)
	if r.Kind == wire.RepPotential {
		if slices.ContainsFunc(*l, func(o wire.Rep) bool { return o.Segment == r.Segment }) {
			return true // its segment has somebody to be asked
		}
		return l.append(r)
	}
	for i, o := range *l {
		if o.Segment == r.Segment && (o.Daemon == r.Daemon || o.Kind == wire.RepPotential) {
			// The daemon has lost its ring, or joined one; or a guessed address is replaced by a
			// real representative.
			(*l)[i] = r
			return true
		}
	}
	return l.append(r)
}

func (l *repList) append(r wire.Rep) bool {
	if len(*l) >= wire.MaxReps {
		return false
	}
	*l = append(*l, r)
	return true
}

func (l repList) contains(id wire.DaemonID) bool {
	return slices.ContainsFunc(l, func(r wire.Rep) bool { return r.Daemon == id })
}

// without returns a new list without a daemon.
func (l repList) without(id wire.DaemonID) repList {
	return slices.DeleteFunc(slices.Clone(l), func(r wire.Rep) bool { return r.Daemon == id })
}

// compareReps orders representatives. Those of segments come before those of rings, because a
// daemon without a token is to lead the formation. Two of one segment without a ring are equal.
func compareReps(top *topology.Topology, a, b wire.Rep) int {
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind) // segment 1, ring 2
	}
	da, db := top.Daemon(a.Daemon), top.Daemon(b.Daemon)
	if c := cmp.Compare(da.Segment, db.Segment); c != 0 || a.Kind == wire.RepSegment {
		return c
	}
	return cmp.Compare(da.Index, db.Index)
}

// smallest returns the smallest representative. Of equal ones it returns the first, so that each of
// two rivals in a segment takes itself for the smallest.
func (l repList) smallest(top *topology.Topology) wire.Rep {
	return slices.MinFunc(l, func(a, b wire.Rep) int { return compareReps(top, a, b) })
}

// sort puts the smallest representative first.
func (l repList) sort(top *topology.Topology) {
	slices.SortStableFunc(l, func(a, b wire.Rep) int { return compareReps(top, a, b) })
}

// others returns one address to ask in each segment that occurs, except the given one.
func (l repList) others(top *topology.Topology, segment int) (p repList) {
	for _, r := range l {
		if top.Daemon(r.Daemon).Segment != segment {
			r.Kind = wire.RepPotential
			p.insert(top, r)
		}
	}
	return p
}
