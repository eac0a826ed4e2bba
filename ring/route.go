package ring

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// route is the way of tokens and packets in one ring, as its daemon Self sees
// it (ring-protocol §10.1).
type route struct {
	ring        topology.Ring
	leader      wire.DaemonID
	successor   wire.DaemonID
	predecessor wire.DaemonID
	// leads: this daemon is the leader. segmentEnd: it is the last of its
	// segment.
	leads, segmentEnd bool
	// heads are the leaders of the segments, 0 where a segment has no
	// member.
	heads []wire.DaemonID
	// segments counts those with members.
	segments int
}

func newRoute(t *topology.Topology, self wire.DaemonID, members []wire.DaemonID) route {
	ring := t.Ring(members)
	r := route{
		ring:        ring,
		leader:      ring.Leader(),
		successor:   ring.Successor(self),
		predecessor: ring.Predecessor(self),
		leads:       ring.Leader() == self,
		segmentEnd:  ring.LastOfSegment(self),
		heads:       make([]wire.DaemonID, len(t.Segments())),
	}
	for i := range r.heads {
		if head, ok := ring.SegmentLeader(i); ok {
			r.heads[i] = head
			r.segments++
		}
	}
	return r
}
