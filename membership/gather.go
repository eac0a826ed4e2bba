package membership

import (
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// GATHER: collecting representatives, for this daemon's segment, which has no token, or for the
// ring that it leads, which keeps running.

func gatherRow() row {
	return row{
		inputAlive: func(m *Machine, e *event) Reason {
			m.hear(e.packet.Proc)
			m.answer(e.packet.Proc)
			m.hurryGather(e)
			return Accepted
		},
		inputJoin:        (*Machine).gatherJoin,
		inputRefer:       (*Machine).gatherRefer,
		inputForeign:     unused,
		inputForm1:       (*Machine).passRepresentative,
		inputForm2:       unused,
		inputCommitted:   unused,
		inputInstalled:   unused,
		inputTokenLost:   noToken,
		inputSegTimer:    unused,
		inputRepTimer:    unused,
		inputGatherTimer: (*Machine).gatherDecide,
		inputFormTimer:   unused,
		inputLookupTimer: unused,
		inputAliveTimer:  unused,
		inputJoinTimer:   (*Machine).gatherRepeat,
		inputProbeTimer:  (*Machine).probe,
	}
}

// gatherRingRow differs from gatherRow where the token of the ring matters.
func gatherRingRow() row {
	r := gatherRow()
	r[inputAlive] = (*Machine).gatherRingAlive
	r[inputTokenLost] = tokenLost
	return r
}

func (m *Machine) gatherRingAlive(e *event) Reason {
	if !m.members.Contains(e.packet.Proc) {
		return NotNeeded // it will send a JOIN
	}
	m.lose(e, CauseAlive, e.packet.Proc)
	return Accepted
}

// enterGather begins to collect representatives.
func (m *Machine) enterGather(e *event, c Cause) {
	if m.state == StateOp {
		m.blame(e, c)
	}
	m.become(e, StateGather, c)
	kind := wire.RepSegment
	if m.alive {
		kind = wire.RepRing
	}
	m.reps = repList{m.rep(kind)}
	for _, r := range m.met { // none with a token
		m.reps.insert(m.cfg.Topology, r)
		m.potential.insert(m.cfg.Topology, r)
	}
	m.answered, m.met = nil, nil
	m.arm(timerGather, e.now)
	m.gatherRepeat(e)
	if !m.alive {
		m.armProbe(e, timerGather)
	}
	m.hurryGather(e)
}

// rep returns this daemon as a representative.
func (m *Machine) rep(kind wire.RepKind) wire.Rep {
	return wire.Rep{Daemon: m.cfg.Self, Kind: kind, Segment: int16(m.segment)}
}

// gatherRepeat sends JOIN to each address worth asking, and to the segment if no ring speaks for
// it.
func (m *Machine) gatherRepeat(e *event) Reason {
	if !m.alive {
		m.sendJoin(e, topology.ToSegment(m.segment))
	}
	for _, p := range m.potential {
		m.sendJoin(e, topology.ToDaemon(p.Daemon))
	}
	m.arm(timerJoin, e.now)
	return Accepted
}

// gatherJoin adds the sender to the representatives, and the daemons that it names to those to be
// asked.
func (m *Machine) gatherJoin(e *event) Reason {
	top := m.cfg.Topology
	v := Accepted
	if !m.reps.insert(top, e.reps[0]) {
		v = ListFull
	}
	for _, r := range e.reps {
		if r.Daemon != m.cfg.Self && !m.potential.insert(top, r) {
			v = ListFull
		}
	}
	if m.reps.smallest(top).Daemon == e.packet.Proc {
		m.arm(timerGather, e.now) // it will decide
	}
	m.list(e)
	m.hurryGather(e)
	return v
}

func (m *Machine) gatherRefer(e *event) Reason {
	if !m.potential.insert(m.cfg.Topology, e.reps[0]) {
		return ListFull
	}
	return Accepted
}

// gatherDecide implements membership-protocol §6.5.
func (m *Machine) gatherDecide(e *event) Reason {
	smallest := m.reps.smallest(m.cfg.Topology).Daemon == m.cfg.Self
	switch {
	case m.alive && !smallest, m.alive && len(m.reps) == 1:
		m.enterOp(e, CauseNobody)
	case smallest:
		m.createForm1(e, CauseGatherTimeout)
	default:
		// The smallest representative has not formed a ring with this daemon. Ask it and the others
		// again.
		m.heard = m.self()
		m.potential = m.reps.without(m.cfg.Self)
		m.enterGather(e, CauseNotSmallest)
	}
	return Accepted
}
