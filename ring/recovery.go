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

// Recover begins to install a ring. From now on, tokens of the next ring are accepted, and with
// them the members of each old ring complete its packets. Packets that all members of the old ring
// have are delivered at once; they belong to its regular configuration.
//
// A ring of this daemon alone needs no token and is installed within the call. In any other ring,
// the last member makes the first token; the others have forwarded the form token.
//
// Recover panics if this daemon is not a member.
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
	// All are said to have what this daemon lacks: it cannot get that any more.
	r.markHoles(r.AppendMissing(r.scratch.numbers[:0], r.seq.myAru+1, min(rec.Aru, r.seq.highest)), out)
	r.markHoles(rec.Holes, out)
	r.recovery = recovery{
		future:  rec.Future,
		lastSeq: rec.LastSeq,
		commit:  append(r.recovery.commit[:0], rec.Commit...),
	}
	r.token.turns, r.token.accepted, r.token.stuck = 0, 0, 0
	r.token.first = false
	r.seq.aru = 0
	r.state = Recovering
	r.rounds.asked = now
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

// cut forgets packets above the highest number that is known to the daemons on the form token. Only
// daemons that are not on it can have sent them, so the others will not have them
// (membership-protocol §7.4 rule 4).
func (r *Ring) cut(highest int32, out *Effects) {
	// A number beyond the table could never be completed, and none is known.
	highest = min(highest, r.seq.lastDiscarded+MaxPackets)
	for seq := r.seq.highest; seq > highest; seq-- {
		if s := r.table.find(seq); s != nil {
			r.table.remove(s, out)
		}
	}
	r.seq.highest = max(highest, r.seq.lastDiscarded)
	r.seq.myAru = min(r.seq.myAru, r.seq.highest)
}

// markHoles marks the numbers that nobody has, so that the packets can become complete. It then
// finds myAru again, below the first hole.
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

// sendFirstToken makes the first token of the next ring, whose aru every daemon lowers. It sends
// the token twice, like form tokens (ring-protocol §22.2 rule 5).
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

// commitIfComplete notes that this daemon has everything that the recovery can give it. From now on
// it forgets no packet, and says so on the token with an aru above all numbers (ring-protocol
// §22.3).
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

// install ends the old ring and begins the new one, in one step (ring-protocol §22.4,
// membership-protocol §8). Packets before the first hole and the first safe packet belong to the
// old regular configuration. The rest belongs to the transitional one, because only the daemons
// that come along are sure to have it.
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
	r.seq = numbers{}
	r.token.stableTurns = 0
	r.token.afterInstall = true
	r.state = Operational
	r.stats.MembershipChanges++
	out.event(Regular)
}

// deliverRegular delivers up to the first hole or safe packet, and returns the number at which it
// stopped.
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

// deliverTransitional delivers the rest. A hole may hide a message on which later messages of
// daemons outside the commit set depend, so those are not delivered after a hole.
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

// undo reverts a recovery that did not complete (ring-protocol §22.4). In the next one, others may
// have the packet of a number that was a hole.
func (r *Ring) undo() {
	for seq := r.seq.lastDiscarded + 1; seq <= r.seq.highest; seq++ {
		if s := r.table.find(seq); s != nil && s.state == hole {
			*s = slot{}
		}
	}
	r.seq.aru = r.seq.lastDiscarded
	r.countAru()
}
