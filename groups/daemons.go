package groups

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// daemonSet is a set of daemons: their ranks in the configuration, ascending.
type daemonSet []int

func (s daemonSet) has(rank int) bool {
	_, ok := slices.BinarySearch(s, rank)
	return ok
}

// intersect returns the daemons that are in both sets.
func (s daemonSet) intersect(other daemonSet) daemonSet {
	var both daemonSet
	for _, r := range s {
		if other.has(r) {
			both = append(both, r)
		}
	}
	return both
}

// union returns the daemons that are in at least one of the sets.
func (s daemonSet) union(other daemonSet) daemonSet {
	all := slices.Concat(s, other)
	slices.Sort(all)
	return slices.Compact(all)
}

// within reports whether all daemons of s are in other.
func (s daemonSet) within(other daemonSet) bool { return len(s.intersect(other)) == len(s) }

// setOf returns the set of daemons of a membership. The engine takes them from the configuration.
func (m *Machine) setOf(daemons []wire.DaemonID) daemonSet {
	set := make(daemonSet, 0, len(daemons))
	for _, id := range daemons {
		rank, ok := m.ranks[id]
		if !ok {
			panic(fmt.Sprintf("groups: a membership with daemon %d, which is not configured", id))
		}
		set = append(set, rank)
	}
	slices.Sort(set)
	if len(slices.Compact(slices.Clone(set))) != len(set) {
		panic("groups: a membership with a daemon twice")
	}
	if !set.has(m.self) {
		panic("groups: a membership without its own daemon")
	}
	return set
}
