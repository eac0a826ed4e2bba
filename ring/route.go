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

// sendToAll sends a packet to every member: by unicast to the leaders of the
// other segments, which repeat it there, then to the own segment
// (ring-protocol §10.2).
func (r *Ring) sendToAll(s *slot, out *Effects) {
	for i := range r.route.heads {
		if i != r.segment {
			r.sendToSegment(i, s, out)
		}
	}
	r.sendToSegment(r.segment, s, out)
}

// sendToSegment sends a packet to one segment (ring-protocol §10.4). A segment
// that is configured with one daemon has nobody else to hear its addresses.
func (r *Ring) sendToSegment(i int, s *slot, out *Effects) {
	switch {
	case i != r.segment:
		if head := r.route.heads[i]; head != 0 {
			r.sendPacket(topology.ToDaemon(head), wire.PacketRouted, s, out)
		}
	case !r.segmentAlone:
		r.sendPacket(topology.ToSegment(i), 0, s, out)
	}
}

// sendPacket sends a packet of the table. Whoever sends is its transmitter;
// the maker stays (ring-protocol §14.1).
func (r *Ring) sendPacket(to topology.Target, routed wire.RingType, s *slot, out *Effects) {
	p := wire.Packet{
		Type:        s.kind | routed,
		Transmitter: r.cfg.Self,
		Proc:        s.proc,
		Membership:  r.id,
		Seq:         s.seq,
		TokenRound:  s.round,
		ConfHash:    r.cfg.ConfHash,
		First:       s.first,
	}
	out.Sends = append(out.Sends, topology.Datagram{To: to, Body: s.body.Bytes()})
	d := &out.Sends[len(out.Sends)-1]
	p.AppendHeader(d.Head[:0], len(d.Body))
}

// sendToken sends a token to the successor, in some copies.
func (r *Ring) sendToken(t *wire.Token, copies int, out *Effects) {
	r.scratch = t.Append(r.scratch[:0])
	d := topology.Datagram{
		To:   topology.ToTokenPort(r.route.successor),
		Head: [wire.TokenHeaderLen]byte(r.scratch),
	}
	if body := r.scratch[wire.TokenHeaderLen:]; len(body) > 0 {
		// The driver sends after the step, when scratch may have been used
		// again.
		b := r.cfg.Pool.Get(len(body))
		d.Body = b.Bytes()[:copy(b.Bytes(), body)]
		out.release(b)
	}
	for range copies {
		out.Sends = append(out.Sends, d)
	}
}
