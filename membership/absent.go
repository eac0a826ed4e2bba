package membership

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// A gathering that ends early need not wait for daemons that are absent (membership-protocol §6.6):
// those that have announced their end, those whose port refuses datagrams, and those that do not
// answer although they are known to answer at once. This file finds out which these are. Whoever is
// heard is present, whatever was believed before.

const (
	// probeFirst is the time before those that have not answered are first asked again. It doubles each
	// time.
	probeFirst = 2 * time.Millisecond
	// maxProbed bounds the daemons that are asked one by one at a time.
	maxProbed = 16
	// grace is the time for which a daemon whose port refuses can still show that it is there.
	grace = 5 * time.Millisecond
	// minPatience is the least time after which silence means absence.
	minPatience = 20 * time.Millisecond
	// helloSeq marks a HURRY as that of a daemon that answers at once: one with Early set. C daemons
	// leave the field as it was in memory, and do not look at it.
	helloSeq = 0x53505244
)

// suspect is a daemon whose port has refused a datagram, and when.
type suspect struct {
	id wire.DaemonID
	at clock.Time
}

// absences is what is known of daemons that are not there.
type absences struct {
	// stopped have announced their end, and silent have not answered in time. They were not heard since.
	stopped, silent []wire.DaemonID
	// suspects were refused once, refused were refused twice.
	suspects, refused []suspect
	// accused were taken for ended since the last installation, each once. If one of them turns out to
	// have been there all the time, refusals have no effect until trustAt.
	accused []wire.DaemonID
	trustAt clock.Time
	// fresh reports that no ring is known to be forming since the last one was lost. Others that have
	// gone on to FORM do not answer.
	fresh bool
	// prompt are the members of the ring that answer at once.
	prompt []wire.DaemonID
	// probeEvery is the present time between two probes, and probeUntil the moment from which on silence
	// means absence.
	probeEvery time.Duration
	probeUntil clock.Time
}

// absent reports whether a daemon is known to be absent.
func (a *absences) absent(id wire.DaemonID, now clock.Time) bool {
	return slices.Contains(a.stopped, id) || slices.Contains(a.silent, id) ||
		slices.ContainsFunc(a.refused, func(s suspect) bool { return s.id == id && now >= s.at.Add(grace) })
}

// back forgets that a daemon was absent: it is heard.
func (a *absences) back(id wire.DaemonID) {
	a.stopped, a.silent = without(a.stopped, id), without(a.silent, id)
	a.suspects, a.refused = cleared(a.suspects, id), cleared(a.refused, id)
}

// without returns a list without a daemon.
func without(list []wire.DaemonID, id wire.DaemonID) []wire.DaemonID {
	return slices.DeleteFunc(list, func(d wire.DaemonID) bool { return d == id })
}

// cleared returns suspects without a daemon.
func cleared(list []suspect, id wire.DaemonID) []suspect {
	return slices.DeleteFunc(list, func(s suspect) bool { return s.id == id })
}

// HandleRefused takes the report that a host has refused a datagram for one of its daemon's ports,
// because no process has the port open. The report is not proof of an end: it can be forged, or be
// that of a firewall. So the daemon is probed first. If the probe is refused as well, the ring is
// given up, which a daemon that is alive notices and answers. One false accusation, and refusals have
// no effect for a LookupTimeout. Nor have further ones of the same daemon before the next installation:
// forged without an end, they would end each attempt to form a ring.
func (m *Machine) HandleRefused(now clock.Time, wall int32, id wire.DaemonID, out *Effects) Reason {
	return m.count(m.handleRefused(&event{now: now, wall: wall, out: out, about: id}, id))
}

func (m *Machine) handleRefused(e *event, id wire.DaemonID) Reason {
	ring := m.installed
	if m.state == StateEVS {
		ring = m.futureRing
	}
	switch {
	case m.cfg.Topology.Daemon(id) == nil:
		return UnknownDaemon
	case id == m.cfg.Self:
		return OwnInput
	case !m.cfg.Early, e.now < m.trustAt, m.unborn() && m.state != StateEVS, !ring.Contains(id), slices.Contains(m.accused, id):
		return NotNeeded
	}
	i := slices.IndexFunc(m.suspects, func(s suspect) bool { return s.id == id })
	if i < 0 || e.now.Sub(m.suspects[i].at) > m.cfg.Timeouts.Token {
		m.suspects = append(cleared(m.suspects, id), suspect{id, e.now})
		m.sendHello(e, id)
		return Accepted
	}
	m.refused, m.accused = append(m.refused, suspect{id, e.now}), addNew(m.accused, []wire.DaemonID{id})
	m.leave(e, id, CauseRefused)
	if m.deadlines[timerProbe] != 0 {
		m.deadlines[timerProbe] = m.nextProbe(e.now, m.deadlines[timerProbe])
	}
	return Accepted
}

// named reports whether a daemon is one of some suspects.
func named(list []suspect, id wire.DaemonID) bool {
	return slices.ContainsFunc(list, func(s suspect) bool { return s.id == id })
}

// leave takes a member out of everything that waits for it.
func (m *Machine) leave(e *event, id wire.DaemonID, c Cause) {
	m.heard, m.answered = without(m.heard, id), without(m.answered, id)
	m.reps, m.potential = m.reps.without(id), m.potential.without(id)
	m.unlist(id)
	switch m.state {
	case StateOp, StateEVS:
		m.lose(e, c)
	case StateRepresented:
		switch {
		case m.segRep != id && (m.segRep != 0 || slices.ContainsFunc(m.heard, m.before)):
		case c == CauseRefused:
			m.deadlines[timerRep] = min(m.deadlines[timerRep], e.now.Add(grace))
		default:
			m.enterSeg(e, c)
		}
	case StateSeg:
		m.hurrySeg(e)
	case StateGather:
		if m.alive {
			m.lose(e, c)
		} else {
			m.hurryGather(e)
		}
	case StateForm:
		if c == CauseRefused && m.hearing.to == id { // It will not pass the form token on.
			m.deadlines[timerForm] = min(m.deadlines[timerForm], e.now.Add(grace))
		}
		// Otherwise the attempt may not need it.
	}
}

// before reports whether a daemon comes before this one in the configuration.
func (m *Machine) before(id wire.DaemonID) bool { return m.cfg.Topology.Compare(id, m.cfg.Self) < 0 }

// judge ends the time of accusations: the daemons that are in the future ring were there all the time,
// or were restarted so fast that refusals were not needed.
func (m *Machine) judge(now clock.Time) {
	if slices.ContainsFunc(m.accused, func(id wire.DaemonID) bool { return m.futureRing.Contains(id) }) {
		m.trustAt = now.Add(m.cfg.Timeouts.Lookup)
	}
	m.accused, m.suspects = nil, nil
}

// sendHello sends what a C daemon and the ring have no use for, and what a port that is closed
// refuses: a HURRY to a daemon that need not be the leader.
func (m *Machine) sendHello(e *event, to wire.DaemonID) {
	p := wire.Packet{Type: wire.PacketHurry, Transmitter: m.cfg.Self, Proc: m.cfg.Self, ConfHash: m.cfg.ConfHash, Seq: helloSeq}
	m.sendPacket(e, topology.ToDaemon(to), &p, 1)
}

// Probe sends the successor in the ring a datagram, so that its host refuses that if it has ended. The
// layer above wants it because the token stays away.
func (m *Machine) Probe(now clock.Time, out *Effects) {
	ring := m.installed
	if m.state == StateEVS {
		ring = m.futureRing
	}
	if m.cfg.Early && m.alive && ring.Len() > 1 {
		m.sendHello(&event{now: now, out: out}, ring.Successor(m.cfg.Self))
	}
}

// HandleHello takes a HURRY, and reports whether it says only that its sender answers at once.
func (m *Machine) HandleHello(p *wire.Packet) bool {
	if p.Seq != helloSeq {
		return false
	}
	if m.cfg.Topology.Daemon(p.Proc) != nil {
		m.prompt = addNew(m.prompt, []wire.DaemonID{p.Proc})
	}
	return true
}

// meet forgets of those that are new in the future ring whether they answer at once: they will say
// so when they have installed it.
func (m *Machine) meet() {
	m.prompt = slices.DeleteFunc(m.prompt, func(id wire.DaemonID) bool {
		return !m.futureRing.Contains(id) || !slices.Contains(m.future.Transitional, id)
	})
}

// greet says to the members of the ring that are new to this daemon that it answers at once, and says
// so again to those that have never said so themselves. It is said twice, because it may get lost.
func (m *Machine) greet(e *event) {
	if !m.cfg.Early {
		return
	}
	for _, id := range m.installed.Members() {
		if id != m.cfg.Self && (!slices.Contains(m.future.Transitional, id) || !slices.Contains(m.prompt, id)) {
			m.sendHello(e, id)
			m.sendHello(e, id)
		}
	}
}

// armProbe begins to ask those that do not answer, until a part of the state's time has passed.
func (m *Machine) armProbe(e *event, t timer) {
	if !m.mayHurry(e.now) || m.unborn() {
		return
	}
	m.probeEvery = probeFirst
	m.probeUntil = e.now.Add(m.patience(t))
	m.deadlines[timerProbe] = e.now.Add(probeFirst)
}

// patience returns the time after which silence means absence: a fifth of SegTimeout, a tenth of
// GatherTimeout, and twice the time for which this daemon itself was late recently, for others may be
// as late.
func (m *Machine) patience(t timer) time.Duration {
	d := m.timeout(t)
	part := d / 5
	if t == timerGather {
		part = d / 10
	}
	return min(d, max(part, minPatience)+2*m.late)
}

// SetLate says for how long this daemon was descheduled recently.
func (m *Machine) SetLate(late time.Duration) { m.late = late }

// probe asks those that have not answered once more, or takes them for absent.
func (m *Machine) probe(e *event) Reason {
	missing := m.missing(e.now)
	if !m.mayHurry(e.now) {
		return NotNeeded
	}
	if len(missing) > 0 && e.now >= m.probeUntil {
		if !m.fresh {
			return NotNeeded
		}
		for _, id := range missing {
			if m.answersAtOnce(id) {
				m.silent = append(m.silent, id)
			}
		}
		missing = nil
	}
	if len(missing) == 0 {
		m.hurrySeg(e)
		m.hurryGather(e)
		return Accepted
	}
	t, reps := wire.PacketAlive, repList(nil)
	if m.state == StateGather {
		t, reps = wire.PacketJoin, m.reps
	}
	m.sendGather(e, topology.ToSegment(m.segment), t, reps)
	for _, id := range missing[:min(len(missing), maxProbed)] {
		m.sendGather(e, topology.ToDaemon(id), t, reps)
	}
	m.probeEvery *= 2
	m.deadlines[timerProbe] = m.nextProbe(e.now, min(e.now.Add(m.probeEvery), m.probeUntil))
	return Accepted
}

// nextProbe returns a time, or an earlier one at which the grace of a daemon ends.
func (m *Machine) nextProbe(now, at clock.Time) clock.Time {
	for _, s := range m.refused {
		if end := s.at.Add(grace); end > now {
			at = min(at, end)
		}
	}
	return at
}

// answersAtOnce reports whether a daemon, or the one that speaks for its segment, answers at once.
func (m *Machine) answersAtOnce(id wire.DaemonID) bool {
	if slices.Contains(m.prompt, id) {
		return true
	}
	segment := m.cfg.Topology.Daemon(id).Segment
	return m.state == StateGather && segment != m.segment && slices.ContainsFunc(m.reps, func(r wire.Rep) bool {
		return int(r.Segment) == segment && r.Kind == wire.RepSegment && slices.Contains(m.prompt, r.Daemon)
	})
}
