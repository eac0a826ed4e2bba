package membership

import "github.com/spreadd/spreadd/wire"

// SEG: no token. ALIVE packets show which other daemons of the segment have none. The smallest of
// them will speak for all.

func segRow() row {
	return row{
		inputAlive: func(m *Machine, e *event) Reason {
			m.hear(e.packet.Proc)
			m.hurrySeg(e)
			return Accepted
		},
		inputJoin:        (*Machine).segJoin,
		inputRefer:       unused,
		inputForeign:     unused,
		inputForm1:       unused,
		inputForm2:       unused,
		inputCommitted:   unused,
		inputInstalled:   unused,
		inputTokenLost:   noToken,
		inputSegTimer:    (*Machine).segTimeout,
		inputRepTimer:    unused,
		inputGatherTimer: unused,
		inputFormTimer:   unused,
		inputLookupTimer: unused,
		inputAliveTimer: func(m *Machine, e *event) Reason {
			m.repeatAlive(e)
			return Accepted
		},
		inputJoinTimer:  unused,
		inputProbeTimer: (*Machine).probe,
	}
}

// enterSeg starts over with this daemon alone, or with others that have caused the loss of the
// token.
func (m *Machine) enterSeg(e *event, c Cause, heard ...wire.DaemonID) {
	m.become(e, StateSeg, c)
	m.reps = nil
	m.heard = m.self()
	for _, id := range heard {
		if m.cfg.Topology.Daemon(id).Segment == m.segment {
			m.hear(id)
		}
	}
	m.voices, m.met, m.silent = nil, nil, nil
	m.arm(timerSeg, e.now)
	m.repeatAlive(e)
	m.armProbe(e, timerSeg)
	m.hurrySeg(e)
}

func (m *Machine) repeatAlive(e *event) {
	m.sendAlive(e)
	m.arm(timerAlive, e.now)
}

// segJoin: another daemon of the segment has already decided to speak for it.
func (m *Machine) segJoin(e *event) Reason {
	if !m.representsMe(e) {
		return m.segRing(e)
	}
	m.enterRepresented(e, CauseRepresentative, e.packet.Proc)
	m.sendAlive(e)
	return Accepted
}

// representsMe reports whether a JOIN is of a representative of this daemon's segment.
func (m *Machine) representsMe(e *event) bool {
	return e.reps[0].Kind == wire.RepSegment && m.cfg.Topology.Daemon(e.packet.Proc).Segment == m.segment
}

func (m *Machine) segTimeout(e *event) Reason {
	m.decideSeg(e, CauseSegTimeout)
	return Accepted
}

// decideSeg ends the listening.
func (m *Machine) decideSeg(e *event, c Cause) {
	for _, id := range m.heard {
		if m.cfg.Topology.Compare(id, m.cfg.Self) < 0 {
			m.enterRepresented(e, c, 0)
			return
		}
	}
	m.enterGather(e, c)
}
