package ring

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// What arrives may be forged, or damaged by who sent it. This file holds the numbers on packets and
// tokens to what the protocol allows, so that one datagram cannot stop the ring. docs/spec/bounds.md
// lists all bounds.

// maxStuck is the number of token timeouts after which a ring without progress is given up.
const maxStuck = 4

// farthest returns the largest number that a correct daemon can have reached. A daemon makes packets
// while at most maxUnstable are above its aru, which is not above what this daemon has, and then at
// most maxUnstable at once (ring-protocol §16.1, §16.3).
func (r *Ring) farthest() int64 {
	return min(int64(r.seq.lastDiscarded)+MaxPackets, int64(r.seq.myAru)+2*maxUnstable)
}

// believe takes the token's seq for the highest number that exists. Every packet that was sent before
// the token is counted in it, so packets above it are forged, and are dropped. Those that follow
// without a gap may be delivered already: they stay, and enter the order here. It returns how many
// these are.
func (r *Ring) believe(seq int32, out *Effects) (uncounted int) {
	known := max(seq, r.seq.myAru)
	for above := r.seq.highest; above > known; above-- {
		if s := r.table.find(above); s != nil {
			r.count(BeyondToken)
			r.table.remove(s, out)
		}
	}
	r.seq.highest = known
	return int(known - seq)
}

// checkAccount compares the packets that the token has gained since this daemon had it with its flow
// control, which counts what each daemon has sent in its last turn (ring-protocol §16.2).
func (r *Ring) checkAccount(t *wire.Token) Reason {
	sent := r.token.made + r.token.retransmitted
	if r.state != Recovering {
		sent += int(t.Seq - r.token.last.Seq)
	}
	if int(t.FlowControl) < sent {
		return TokenMiscounted
	}
	return TokenTaken
}

// boundFlowControl lowers a flow control that counts more than all members can have sent. Otherwise
// no daemon would ever send again, because each takes off only what it has added. Besides the new
// packets, the others can have sent each unstable packet again, once for each of them.
func (r *Ring) boundFlowControl(t *wire.Token) {
	if r.state != Operational {
		return
	}
	others := int64(r.route.ring.Len() - 1)
	most := int64(r.token.made+r.token.retransmitted) + int64(t.Seq-r.token.last.Seq) + others*int64(t.Seq-r.seq.aru)
	if int64(t.FlowControl) > most {
		r.count(FlowControlExceeded)
		t.FlowControl = int16(most)
	}
}

// watch notes at the end of a turn whether the ring makes progress: its aru grows, or there is
// nothing left to do.
func (r *Ring) watch(now clock.Time, before int32) {
	switch {
	case r.state != Operational, r.seq.aru > before, r.seq.aru == r.seq.highest:
		r.token.stuck = 0
	case r.token.stuck == 0:
		r.token.stuck = now
	}
}

// isStuck reports whether the token has gone round for some token timeouts without progress. A number
// that nobody has a packet for causes that, or a member that gets tokens but no packets.
func (r *Ring) isStuck(now clock.Time) bool {
	return r.token.stuck != 0 && now.Sub(r.token.stuck) >= maxStuck*(r.cfg.TokenTimeout+r.stretch)
}
