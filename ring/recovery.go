package ring

import (
	"fmt"
	"math"
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// recovery is what a Ring keeps of a [topology.Recovery].
type recovery struct {
	future    wire.MembershipID
	lastSeq   int32
	commit    []wire.DaemonID
	committed bool
}

// Recover begins to install a ring: tokens of the ring to be are taken, and with
// them the members of each old ring complete what they have of it. What all
// members of the old ring have is delivered at once, and belongs to its regular
// configuration.
//
// A ring of this daemon alone needs no token and is installed within the call. In any
// other, the last member makes the first token; the others have passed the form
// token on.
//
// It panics if this daemon is not a member.
func (r *Ring) Recover(now clock.Time, rec topology.Recovery, out *Effects) {
	if !slices.Contains(rec.Members, r.cfg.Self) {
		panic(fmt.Sprintf("ring: daemon %d is to recover into %v, of which it is no member", r.cfg.Self, rec.Members))
	}
	r.stop() // of an old ring that is still up

	r.route = newRoute(r.cfg.Topology, r.cfg.Self, rec.Members)
	r.token.made, r.token.retransmitted = 0, 0
	r.cut(rec.Highest, out)
	r.seq.aru = min(max(rec.Aru, r.seq.lastDiscarded), r.seq.myAru)
	r.discard(out)
	r.markHoles(rec.Holes, out)
	r.recovery = recovery{
		future:  rec.Future,
		lastSeq: rec.LastSeq,
		commit:  append(r.recovery.commit[:0], rec.Commit...),
	}
	r.token.turns, r.token.accepted = 0, 0
	r.token.first = false
	r.seq.aru = 0
	r.state = Recovering
	if r.route.ring.Len() == 1 {
		r.commitIfComplete(out)
		r.install(out)
		return
	}
	r.restartLoss(now)
	if r.route.ring.Last() == r.cfg.Self {
		r.sendFirstToken(out)
	}
}

// cut forgets packets above the highest number that those on board know: they
// can only come from daemons that are not, and the others will not have them
// (membership-protocol §7.4 rule 4).
func (r *Ring) cut(highest int32, out *Effects) {
	// A number beyond the table would never be complete, and none is known.
	highest = min(highest, r.seq.lastDiscarded+MaxPackets)
	for seq := r.seq.highest; seq > highest; seq-- {
		if s := r.table.find(seq); s != nil {
			r.table.remove(s, out)
		}
	}
	r.seq.highest = max(highest, r.seq.lastDiscarded)
	r.seq.myAru = min(r.seq.myAru, r.seq.highest)
}

// markHoles marks the numbers that nobody has, so that "I have all" can be
// reached, and finds myAru anew, below the first of them.
func (r *Ring) markHoles(holes []int32, out *Effects) {
	for _, seq := range holes {
		if seq <= r.seq.lastDiscarded || seq > r.seq.highest || seq-r.seq.lastDiscarded > MaxPackets {
			continue
		}
		if s := r.table.find(seq); s != nil {
			r.table.remove(s, out)
		}
		r.table.add(seq, r.seq.lastDiscarded).state = hole
	}
	r.countAru()
}

// countAru finds the end of the run of packets above the forgotten ones.
func (r *Ring) countAru() {
	r.seq.myAru = r.seq.lastDiscarded
	for r.seq.myAru < r.seq.highest && r.table.find(r.seq.myAru+1).isPacket() {
		r.seq.myAru++
	}
}

// sendFirstToken makes the first token of the ring to be, whose aru is lowered
// by everybody, and sends it twice, as form tokens are (ring-protocol §22.2
// rule 5).
func (r *Ring) sendFirstToken(out *Effects) {
	t := wire.Token{
		Transmitter: r.cfg.Self,
		Proc:        r.cfg.Self,
		Membership:  r.recovery.future,
		Aru:         math.MaxInt32,
		AruLast:     wire.NoDaemon,
		ConfHash:    r.cfg.ConfHash,
	}
	r.sendToken(&t, 2, out)
	r.token.turns = 1
}

// commitIfComplete notes that this daemon has all that the recovery can give
// it. From here on it forgets no packet, and says so on the token by an aru
// above all numbers (ring-protocol §22.3).
func (r *Ring) commitIfComplete(out *Effects) {
	if r.recovery.committed {
		return
	}
	r.advance()
	if r.seq.myAru != r.seq.highest {
		return
	}
	r.recovery.committed = true
	r.seq.myAru = r.recovery.lastSeq
	out.event(Committed)
}

// install ends the old ring and begins the new one, in one step (ring-protocol
// §22.4, membership-protocol §8). What is delivered before the first hole and
// the first safe packet belongs to the old regular configuration; the rest, of which
// only those that came along are sure to have it, to the transitional one.
func (r *Ring) install(out *Effects) {
	next := r.deliverRegular(out)
	out.event(Transitional)
	r.deliverTransitional(next, out)
	for seq := r.seq.lastDiscarded + 1; seq <= r.seq.highest; seq++ {
		if s := r.table.find(seq); s != nil {
			r.table.remove(s, out)
		}
	}
	r.dropPartials(out)
	r.forget()
	r.sending.users.again()
	r.sending.groups.again()
	r.id = r.recovery.future
	r.seq.highest, r.seq.myAru, r.seq.aru, r.seq.lastDiscarded, r.seq.lastDelivered = 0, 0, 0, 0, 0
	r.token.stableTurns = 0
	r.token.afterInstall = true
	r.state = Operational
	r.stats.MembershipChanges++
	out.event(Regular)
}

// deliverRegular delivers up to the first hole or safe packet and returns the
// number at which it stopped.
func (r *Ring) deliverRegular(out *Effects) int32 {
	seq := r.seq.lastDiscarded + 1
	for ; seq <= r.seq.highest; seq++ {
		s := r.table.find(seq)
		if !s.isPacket() || s.state == have && s.service == Safe {
			break
		}
		if s.state == have {
			r.deliver(s, out)
		}
	}
	return seq
}

// deliverTransitional delivers the rest. A hole may hide a message on which
// later ones of daemons outside the commit set depend, so theirs are not delivered after
// it.
func (r *Ring) deliverTransitional(seq int32, out *Effects) {
	afterHole := false
	for ; seq <= r.seq.highest; seq++ {
		s := r.table.find(seq)
		switch {
		case !s.isPacket():
			afterHole = true
		case s.state == have && (!afterHole || slices.Contains(r.recovery.commit, s.proc)):
			r.deliver(s, out)
		}
	}
}

// undo takes a recovery back that did not come to its end (ring-protocol §22.4):
// what was a hole may be had from others in the next one.
func (r *Ring) undo() {
	for seq := r.seq.lastDiscarded + 1; seq <= r.seq.highest; seq++ {
		if s := r.table.find(seq); s != nil && s.state == hole {
			*s = slot{}
		}
	}
	r.seq.aru = r.seq.lastDiscarded
	r.countAru()
}
