package ring

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// HandleHurry takes a hurry packet: a member has something to send, and believes that the leader
// holds the token (ring-protocol §19.3).
func (r *Ring) HandleHurry(now clock.Time, p *wire.Packet, out *Effects) Reason {
	switch {
	case p.Type.Kind() != wire.KindHurry:
		return r.count(NotData)
	case r.state == Down || !r.route.ring.Contains(p.Proc):
		return r.count(HurryStranger)
	case !r.route.leads || !r.idle():
		return r.count(HurryIgnored)
	}
	r.letGo(now, out)
	return r.count(HurryTaken)
}

// idle reports whether the leader holds the token, as far as this daemon can know. A packet behind a
// gap that no token has counted says nothing: it may be forged.
func (r *Ring) idle() bool { return r.idleAt(max(r.token.last.Seq, r.seq.myAru)) }

// idleAt reports whether the leader holds the token if the packets reach up to a number: every packet
// is stable and was a turn ago, and the last round needed at most one repeat (ring-protocol §19.1).
func (r *Ring) idleAt(highest int32) bool {
	return r.state == Operational && r.route.ring.Len() > 1 &&
		r.token.last.Type.Retrans() <= 1 && r.seq.aru == highest && r.token.stableTurns > 1
}

// letGo sends the token that is held. Resetting the counter makes the leader ignore further hurries
// until the ring is idle again.
func (r *Ring) letGo(now clock.Time, out *Effects) {
	r.token.stableTurns = 0
	r.repeat(now, out)
}

// hurry asks the leader for the token if it seems to hold it, because there is something to send
// now and was not before (ring-protocol §19.3).
func (r *Ring) hurry(now clock.Time, out *Effects) {
	if !r.idle() {
		return
	}
	r.rounds.asked = now
	if r.route.leads {
		r.letGo(now, out)
		return
	}
	p := wire.Packet{Type: wire.PacketHurry, Transmitter: r.cfg.Self, Proc: r.cfg.Self, ConfHash: r.cfg.ConfHash}
	d := topology.Datagram{To: topology.ToDaemon(r.route.leader)}
	p.Append(d.Head[:0])
	out.Sends = append(out.Sends, d)
}

// Awaits reports whether the token is expected, because there is something to do, and since when: it
// was here then, or was asked for.
func (r *Ring) Awaits() (since clock.Time, expected bool) {
	if r.state == Down || r.route.ring.Len() == 1 || r.idle() && r.sending.users.len()+r.sending.groups.len() == 0 {
		return 0, false
	}
	return max(r.rounds.last, r.rounds.asked), true
}

// repeat sends the last token again, or for the first time if it was held. The leader's timer calls
// it (ring-protocol §13.4).
func (r *Ring) repeat(now clock.Time, out *Effects) {
	r.token.last.Type = r.token.last.Type.WithRetrans(r.token.last.Type.Retrans() + 1)
	r.stats.TokenHurries++
	r.restartHurry(now)
	r.sendAgain(out)
}

// sendAgain repeats the last token without its requests. It sends one copy, one more on the way to
// another segment of a wide network, and two more if an earlier repeat did not help (ring-protocol
// §13.4).
func (r *Ring) sendAgain(out *Effects) {
	copies := 1
	if r.cfg.Wide && r.route.segmentEnd {
		copies++
	}
	if r.token.last.Type.Retrans() > 1 {
		copies += 2
	}
	r.sendToken(&r.token.last, copies, out)
}
