package ring

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// HandleToken takes a regular token that has passed the checks of ring-protocol §9. A token that is
// refused is swallowed: the leader repeats it, or the ring is lost.
func (r *Ring) HandleToken(now clock.Time, t *wire.Token, out *Effects) Reason {
	v := r.checkToken(t)
	if v == TokenTaken {
		v = r.checkRound(t)
	}
	if v == TokenTaken {
		v = r.checkProgress(t)
	}
	if v == TokenTaken {
		v = r.checkAccount(t)
	}
	switch v {
	case TokenTaken:
		r.rounds.turn(now, r.state == Operational && !r.token.afterInstall)
		// After a recovery the token still carries the recovery's aru. Forgetting the aru that was
		// sent keeps it out of this ring's (ring-protocol §13.2).
		if r.token.afterInstall {
			r.token.afterInstall = false
			r.token.last.Aru = 0
		}
		if t.Type.Retrans() > 0 && !r.route.leads {
			r.stats.TokenHurries++
		}
		r.turn(now, t, out)
	case TokenRepeated:
		r.token.last.Type = r.token.last.Type.WithRetrans(t.Type.Retrans())
		r.sendAgain(out)
	default:
	}
	return r.count(v)
}

// checkToken decides whether a token may be used at all (ring-protocol §9 rules 7 to 11, §25).
func (r *Ring) checkToken(t *wire.Token) Reason {
	switch {
	case t.Type&wire.TokenForms != 0:
		return TokenNotRegular
	case r.state == Down || r.route.ring.Len() == 1:
		return TokenUnexpected
	case t.Membership != r.tokenID():
		return TokenForeign
	case t.Transmitter != r.route.predecessor:
		return TokenStranger
	case t.Seq < 0 || t.Aru < 0 || t.CheckRequests() != nil:
		return TokenMalformed
	case r.state == Recovering && t.Seq != 0:
		return TokenTooFar // the new ring has no packets yet
	case t.Seq > MaxSeq:
		return TokenSpent
	case r.state != Recovering && int64(t.Seq) > r.farthest():
		return TokenTooFar
	}
	return TokenTaken
}

// tokenID names the ring whose token this daemon expects.
func (r *Ring) tokenID() wire.MembershipID {
	if r.state == Recovering {
		return r.recovery.future
	}
	return r.id
}

// checkRound distinguishes new tokens from old and repeated ones, by the round number, which the
// leader counts, and the number of repeats (ring-protocol §13.1).
func (r *Ring) checkRound(t *wire.Token) Reason {
	mine, its := r.token.last.Type, t.Type
	switch {
	case r.route.leads && its.ARQ() == mine.ARQ():
		return TokenTaken
	case r.route.leads:
		return TokenOld
	case its.ARQ() == mine.ARQ() && its.Retrans() > mine.Retrans():
		return TokenRepeated
	case its.ARQ() == (mine.ARQ()+1)&0xf:
		return TokenTaken
	default:
		return TokenOld
	}
}

// checkProgress refuses a new token that contradicts an earlier one, or itself.
func (r *Ring) checkProgress(t *wire.Token) Reason {
	// The first token of a recovery has an aru that all lower, and the first one after it may have one
	// that stands for all packets of the old rings (ring-protocol §22.2, §22.3).
	recovering := r.state == Recovering
	switch {
	case !r.route.ring.Contains(t.AruLast) && (t.AruLast != wire.NoDaemon || !recovering):
		return TokenAruStranger
	case t.Aru < r.seq.aru:
		// All members have the packets up to this daemon's aru, so none had reason to lower the
		// token's aru below it. Taking the token would mean asking for packets that others have
		// forgotten.
		return TokenAruDecreases
	case !recovering && t.Seq < r.token.last.Seq:
		return TokenSeqDecreases
	case !recovering && t.Aru > t.Seq && !r.token.afterInstall:
		return TokenAruAhead
	default:
		return TokenTaken
	}
}
