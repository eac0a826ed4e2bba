package membership

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkForm decodes a form token. In any state, it refuses what makes peers exit or cannot be true
// (membership-protocol §13).
func (m *Machine) checkForm(e *event) (input, Reason) {
	t := e.token
	in := inputForm1
	switch t.Type & wire.TokenForms {
	case wire.TokenForm1:
	case wire.TokenForm2:
		in = inputForm2
	default:
		return 0, BadType
	}
	if t.Transmitter == m.cfg.Self {
		return 0, OwnInput // nothing that this daemon sends is for itself
	}
	var f wire.Form
	if err := f.Decode(t); err != nil {
		return 0, Malformed
	}
	e.form = f.Value()
	v := &e.form
	if !timesInOrder(t, v) {
		return 0, BadTime
	}
	onToken := v.Members
	if in == inputForm2 {
		onToken = slices.Concat(v.Members, v.Pending)
	}
	if len(onToken) > MaxRing {
		return 0, TooMany
	}
	if r := m.checkIDs(slices.Concat(v.Members, v.Pending)); r != Accepted {
		return 0, r
	}
	if in == inputForm1 {
		if r := m.checkReps(v); r != Accepted {
			return 0, r
		}
	} else if !slices.IsSortedFunc(onToken, m.cfg.Topology.Compare) {
		return 0, OutOfOrder
	}
	return in, m.checkRings(v, onToken, t.Seq, in)
}

// checkIDs checks that the daemons are configured and none is listed twice.
func (m *Machine) checkIDs(ids []wire.DaemonID) Reason {
	for i, id := range ids {
		if m.cfg.Topology.Daemon(id) == nil {
			return UnknownDaemon
		}
		if slices.Contains(ids[:i], id) {
			return NamedTwice
		}
	}
	return Accepted
}

// checkReps checks the representatives of a FORM1, the first of which made it. The representatives
// that it has yet to visit must not be members: it would visit them twice, which makes C daemons
// exit.
func (m *Machine) checkReps(v *wire.FormValue) Reason {
	if len(v.Members) == 0 || v.RepIndex < 1 {
		return Malformed // its maker is its first member
	}
	for i, r := range v.Reps {
		switch {
		case m.cfg.Topology.Daemon(r.Daemon) == nil:
			return UnknownDaemon
		case r.Kind != wire.RepSegment && r.Kind != wire.RepRing:
			return BadKind
		case repList(v.Reps[:i]).contains(r.Daemon),
			i >= int(v.RepIndex) && (slices.Contains(v.Members, r.Daemon) || slices.Contains(v.Pending, r.Daemon)):
			return NamedTwice
		}
	}
	return Accepted
}

// checkRings checks the ring entries. onToken are the daemons that can be in a transitional set.
func (m *Machine) checkRings(v *wire.FormValue, onToken []wire.DaemonID, mark int32, in input) Reason {
	if len(v.Rings) == 0 {
		return Malformed
	}
	var going []wire.DaemonID
	for i := range v.Rings {
		r := &v.Rings[i]
		if slices.ContainsFunc(v.Rings[:i], func(o wire.RingValue) bool { return o.Membership == r.Membership }) {
			return NamedTwice
		}
		if r := m.checkIDs(r.Commit); r != Accepted {
			return r
		}
		if !seqsInOrder(r) || mark <= r.HighestSeq {
			return BadSeq
		}
		for _, id := range r.Commit[:r.NumTrans] {
			if !slices.Contains(onToken, id) || slices.Contains(going, id) {
				return BadTransitional
			}
			going = append(going, id)
		}
		if in == inputForm1 && r.TransTime != 0 || in == inputForm2 && !m.nameIsDue(r, v.Members) {
			return BadTransitional
		}
	}
	return Accepted
}

// seqsInOrder checks that 0 ≤ aru ≤ highest, and that the holes are between them and ascend.
func seqsInOrder(r *wire.RingValue) bool {
	if r.Aru < 0 || r.HighestSeq < r.Aru || r.HighestSeq > maxHighest {
		return false
	}
	last := r.Aru
	for _, h := range r.Holes {
		if h <= last || h > r.HighestSeq {
			return false
		}
		last = h
	}
	return true
}

// timesInOrder checks the times of all ids. Only a daemon that has not been in a ring has the time -1.
// The name of the new ring has no meaning before its first member has read FORM2.
func timesInOrder(t *wire.Token, v *wire.FormValue) bool {
	ok := func(time int32) bool { return time >= -1 && time <= maxTime }
	return ok(t.Membership.Time) && (len(v.Members) == 0 || t.Type&wire.TokenForm2 == 0 || ok(v.ID.Time)) && !slices.ContainsFunc(v.Rings, func(r wire.RingValue) bool {
		return !ok(r.Membership.Time) || !ok(r.TransTime)
	})
}

// nameIsDue checks that the first daemon of a transitional membership to read FORM2 set the
// membership's time, and no daemon set it before.
func (m *Machine) nameIsDue(r *wire.RingValue, read []wire.DaemonID) bool {
	named := slices.ContainsFunc(r.Commit[:r.NumTrans], func(id wire.DaemonID) bool { return slices.Contains(read, id) })
	return named == (r.TransTime != 0)
}

// checkForm1 checks a FORM1 that this daemon is to add to. It refuses a copy that arrives after the
// attempt failed, because that would only disturb the next attempt.
func (m *Machine) checkForm1(e *event) Reason {
	v := &e.form
	if e.token.Membership == m.attempt {
		return AlreadyJoined
	}
	if slices.Contains(v.Members, m.cfg.Self) {
		return NamedTwice
	}
	// If this daemon were already in the transitional set, a C daemon would exit.
	for i := range v.Rings {
		if r := &v.Rings[i]; r.Membership == m.installedID {
			if slices.Contains(r.Commit[:r.NumTrans], m.cfg.Self) || !m.ofMyRing(r, e.token.Membership) {
				return Contradiction
			}
		} else if slices.Contains(r.Commit[:r.NumTrans], m.cfg.Self) {
			return Contradiction
		}
	}
	return Accepted
}

// ofMyRing checks that an entry can be of the installed ring: its daemons were members, and it does
// not claim that all have more than this daemon has.
func (m *Machine) ofMyRing(r *wire.RingValue, attempt wire.MembershipID) bool {
	if slices.ContainsFunc(r.Commit, func(id wire.DaemonID) bool { return !m.installed.Contains(id) }) {
		return false
	}
	return r.Aru <= m.cfg.Old.MyAru() || m.concede(attempt)
}

// maxDisputes is how many attempts may fail because of an aru above what this daemon has.
const maxDisputes = 3

// dispute counts the attempts to form a ring, the last of which is attempt, on which all are said to
// have more than this daemon has.
type dispute struct {
	attempt wire.MembershipID
	count   int
}

// concede reports whether this daemon gives up packets that the others say all have. A single token
// that says so may be forged. If the others insist, they have forgotten the packets, because of an
// earlier wrong number, and without them no ring would ever form.
func (m *Machine) concede(attempt wire.MembershipID) bool {
	if m.dispute.attempt != attempt {
		m.dispute = dispute{attempt, m.dispute.count + 1}
	}
	return m.dispute.count > maxDisputes
}

// checkForm2 checks FORM2 against the attempt that this daemon joined (membership-protocol §7.4).
func (m *Machine) checkForm2(e *event) Reason {
	v := &e.form
	if e.token.Membership != m.attempt {
		return OtherAttempt
	}
	if len(v.Pending) == 0 || v.Pending[0] != m.cfg.Self {
		return NotMyTurn
	}
	if len(v.Members) > 0 && (v.ID.Daemon != v.Members[0] || v.ID == m.installedID || m.wasUsed(v.ID)) {
		return Contradiction
	}
	i := slices.IndexFunc(v.Rings, func(r wire.RingValue) bool { return r.Membership == m.installedID })
	if i < 0 || !m.entered {
		return NoEntry
	}
	if !m.ofMyRing(&v.Rings[i], e.token.Membership) || !follows(&v.Rings[i], &m.ownEntry) {
		return Contradiction
	}
	if t := v.Rings[i].TransTime; t != 0 && m.wasUsed(wire.MembershipID{Daemon: m.first(v.Rings[i].Commit[:v.Rings[i].NumTrans]), Time: t}) {
		return Contradiction
	}
	return Accepted
}

// first returns the daemon of a transitional set that names it.
func (m *Machine) first(transitional []wire.DaemonID) wire.DaemonID {
	return slices.MinFunc(transitional, m.cfg.Topology.Compare)
}

// follows reports whether an entry can have evolved from the one that this daemon put on the token:
// numbers have not fallen, no daemon has left the transitional set, and nothing that this daemon
// had became a hole. Packets that arrived since do not matter, because the ring forgets them.
func follows(r, own *wire.RingValue) bool {
	if r.Aru < own.Aru || r.HighestSeq < own.HighestSeq || r.NumTrans < own.NumTrans ||
		!slices.Equal(r.Commit[:own.NumTrans], own.Commit[:own.NumTrans]) {
		return false
	}
	return !slices.ContainsFunc(r.Holes, func(h int32) bool {
		_, was := slices.BinarySearch(own.Holes, h)
		return h <= own.HighestSeq && !was
	})
}
