package ring

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// unmet says how the requests that this daemon could not answer widen its own: it asks for every
// daemon that asked before (ring-protocol §14.1).
type unmet struct {
	any     bool // some daemon misses what I miss too
	outside bool // one of another segment
}

// answer removes the requests for packets of this ring from a token, and sends the packets that are
// here at once. It returns the token's body without these requests, how to widen this daemon's own
// request, and how many packets it sent.
func (r *Ring) answer(t *wire.Token, out *Effects) (body []byte, u unmet, sent int) {
	body = r.scratch.body[:0]
	requests := t.Requests()
	carried := 0
	for q, ok := requests.Next(); ok; q, ok = requests.Next() {
		switch {
		case q.Membership == r.id:
			sent += r.answerOne(&q, &u, out)
		case r.state == Recovering && carried < maxCarried:
			carried++
			body = r.carryOn(body, &q)
		default:
			// Nobody would ever take it off the token.
			r.count(RequestIgnored)
		}
	}
	return body, u, sent
}

// carryOn copies the request of another ring's member. That occurs only while several rings recover
// together.
func (r *Ring) carryOn(body []byte, q *wire.Request) []byte {
	r.scratch.numbers = r.scratch.numbers[:0]
	for i := range q.NumSeqs() {
		r.scratch.numbers = append(r.scratch.numbers, q.Seq(i))
	}
	return wire.AppendRequest(body, wire.LittleEndian, q.Membership, q.Proc, q.Segment, r.scratch.numbers...)
}

// answerOne answers one request.
func (r *Ring) answerOne(q *wire.Request, u *unmet, out *Effects) (sent int) {
	if !r.canSendTo(q) {
		r.count(RequestIgnored)
		return 0
	}
	// Numbers must ascend, be above what all have, and be known to exist.
	last := max(r.seq.aru, r.seq.lastDiscarded)
	for i := range q.NumSeqs() {
		seq := q.Seq(i)
		s := r.table.find(seq)
		switch {
		case seq <= last || seq > r.seq.highest || s != nil && s.state == hole:
			r.count(RequestIgnored)
			continue
		case s == nil:
			u.any = true
			u.outside = u.outside || int(q.Segment) != r.self.segment
		default:
			r.retransmit(s, q, out)
			sent++
		}
		last = seq
	}
	return sent
}

// canSendTo reports whether a request names a receiver that packets can be sent to.
func (r *Ring) canSendTo(q *wire.Request) bool {
	switch {
	case q.Proc != wire.NoDaemon:
		return q.Proc != r.cfg.Self && r.cfg.Topology.Daemon(q.Proc) != nil
	case q.Segment != wire.NoSegment:
		return q.Segment >= 0 && int(q.Segment) < len(r.route.heads)
	default:
		return true
	}
}

// retransmit sends a packet again, to the receivers that the request names.
func (r *Ring) retransmit(s *slot, q *wire.Request, out *Effects) {
	r.stats.Retrans++
	switch {
	case q.Proc != wire.NoDaemon:
		r.stats.RetransDaemon++
		r.sendPacket(topology.ToDaemon(q.Proc), 0, s, out)
	case q.Segment != wire.NoSegment:
		r.stats.RetransSegment++
		r.sendToSegment(int(q.Segment), s, out)
	default:
		r.stats.RetransAll++
		r.sendToAll(s, out)
	}
}

const (
	requestHeaderLen = 16 // of an entry (ring-protocol §8)
	// maxTokenBody keeps a token with this daemon's requests in one frame. A token that IP
	// fragments is lost more easily, exactly when much is being lost (ring-protocol §14.2).
	maxTokenBody = wire.MaxPacket - wire.TokenHeaderLen
	// maxCarried is how many other rings can recover beside this one.
	maxCarried = wire.MaxRings - 1
	// minAsked is how many numbers are asked for even if the requests of other rings leave less room.
	minAsked = 32
)

// ask appends this daemon's own request to a token's body: all missing numbers up to those that
// must have been sent by now. On an accelerated ring, these are the numbers that the token of the
// previous turn counted; packets of this round may still be on their way (ring-protocol §14.2).
func (r *Ring) ask(body []byte, u unmet) []byte {
	r.scratch.body = body
	upTo := r.seq.highest
	if r.cfg.Accelerated && r.state != Recovering {
		upTo = r.token.last.Seq
	}
	room := max(maxTokenBody-r.cfg.Overhead-len(body)-requestHeaderLen, min(4*minAsked, wire.MaxTokenBody-len(body)-requestHeaderLen)) / 4
	if r.seq.myAru >= upTo || room < 2 {
		return body
	}
	r.scratch.numbers = r.scratch.numbers[:0]
	for seq := r.seq.myAru + 1; seq <= upTo && len(r.scratch.numbers) < room; seq++ {
		if r.table.find(seq) == nil {
			r.scratch.numbers = append(r.scratch.numbers, seq)
		}
	}
	if len(r.scratch.numbers) == 0 {
		return body
	}
	r.seq.asked = max(r.seq.asked, r.scratch.numbers[len(r.scratch.numbers)-1])
	proc, segment := r.cfg.Self, int16(r.self.segment)
	if u.any {
		proc = wire.NoDaemon
	}
	if u.outside {
		segment = wire.NoSegment
	}
	r.scratch.body = wire.AppendRequest(body, wire.LittleEndian, r.id, proc, segment, r.scratch.numbers...)
	return r.scratch.body
}
