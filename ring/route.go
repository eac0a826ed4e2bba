package ring

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// route says where this daemon sends tokens and packets in one ring (ring-protocol §10.1).
type route struct {
	ring        topology.Ring
	leader      wire.DaemonID
	successor   wire.DaemonID
	predecessor wire.DaemonID
	// leads reports that this daemon is the leader, segmentEnd that it is the last member of its
	// segment.
	leads, segmentEnd bool
	// heads are the leaders of the segments, 0 for a segment without a member.
	heads []wire.DaemonID
	// segments is the number of segments with members.
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
