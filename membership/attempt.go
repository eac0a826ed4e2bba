package membership

import (
	"math"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

const (
	// recoveryGap is how far the recovery mark is above a daemon's highest number
	// (membership-protocol §7.2).
	recoveryGap = 3333
	// maxHighest prevents an overflow of the mark. Rings end far below it, at 2^30.
	maxHighest = math.MaxInt32 - recoveryGap
	// maxTime leaves times for a million more ids before they would wrap.
	maxTime = math.MaxInt32 - 1<<20
	// maxTimeAhead bounds, in seconds, how far an id that others hold of an earlier life of this daemon
	// can be ahead of its clock.
	maxTimeAhead = 366 * 24 * 3600
	// MaxRing is the largest number of daemons in a ring. All daemons refuse a FORM2 for one more
	// (membership-protocol §2.10).
	MaxRing = wire.MaxMembersOfList - 1
)

// mark is the least recovery mark that this daemon needs.
func (m *Machine) mark() int32 { return min(m.cfg.Old.Highest(), maxHighest) + recoveryGap }

// createForm1 starts an attempt to form a ring (membership-protocol §7.2).
func (m *Machine) createForm1(e *event, c Cause) {
	m.attempt = wire.MembershipID{Daemon: m.cfg.Self, Time: m.nextTime(e.wall)}
	m.reps.sort(m.cfg.Topology)
	m.ownEntry, m.entered = m.newEntry(), true
	v := wire.FormValue{
		Members:  m.self(),
		Pending:  m.spokenFor(nil, m.reps),
		RepIndex: 1,
		Reps:     m.reps,
		Rings:    []wire.RingValue{m.ownEntry},
	}
	m.forward(e, v, m.mark(), c)
}

// spokenFor returns the daemons that this daemon speaks for besides itself: those heard, or the
// members of its ring. It leaves out those that are on the form token and those that speak for
// themselves.
func (m *Machine) spokenFor(onToken []wire.DaemonID, reps ...[]wire.Rep) []wire.DaemonID {
	from := m.heard
	if m.alive {
		from = m.installed.Members()
	}
	list := slices.DeleteFunc(slices.Clone(from), func(id wire.DaemonID) bool {
		return id == m.cfg.Self || slices.Contains(onToken, id) ||
			slices.ContainsFunc(reps, func(l []wire.Rep) bool { return repList(l).contains(id) })
	})
	return list[:max(0, min(len(list), MaxRing-1-len(onToken)))]
}

// passPending forwards FORM1 if this daemon is the next of those that another daemon speaks for.
func (m *Machine) passPending(e *event) Reason {
	v := e.form
	if len(v.Pending) == 0 || v.Pending[0] != m.cfg.Self {
		return NotMyTurn
	}
	if r := m.checkForm1(e); r != Accepted {
		return r
	}
	v.Members = append(v.Members, m.cfg.Self)
	v.Pending = v.Pending[1:]
	m.pass(e, v)
	return Accepted
}

// passRepresentative forwards FORM1 if this daemon is the next representative.
func (m *Machine) passRepresentative(e *event) Reason {
	v := e.form
	if len(v.Pending) > 0 || int(v.RepIndex) >= len(v.Reps) || v.Reps[v.RepIndex].Daemon != m.cfg.Self {
		return NotMyTurn
	}
	if (v.Reps[v.RepIndex].Kind == wire.RepRing) != m.alive {
		return NotMyTurn // it is not what it was when its JOIN went out: nobody's fault
	}
	if r := m.checkForm1(e); r != Accepted {
		return r
	}
	v.Pending = m.spokenFor(v.Members, v.Reps, m.reps)
	v.Members = append(v.Members, m.cfg.Self)
	v.RepIndex++
	m.pass(e, v)
	return Accepted
}

// pass puts this daemon and its ring on FORM1 and forwards it (membership-protocol §7.3). If there
// is no room, this daemon leaves itself out: the others may form a ring, and it tries again after
// FormTimeout.
func (m *Machine) pass(e *event, v wire.FormValue) {
	m.attempt = e.token.Membership
	rings := v.Rings
	if i := slices.IndexFunc(rings, func(r wire.RingValue) bool { return r.Membership == m.installedID }); i >= 0 {
		m.ownEntry = m.mergeEntry(rings[i])
		v.Rings = append(slices.Concat(rings[:i], rings[i+1:]), m.ownEntry)
	} else {
		m.ownEntry = m.newEntry()
		v.Rings = append(slices.Clone(rings), m.ownEntry)
	}
	m.entered = len(v.Rings) <= wire.MaxRings && len(v.Members)+len(v.Pending) <= MaxRing &&
		len(v.Append(nil, wire.LittleEndian, wire.TokenForm1)) <= wire.MaxTokenBody
	if !m.entered {
		v.Rings = rings
		v.Members = v.Members[:len(v.Members)-1]
	}
	m.forward(e, v, max(e.token.Seq, m.mark()), CauseForm1)
}

// forward sends FORM1 to the next daemon, or begins the second pass.
func (m *Machine) forward(e *event, v wire.FormValue, mark int32, c Cause) {
	m.potential = repList(v.Reps).others(m.cfg.Topology, m.segment)
	m.enterForm(e, c)
	var next wire.DaemonID
	switch {
	case len(v.Pending) > 0:
		next = v.Pending[0]
	case int(v.RepIndex) < len(v.Reps):
		next = v.Reps[v.RepIndex].Daemon
	default:
		m.beginForm2(e, v, mark)
		return
	}
	m.sendToken(e, next, wire.TokenForm1, mark, v.Append(nil, wire.LittleEndian, wire.TokenForm1))
}

// beginForm2 turns FORM1 into FORM2. If this daemon is the first to read it, it does so at once,
// without the network.
func (m *Machine) beginForm2(e *event, v wire.FormValue, mark int32) {
	members := slices.Clone(v.Members)
	m.cfg.Topology.Sort(members)
	v = wire.FormValue{Pending: members, Rings: v.Rings}
	if members[0] == m.cfg.Self {
		m.enterEVS(e, v, mark, CauseForm2)
		return
	}
	m.sendToken(e, members[0], wire.TokenForm2, mark, v.Append(nil, wire.LittleEndian, wire.TokenForm2))
}

// newEntry returns the entry of this daemon's ring, from what this daemon alone knows.
func (m *Machine) newEntry() wire.RingValue {
	r := wire.RingValue{Membership: m.installedID, Aru: m.cfg.Old.Aru(), HighestSeq: m.cfg.Old.MyAru()}
	m.raise(&r)
	r.Commit = m.commitBehind(m.self())
	r.NumTrans = 1
	return r
}

// mergeEntry adds what this daemon knows to the entry of its ring.
func (m *Machine) mergeEntry(r wire.RingValue) wire.RingValue {
	old := m.cfg.Old
	r.Aru = max(r.Aru, old.Aru())
	r.Holes = slices.DeleteFunc(slices.Clone(r.Holes), func(h int32) bool {
		return h <= r.Aru || h <= old.MyAru() || old.Has(h)
	})
	m.raise(&r)
	// The transitional set comes first, with this daemon last; then the rest of the commit set.
	commit := append(slices.Clone(r.Commit[:r.NumTrans]), m.cfg.Self)
	r.NumTrans = len(commit)
	r.Commit = m.commitBehind(addNew(commit, r.Commit))
	return r
}

// raise raises an entry to this daemon's highest number and adds the numbers missing on the way. A
// number that is not above the entry's highest is known to a daemon on the form token.
//
// An entry holds at most MaxHoles. The daemons on the token give up the packets above, so that a
// ring can be formed at all. So many are missing only if a token or packet has lied about the
// highest number.
func (m *Machine) raise(r *wire.RingValue) {
	old := m.cfg.Old
	highest := min(old.Highest(), maxHighest)
	if highest <= r.HighestSeq {
		return
	}
	from := max(r.HighestSeq, old.MyAru()) + 1
	r.HighestSeq = highest
	if from > highest {
		return
	}
	n := len(r.Holes)
	r.Holes = old.AppendMissing(r.Holes, from, highest)
	if len(r.Holes) > wire.MaxHoles {
		r.HighestSeq = r.Holes[max(n, wire.MaxHoles)] - 1
		r.Holes = r.Holes[:max(n, wire.MaxHoles)]
	}
}

// commitBehind appends this daemon's commit set to a list.
func (m *Machine) commitBehind(list []wire.DaemonID) []wire.DaemonID { return addNew(list, m.commit) }

// addNew appends the daemons that are not in the list yet.
func addNew(list, more []wire.DaemonID) []wire.DaemonID {
	for _, id := range more {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}
