package groups

import (
	"bytes"
	"iter"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// group is a named set of members. There may be a million, most of them with one member, so it holds
// only what all of them need.
type group struct {
	name wire.Name
	id   wire.GroupID // of its view
	// changed reports that the members are not those of the last view, or did not all come from
	// there together. The next agreed regular membership gives them another view.
	changed bool
	members []*member // by the ranks of their daemons, then bytewise by name
	more    *more     // or nil
}

// member is a client in groups. Its name is stored once, however many groups it is in.
type member struct {
	name    wire.Name
	rank    int       // of its daemon
	in      groupList // its groups
	session *session  // or nil if the client is not local
}

// more is what only groups with messages, or in an exchange, need.
type more struct {
	// messages and bytes count what was sent to the group, for people.
	messages, bytes uint64
	meeting         *meeting // or nil
}

// meeting is what a group needs until its members have a view that shows where each came from.
type meeting struct {
	// sides are where the daemons came from, while an exchange has brought together several.
	sides []side
	// apart are the daemons that have left, or came into the view with another membership than that of
	// its id.
	apart []origin
}

// origin is where a daemon's members of a group came from.
type origin struct {
	rank int // place of the daemon in the configuration
	// view is the membership with which the daemon came into the group's view. Daemons with equal
	// ones form a virtual synchrony set.
	view wire.MembershipID
	// partitioned reports that the daemon has left the daemons' membership.
	partitioned bool
}

// daemonMembers are the members of a group at one daemon.
type daemonMembers struct {
	origin
	members []*member // a part of the group's
}

// side is a synced set that came into an exchange with members of a group. To it the group was
// unchanged or not.
type side struct {
	daemons daemonSet
	changed bool
}

// extra returns what only few groups need.
func (g *group) extra() *more {
	if g.more == nil {
		g.more = new(more)
	}
	return g.more
}

// meet returns the group's meeting.
func (g *group) meet() *meeting {
	x := g.extra()
	if x.meeting == nil {
		x.meeting = new(meeting)
	}
	return x.meeting
}

// part ends the group's meeting, when its members have a view.
func (g *group) part() {
	if g.more != nil {
		g.more.meeting = nil
	}
}

func (g *group) sides() []side {
	if g.more == nil || g.more.meeting == nil {
		return nil
	}
	return g.more.meeting.sides
}

// apart returns the origins of a meeting, in the memory that the group has.
func (g *group) apart() []origin {
	if g.more == nil || g.more.meeting == nil {
		return nil
	}
	return g.more.meeting.apart
}

// origin returns where a daemon's members came from: usually with the membership of the group's id.
func (g *group) origin(rank int) origin {
	for _, o := range g.apart() {
		if o.rank == rank {
			return o
		}
	}
	return origin{rank: rank, view: membershipOf(g.id)}
}

// place records where the members of a daemon came from that had none in the group.
func (g *group) place(o origin) {
	if o.partitioned || o.view != membershipOf(g.id) {
		x := g.meet()
		x.apart = append(x.apart, o)
	}
}

// displace forgets where the members of a daemon came from, which are gone.
func (g *group) displace(rank int) {
	if list := g.apart(); list != nil {
		g.more.meeting.apart = slices.DeleteFunc(list, func(o origin) bool { return o.rank == rank })
	}
}

// sideOf returns the first of the group's daemons that came from the same side as d, if the group was
// unchanged there. Members of two such sides have never been in one view, even if their memberships
// have one id, because a leader that was restarted used it again. Otherwise it returns -1: sides with
// changes may have parted in an exchange that broke (groups-protocol §6.5).
func (g *group) sideOf(d *daemonMembers) int {
	for _, s := range g.sides() {
		if s.changed || !s.daemons.has(d.rank) {
			continue
		}
		for o := range g.daemons() {
			if s.daemons.has(o.rank) {
				return o.rank
			}
		}
	}
	return -1
}

// together reports whether two daemons form a virtual synchrony set.
func (g *group) together(a, b *daemonMembers) bool {
	return !a.partitioned && !b.partitioned && a.view == b.view && g.sideOf(a) == g.sideOf(b)
}

// daemons yields the daemons with members, by rank. The group must not change meanwhile.
func (g *group) daemons() iter.Seq[daemonMembers] {
	return func(yield func(daemonMembers) bool) {
		for rest := g.members; len(rest) > 0; {
			rank := rest[0].rank
			n := firstFrom(rest, rank+1)
			if !yield(daemonMembers{g.origin(rank), rest[:n]}) {
				return
			}
			rest = rest[n:]
		}
	}
}

// of returns the members at one daemon.
func (g *group) of(rank int) []*member {
	from := g.members[firstFrom(g.members, rank):]
	return from[:firstFrom(from, rank+1)]
}

// firstFrom returns the place of the first member at a daemon of a rank or behind it.
func firstFrom(list []*member, rank int) int {
	if len(list) == 0 || list[len(list)-1].rank < rank {
		return len(list)
	}
	i, _ := slices.BinarySearchFunc(list, rank, func(p *member, rank int) int {
		if p.rank < rank {
			return -1
		}
		return 1
	})
	return i
}

// find returns the place where a member is or belongs.
func (g *group) find(rank int, name *wire.Name) (int, bool) {
	return slices.BinarySearchFunc(g.members, name, func(p *member, name *wire.Name) int { return p.compare(rank, name) })
}

func (g *group) has(rank int, name *wire.Name) bool {
	_, ok := g.find(rank, name)
	return ok
}

// add adds a member that is not in the group.
func (g *group) add(p *member) {
	i, _ := g.find(p.rank, &p.name)
	g.members = slices.Insert(g.members, i, p)
}

// remove removes a member.
func (g *group) remove(rank int, name *wire.Name) {
	if i, ok := g.find(rank, name); ok {
		g.members = slices.Delete(g.members, i, i+1)
	}
	if len(g.of(rank)) == 0 {
		g.displace(rank)
	}
}

func compareNames(a, b wire.Name) int { return bytes.Compare(a[:], b[:]) }

// compare compares a member with one of a name at a daemon, in the order of members in a group.
func (p *member) compare(rank int, name *wire.Name) int {
	if p.rank != rank {
		return p.rank - rank
	}
	return bytes.Compare(p.name[:], name[:])
}

func compareMembers(a, b *member) int { return a.compare(b.rank, &b.name) }

// names appends the names of members to a list.
func names(list []wire.Name, members []*member) []wire.Name {
	for _, p := range members {
		list = append(list, p.name)
	}
	return list
}
