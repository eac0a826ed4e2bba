package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// The messages in this file are those of client-protocol §10 and groups-protocol §10. They are
// little-endian, with the marker.

// header returns the common header of membership messages: the group is in the sender's place.
func header(t wire.Type, group wire.Name) wire.Header {
	return wire.Header{Type: t, Sender: group, Hint: wire.MakeHint(0)}
}

// selfLeave returns the message that tells a member that it has left.
func selfLeave(group wire.Name) []byte {
	m := wire.Message{Header: header(wire.CausedByLeave, group)}
	return m.Append(nil)
}

// transitionalSignal returns the message that ends a view: later messages, up to the next view, are
// ordered only among the members that come along.
func transitionalSignal(group wire.Name, id wire.GroupID) []byte {
	p := wire.Membership{ID: id}
	m := wire.Message{
		Header:  header(wire.Transitional, group),
		Payload: p.Append(nil, wire.Transitional),
	}
	return m.Append(nil)
}

// lightView returns the view after a join, leave or disconnect. Its one set holds just the member
// that came or left.
func lightView(g *group, cause wire.Type, member wire.Name) []byte {
	return encodeView(g, cause, wire.Membership{
		ID:      g.id,
		NumSets: 1,
		Sets:    wire.AppendSet(nil, wire.LittleEndian, member),
	})
}

func encodeView(g *group, cause wire.Type, p wire.Membership) []byte {
	t := wire.RegularMembership | cause
	names := make([]byte, 0, wire.NameLen*len(g.members))
	for _, p := range g.members {
		names = append(names, p.name[:]...)
	}
	m := wire.Message{
		Header:      header(t, g.name),
		GroupFields: names,
		Payload:     p.Append(nil, t),
	}
	return m.Append(make([]byte, 0, wire.HeaderLen+len(m.GroupFields)+len(m.Payload)))
}

// view holds the virtual synchrony sets of a network-caused view.
type view struct {
	sets    []byte
	offsets []int       // of each set in sets
	ranks   map[int]int // daemon to the index of its set
}

// networkView partitions the members of a group by their origin (groups-protocol §10.2).
// Established daemons come first, by the membership that they brought, in the order of its wrapped
// difference. Lost daemons follow, each by itself. A joiner, if there is one, is last.
func networkView(g *group, joiner wire.Name, joinerRank int) view {
	daemons := slices.Collect(g.daemons())
	slices.SortStableFunc(daemons, func(a, b daemonMembers) int {
		switch {
		case a.partitioned != b.partitioned:
			if b.partitioned {
				return -1
			}
			return 1
		case a.partitioned:
			return 0
		}
		if c := a.view.Compare(b.view); c != 0 {
			return c
		}
		return g.sideOf(&a) - g.sideOf(&b)
	})
	g.joinSets(daemons)
	v := view{ranks: make(map[int]int, len(daemons))}
	var members []wire.Name
	for i := range daemons {
		d := &daemons[i]
		for _, p := range d.members {
			if joiner == (wire.Name{}) || d.rank != joinerRank || p.name != joiner {
				members = append(members, p.name)
			}
		}
		v.ranks[d.rank] = len(v.offsets)
		if i == len(daemons)-1 || !g.together(d, &daemons[i+1]) {
			v.add(members)
			members = members[:0]
		}
	}
	if joiner != (wire.Name{}) {
		v.add([]wire.Name{joiner})
	}
	return v
}

// joinSets moves daemons of the same set next to each other in a sorted list. They are
// already, unless wrapped differences form a cycle: then no order is sorted, and a set would fall
// apart (groups-protocol §10.2).
func (g *group) joinSets(daemons []daemonMembers) {
	for i := 1; i < len(daemons) && !daemons[i].partitioned; i++ {
		for j := i; j < len(daemons) && !daemons[j].partitioned; j++ {
			if d := daemons[j]; g.together(&d, &daemons[i-1]) {
				copy(daemons[i+1:j+1], daemons[i:j])
				daemons[i] = d
				break
			}
		}
	}
}

func (v *view) add(members []wire.Name) {
	v.offsets = append(v.offsets, len(v.sets))
	v.sets = wire.AppendSet(v.sets, wire.LittleEndian, members...)
}

func (v *view) ownSet(rank int) int { return v.offsets[v.ranks[rank]] }

func (v *view) lastSet() int { return v.offsets[len(v.offsets)-1] }

func (v *view) encode(g *group, own int) []byte {
	return encodeView(g, wire.CausedByNetwork, wire.Membership{
		ID:      g.id,
		NumSets: len(v.offsets),
		OwnSet:  own,
		Sets:    v.sets,
	})
}
