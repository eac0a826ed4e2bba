package ring

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// turn is what a daemon does when it has the token: the steps of ring-protocol §13.3, in order.
// arrived is the token as it came in; an edited copy is forwarded.
func (r *Ring) turn(now clock.Time, arrived *wire.Token, out *Effects) {
	t := *arrived
	t.ByteOrder = wire.LittleEndian
	t.Transmitter = r.cfg.Self
	t.ConfHash = r.cfg.ConfHash

	// 1: what is known, and which port to read.
	uncounted := 0
	if r.state != Recovering {
		uncounted = r.believe(t.Seq, out)
	}
	r.boundFlowControl(&t)
	r.token.accepted++
	r.token.first = false

	// 2: answer requests.
	body, unmet, retransmitted := r.answer(arrived, out)

	// 3: make new packets; on an accelerated ring, the last of them wait.
	first := r.seq.highest + 1
	made := r.makePackets(r.allowance(t.FlowControl), out)
	waiting := r.sendBeforeToken(first, out)

	// 4: flow control.
	r.setFlowControl(&t, made+uncounted, retransmitted)

	// 5, 6: request missing packets.
	r.advance()
	t.Body = r.ask(body, unmet)

	// 7: commit, once everything that can be had of the old ring is here.
	if r.state == Recovering {
		r.commitIfComplete(out)
	}

	// 8, 9, 10: aru, seq, round.
	r.setAru(&t, arrived)
	t.Proc = r.cfg.Self
	if r.state != Recovering {
		t.Seq = r.seq.highest
	}
	if r.route.leads {
		t.Type = t.Type.WithARQ(t.Type.ARQ() + 1).WithRetrans(0)
	}

	// 11: forward the token.
	r.forward(&t, out)

	// 12, 13: the next round begins; the packets that waited follow the token.
	r.token.turns++
	r.restartHurry(now)
	r.restartLoss(now)
	r.sendMade(waiting, out)

	// 14, 15, 16: what is stable.
	before := r.seq.aru
	r.seq.aru = min(t.Aru, r.token.last.Aru)
	r.watch(now, before)
	if r.seq.highest == r.seq.aru {
		r.token.stableTurns++
	} else {
		r.token.stableTurns = 0
	}
	t.Body = nil
	r.token.last = t

	// 17, 18: deliver, or end the recovery.
	r.deliverTurn(first, out)
	if r.isStuck(now) {
		r.lose(NoProgress, out)
	}
}

// forward sends the token to the successor. The leader holds it while there is nothing to do.
func (r *Ring) forward(t *wire.Token, out *Effects) {
	if r.route.leads && r.idleAt(r.seq.highest) {
		return
	}
	copies := 1
	if t.Type.Retrans() > 1 {
		copies = 3
	}
	r.sendToken(t, copies, out)
}

// setAru writes the token's aru: what all are known to have so far in this round (ring-protocol
// §15.1). The third rule compares with the seq that came in, before this daemon's packets: if they
// are equal, all daemons had everything.
func (r *Ring) setAru(t, arrived *wire.Token) {
	lower := t.Aru > r.seq.myAru
	raiseMine := t.AruLast == r.cfg.Self
	allHadAll := r.state != Recovering && t.Aru == arrived.Seq
	if lower || raiseMine || allHadAll {
		t.Aru = r.seq.myAru
		t.AruLast = r.cfg.Self
	}
}

// deliverTurn ends a turn. first is the number of the first packet that the turn made, if any.
func (r *Ring) deliverTurn(first int32, out *Effects) {
	if r.state == Recovering {
		switch {
		case r.seq.aru == r.recovery.lastSeq:
			r.install(out)
		case r.token.turns > MaxRecoveryTurns:
			r.lose(RecoveryStuck, out)
		}
		return
	}
	r.discard(out)
	r.deliverOrdered(out)
	for seq := first; seq <= r.seq.highest; seq++ {
		r.deliverEarly(seq, out)
	}
}
