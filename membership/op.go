package membership

import (
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// OP: a ring is installed and running. Its leader looks for other daemons periodically. The others
// learn of daemons outside when one asks, and of a lost token when a member reports it.

func opRow() row {
	return row{
		inputAlive:       (*Machine).opAlive,
		inputJoin:        (*Machine).opJoin,
		inputRefer:       unused,
		inputForeign:     (*Machine).opForeign,
		inputForm1:       (*Machine).opForm1,
		inputForm2:       unused,
		inputCommitted:   unused,
		inputInstalled:   unused,
		inputTokenLost:   tokenLost,
		inputSegTimer:    unused,
		inputRepTimer:    unused,
		inputGatherTimer: unused,
		inputFormTimer:   unused,
		inputLookupTimer: (*Machine).opLookup,
		inputAliveTimer:  unused,
		inputJoinTimer:   unused,
		inputProbeTimer:  unused,
	}
}

// enterOp takes the ring into operation.
func (m *Machine) enterOp(e *event, c Cause) {
	m.become(e, StateOp, c)
	m.reps = nil
	m.change = change{}
	if m.leads() && !m.alone() {
		m.arm(timerLookup, e.now)
	}
}

// opAlive: members of a running ring do not send ALIVE. One that does has lost the token or has
// restarted, so the ring is gone.
func (m *Machine) opAlive(e *event) Reason {
	switch {
	case m.members.Contains(e.packet.Proc):
		m.lose(e, CauseAlive, e.packet.Proc)
	case m.cfg.Early && m.leads():
		// It would send a JOIN when its SEG ends, which this answer makes earlier.
		m.potential = repList{{Daemon: e.packet.Proc, Segment: int16(m.segment)}}
		m.heard = nil
		m.enterGather(e, CauseNewcomer)
	default:
		return NotNeeded // it will send a JOIN
	}
	return Accepted
}

// opJoin implements membership-protocol §10.2.
func (m *Machine) opJoin(e *event) Reason {
	sender := e.packet.Proc
	switch {
	case m.members.Contains(sender):
		if len(m.cfg.Topology.Segments()) == 1 {
			// The leader is looking for other daemons. A member that had lost the token would send
			// ALIVE.
			return NotNeeded
		}
		m.lose(e, CauseJoin)
	case m.leads():
		m.potential = nil
		m.potential.insert(m.cfg.Topology, e.reps[0])
		m.heard = nil
		m.enterGather(e, CauseNewcomer)
	case m.cfg.Topology.Daemon(sender).Segment != m.segment, m.leadsSegment():
		m.refer(e, sender, wire.Rep{Daemon: m.members.Leader(), Kind: wire.RepRing})
	default:
		return NotNeeded // the segment's leader answers
	}
	return Accepted
}

func (m *Machine) leadsSegment() bool {
	id, ok := m.members.SegmentLeader(m.segment)
	return ok && id == m.cfg.Self
}

// opForeign: another ring is near. Its packets are heard in one segment only, so this daemon
// reports it to the leader.
func (m *Machine) opForeign(e *event) Reason {
	switch {
	case m.leads():
		return m.lookup(e, CauseForeign)
	case !m.leadsSegment():
		return NotNeeded
	case m.foreignSeen:
		return AlreadyRelayed
	}
	m.foreignSeen = true
	p := *e.packet
	p.Transmitter = m.cfg.Self
	p.Type &^= wire.PacketRouted // that was an order to this daemon
	m.sendPacket(e, topology.ToDaemon(m.members.Leader()), &p, 2)
	return Accepted
}

// opForm1: the ring's leader has joined the attempt and listed this daemon. A delayed token of an
// attempt from before this ring must not end the ring; the leader did not enter this ring on it.
func (m *Machine) opForm1(e *event) Reason {
	if m.leads() {
		return NotInState // a leader joins an attempt as a representative only
	}
	i := slices.IndexFunc(e.form.Rings, func(r wire.RingValue) bool { return r.Membership == m.installedID })
	if i < 0 || !slices.Contains(e.form.Rings[i].Commit[:e.form.Rings[i].NumTrans], m.installed.Leader()) {
		return NotFromLeader
	}
	return m.passPending(e)
}

func (m *Machine) opLookup(e *event) Reason {
	if !m.leads() {
		return NotInState // only leaders arm this timer
	}
	return m.lookup(e, CauseLookup)
}

// lookup asks for daemons outside the ring (membership-protocol §10.3). If there can be none, the
// leader stays in OP and does not ask again.
func (m *Machine) lookup(e *event, c Cause) Reason {
	top := m.cfg.Topology
	var to []topology.Target
	if len(top.Segments()) == 1 {
		if len(top.Daemons()) > 1 {
			to = append(to, topology.ToSegment(m.segment))
		}
	} else {
		for _, d := range top.Daemons() {
			if !m.installed.Contains(d.ID) {
				to = append(to, topology.ToDaemon(d.ID))
			}
		}
	}
	if len(to) == 0 {
		return NotNeeded
	}
	m.potential, m.heard = nil, nil
	m.reps = repList{m.rep(wire.RepRing)}
	for _, t := range to {
		m.sendJoin(e, t)
	}
	m.enterGather(e, c)
	return Accepted
}
