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
// before the first, all that are configured, without those that have stopped.
func (m *Machine) expected() []wire.DaemonID {
	var list []wire.DaemonID
	for _, d := range m.cfg.Topology.Daemons() {
		if (m.installedID.Time < 0 || m.installed.Contains(d.ID)) && !slices.Contains(m.stopped, d.ID) {
			list = append(list, d.ID)
		}
	}
	return list
}

// maxHurries is how many rings a daemon may begin to form early within hurryInterval GatherTimeouts.
// Rings that break again and again are left to the timers.
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
	if !m.mayHurry(e.now) || m.state != StateSeg {
		return
	}
	for _, id := range m.expected() {
		if m.cfg.Topology.Daemon(id).Segment == m.segment && !slices.Contains(m.heard, id) && !slices.Contains(m.listed, id) {
			return
		}
	}
	until := m.deadlines[timerSeg]
	m.decideSeg(e, CauseAnswered)
	if m.state == StateRepresented {
		// The representative may be one that waits for SegTimeout.
		m.deadlines[timerRep] = until.Add(m.timeout(timerRep))
	}
}

// hurryGather forms a ring if all expected daemons have answered: those of this segment by ALIVE,
// others by a JOIN of the daemon that speaks for them. It leaves to the timers what several daemons
// may try at once.
func (m *Machine) hurryGather(e *event) {
	if !m.mayHurry(e.now) || m.state != StateGather || m.alive || m.reps.smallest(m.cfg.Topology).Daemon != m.cfg.Self {
		return
	}
	for _, r := range m.reps[1:] {
		if r.Kind == wire.RepSegment && int(r.Segment) == m.segment {
			return
		}
	}
	// All that are heard would be on the form token, expected or not.
	for _, id := range m.heard[1:] {
		if !slices.Contains(m.answered, id) {
			return
		}
	}
	for _, id := range m.expected() {
		if id != m.cfg.Self && !slices.Contains(m.answered, id) && !slices.Contains(m.listed, id) && !m.reps.contains(id) {
			return
		}
	}
	m.hurries[m.nextHurry] = e.now
	m.nextHurry = (m.nextHurry + 1) % maxHurries
	m.createForm1(e, CauseAnswered)
}

// answer notes that a daemon of the segment has answered the JOIN of this one.
func (m *Machine) answer(id wire.DaemonID) { m.answered = addNew(m.answered, []wire.DaemonID{id}) }

// list notes whom the sender of a JOIN speaks for.
func (m *Machine) list(e *event) {
	known := slices.DeleteFunc(append(e.listed, e.packet.Proc), func(id wire.DaemonID) bool { return m.cfg.Topology.Daemon(id) == nil })
	m.listed = addNew(m.listed, known)
}

// segRing: a ring of the segment answers this daemon, which needs no token to be spoken to. The
// leader is asked as soon as this daemon gathers.
func (m *Machine) segRing(e *event) Reason {
	if !m.mayHurry(e.now) || e.reps[0].Kind != wire.RepRing {
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
	m.heard = slices.DeleteFunc(m.heard, func(d wire.DaemonID) bool { return d == sender })
	m.reps, m.potential = m.reps.without(sender), m.potential.without(sender)
	switch m.state {
	case StateOp, StateEVS:
		m.lose(e, CauseStopped)
	case StateRepresented:
		if m.segRep == sender {
			m.enterSeg(e, CauseStopped)
		}
	case StateSeg:
		m.hurrySeg(e)
	case StateGather:
		if m.alive {
			m.lose(e, CauseStopped)
		} else {
			m.hurryGather(e)
		}
	case StateForm:
		// The attempt may have this daemon's entry and not need the other.
	}
	return Accepted
}

// back forgets that a daemon has stopped: it is heard again.
func (m *Machine) back(id wire.DaemonID) {
	m.stopped = slices.DeleteFunc(m.stopped, func(d wire.DaemonID) bool { return d == id })
}
