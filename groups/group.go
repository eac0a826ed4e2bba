package groups

import (
	"bytes"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// group is a named set of members.
type group struct {
	name wire.Name
	id   wire.GroupID // of its view
	// changed reports that the members are not those of the last view, or did not all come from
	// there together. The next agreed regular membership gives them another view.
	changed bool
	daemons []*daemonMembers // by rank; none is empty
	// sides are where the daemons came from, while an exchange has brought together several.
	sides []side
	local []*session // the members that are local sessions, in order of joining
	// messages and bytes count what was sent to the group, for people.
	messages, bytes uint64
}

// daemonMembers are the members of a group at one daemon.
type daemonMembers struct {
	rank int // place of the daemon in the configuration
	// view is the membership with which the daemon came into the group's view. Daemons with equal
	// ones form a virtual synchrony set.
	view wire.MembershipID
	// partitioned reports that the daemon has left the daemons' membership.
	partitioned bool
	members     []wire.Name // bytewise
}

// side is a synced set that came into an exchange with members of a group. To it the group was
// unchanged or not.
type side struct {
	daemons daemonSet
	changed bool
}

// sideOf returns the first of the group's daemons that came from the same side as d, if the group was
// unchanged there. Members of two such sides have never been in one view, even if their memberships
// have one id, because a leader that was restarted used it again. Otherwise it returns -1: sides with
// changes may have parted in an exchange that broke (groups-protocol §6.5).
func (g *group) sideOf(d *daemonMembers) int {
	for _, s := range g.sides {
		if !s.changed && s.daemons.has(d.rank) {
			first := slices.IndexFunc(g.daemons, func(o *daemonMembers) bool { return s.daemons.has(o.rank) })
			return g.daemons[first].rank
		}
	}
	return -1
}

// together reports whether two daemons form a virtual synchrony set.
func (g *group) together(a, b *daemonMembers) bool {
	return !a.partitioned && !b.partitioned && a.view == b.view && g.sideOf(a) == g.sideOf(b)
}

func (g *group) find(rank int) (int, bool) {
	return slices.BinarySearchFunc(g.daemons, rank, func(d *daemonMembers, r int) int { return d.rank - r })
}

func (g *group) daemon(rank int) *daemonMembers {
	if i, ok := g.find(rank); ok {
		return g.daemons[i]
	}
	return nil
}

func (g *group) addDaemon(rank int, view wire.MembershipID) *daemonMembers {
	i, _ := g.find(rank)
	d := &daemonMembers{rank: rank, view: view}
	g.daemons = slices.Insert(g.daemons, i, d)
	return d
}

func (g *group) dropDaemon(d *daemonMembers) {
	if i, ok := g.find(d.rank); ok {
		g.daemons = slices.Delete(g.daemons, i, i+1)
	}
}

func (g *group) has(rank int, member wire.Name) bool {
	d := g.daemon(rank)
	return d != nil && d.has(member)
}

// numMembers returns the number of members at all daemons.
func (g *group) numMembers() int {
	n := 0
	for _, d := range g.daemons {
		n += len(d.members)
	}
	return n
}

func compareNames(a, b wire.Name) int { return bytes.Compare(a[:], b[:]) }

func (d *daemonMembers) find(member wire.Name) (int, bool) {
	return slices.BinarySearchFunc(d.members, member, compareNames)
}

func (d *daemonMembers) has(member wire.Name) bool {
	_, ok := d.find(member)
	return ok
}

func (d *daemonMembers) add(member wire.Name) {
	i, _ := d.find(member)
	d.members = slices.Insert(d.members, i, member)
}

func (d *daemonMembers) remove(member wire.Name) {
	if i, ok := d.find(member); ok {
		d.members = slices.Delete(d.members, i, i+1)
	}
}
