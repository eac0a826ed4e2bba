package membership

import (
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// The timers of SEG and GATHER give daemons time to answer. This file ends both states when everybody
// who is expected has answered (membership-protocol §6.6). To C daemons that looks like shorter
// timers.

// expected returns the daemons without which no state ends early: the members of the last ring or,
// before the first, all that are configured, without those that are known to be absent.
func (m *Machine) expected(now clock.Time) []wire.DaemonID {
	var list []wire.DaemonID
	for _, d := range m.cfg.Topology.Daemons() {
		if (m.unborn() || m.installed.Contains(d.ID)) && !m.absent(d.ID, now) {
			list = append(list, d.ID)
		}
	}
	return list
}

// unborn reports whether no ring was installed yet.
func (m *Machine) unborn() bool { return m.installedID.Time < 0 }

// maxHurries is how many rings a daemon may begin to form early within hurryInterval GatherTimeouts,
// if each of them lasts for less than a GatherTimeout. Rings that break again and again are left to
// the timers.
const (
	maxHurries    = 3
	hurryInterval = 8
)

// mayHurry reports whether SEG and GATHER may end early. They may not after an attempt that failed:
// an expected daemon may be one that is heard and does not hear, and then only the timers give
// others a chance. Nor may they after the loss of a ring that others wanted to join: their JOINs may
// have broken it, and would do so again.
func (m *Machine) mayHurry(now clock.Time) bool {
	oldest := m.hurries[m.nextHurry]
	return m.cfg.Early && !m.patient && (oldest == 0 || now >= oldest.Add(hurryInterval*m.timeout(timerGather)))
}

// hurrySeg ends SEG if all expected daemons of the segment are heard, or are in a ring that is.
func (m *Machine) hurrySeg(e *event) {
	if m.state != StateSeg || !m.mayHurry(e.now) || len(m.missing(e.now)) > 0 {
		return
	}
	rest := m.deadlines[timerSeg].Sub(e.now)
	m.decideSeg(e, CauseAnswered)
	switch m.state {
	case StateRepresented:
		// The representative may be one that waits for SegTimeout.
		m.deadlines[timerRep] = m.deadlines[timerRep].Add(rest)
	case StateGather:
		// If GATHER is left to its timer, both states together last as long as those of a C daemon. By
		// then a ring that has lost this daemon has noticed.
		m.deadlines[timerGather] = m.deadlines[timerGather].Add(rest)
	default:
	}
}

// hurryGather forms a ring if all expected daemons have answered: those of this segment by ALIVE,
// others by a JOIN of the daemon that speaks for them. It leaves to the timers what several daemons
// may try at once.
func (m *Machine) hurryGather(e *event) {
	if m.state != StateGather || m.alive || !m.mayHurry(e.now) || m.reps.smallest(m.cfg.Topology).Daemon != m.cfg.Self {
		return
	}
	for _, r := range m.reps[1:] {
		if r.Kind == wire.RepSegment && int(r.Segment) == m.segment || r.Kind == wire.RepRing && !m.apart(r.Daemon) {
			return
		}
	}
	// All that are heard would be on the form token, expected or not.
	for _, id := range m.heard[1:] {
		if !slices.Contains(m.answered, id) {
			return
		}
	}
	if len(m.missing(e.now)) > 0 {
		return
	}
	m.hurries[m.nextHurry] = e.now
	m.nextHurry = (m.nextHurry + 1) % maxHurries
	m.createForm1(e, CauseAnswered)
}

// missing returns the expected daemons that have not answered yet: in SEG those of this segment.
func (m *Machine) missing(now clock.Time) (list []wire.DaemonID) {
	for _, id := range m.expected(now) {
		here := m.cfg.Topology.Daemon(id).Segment == m.segment
		switch {
		case id == m.cfg.Self, slices.ContainsFunc(m.voices, func(v voice) bool { return slices.Contains(v.members, id) }):
		case m.state == StateSeg && (!here || slices.Contains(m.heard, id)):
		case m.state != StateSeg && (slices.Contains(m.answered, id) || m.reps.contains(id)):
		default:
			list = append(list, id)
		}
	}
	return list
}

// voice is whom the sender of a JOIN speaks for, the sender included. listed reports whether the JOIN
// said so: C daemons do not list the members of their rings.
type voice struct {
	sender  wire.DaemonID
	members []wire.DaemonID
	listed  bool
}

// apart reports whether the members of a ring are known, and none of them is this daemon, or one that
// it or another representative speaks for. A C daemon that leads a ring puts all of its members on
// FORM1, also one that has left the ring without its knowledge and is on FORM1 already
// (membership-protocol §7.3).
func (m *Machine) apart(leader wire.DaemonID) bool {
	i := slices.IndexFunc(m.voices, func(v voice) bool { return v.sender == leader })
	if i < 0 || !m.voices[i].listed {
		return false
	}
	return !slices.ContainsFunc(m.voices[i].members, func(id wire.DaemonID) bool {
		return slices.Contains(m.heard, id) || id != leader && m.reps.contains(id) ||
			slices.ContainsFunc(m.voices, func(v voice) bool { return v.sender != leader && slices.Contains(v.members, id) })
	})
}

// answer notes that a daemon of the segment has answered the JOIN of this one.
func (m *Machine) answer(id wire.DaemonID) { m.answered = addNew(m.answered, []wire.DaemonID{id}) }

// list notes whom the sender of a JOIN speaks for.
func (m *Machine) list(e *event) {
	v := voice{sender: e.packet.Proc, listed: slices.Contains(e.listed, e.packet.Proc)}
	v.members = slices.DeleteFunc(addNew([]wire.DaemonID{v.sender}, e.listed), func(id wire.DaemonID) bool { return m.cfg.Topology.Daemon(id) == nil })
	m.unlist(v.sender)
	m.voices = append(m.voices, v)
}

// unlist forgets whom a daemon speaks for.
func (m *Machine) unlist(id wire.DaemonID) {
	m.voices = slices.DeleteFunc(m.voices, func(v voice) bool { return v.sender == id })
}

// segRing: a ring of the segment answers this daemon, which needs no token to be spoken to. The
// leader is asked as soon as this daemon gathers.
func (m *Machine) segRing(e *event) Reason {
	// A ring that lists this daemon does not know yet that it is gone, and one that lists nobody may be
	// such a ring.
	if !m.mayHurry(e.now) || e.reps[0].Kind != wire.RepRing || !slices.Contains(e.listed, e.packet.Proc) || slices.Contains(e.listed, m.cfg.Self) {
		return NotNeeded
	}
	m.met.insert(m.cfg.Topology, e.reps[0])
	m.list(e)
	m.hurrySeg(e)
	return Accepted
}

// Stop tells the members of the ring that this daemon ends, so that they need not find out. The
// machine must not be used after that. The message is a REFER to the daemon itself, which C daemons
// disregard: they learn of the end by the ALIVE of the Go daemons, or by their timers. Its seq is the
// time of the ring's id, so that an old copy does not count in a later ring.
func (m *Machine) Stop(out *Effects) {
	if !m.cfg.Early || !m.alive {
		return
	}
	ring, id := m.installed, m.installedID
	if m.state == StateEVS {
		ring, id = m.futureRing, m.future.RegularID
	}
	e := &event{out: out}
	for _, to := range ring.Members() {
		if to != m.cfg.Self {
			m.sendRefer(e, to, wire.Rep{Daemon: m.cfg.Self}, id.Time)
		}
	}
}

// handleStop takes the message of a daemon that ends.
func (m *Machine) handleStop(e *event) Reason {
	id, ring := m.installedID, m.installed
	if m.state == StateEVS {
		id, ring = m.future.RegularID, m.futureRing
	}
	sender := e.packet.Proc
	if !m.cfg.Early || e.packet.Seq != id.Time || !ring.Contains(sender) {
		return NotNeeded
	}
	m.stopped = addNew(m.stopped, []wire.DaemonID{sender})
	m.leave(e, sender, CauseStopped)
	return Accepted
}
