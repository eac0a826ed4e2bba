package membership

import "github.com/spreadd/spreadd/wire"

// REPRESENTED: a smaller daemon of the segment speaks for this one. This daemon answers its JOINs,
// so that it stays heard, and refers others to it.

func representedRow() row {
	return row{
		inputAlive: func(m *Machine, e *event) Reason {
			m.arm(timerRep, e.now)
			return Accepted
		},
		inputJoin:        (*Machine).representedJoin,
		inputRefer:       unused,
		inputForeign:     unused,
		inputForm1:       (*Machine).passPending,
		inputForm2:       unused,
		inputCommitted:   unused,
		inputInstalled:   unused,
		inputTokenLost:   noToken,
		inputSegTimer:    unused,
		inputRepTimer:    (*Machine).representedTimeout,
		inputGatherTimer: unused,
		inputFormTimer:   unused,
		inputLookupTimer: unused,
		inputAliveTimer:  unused,
		inputJoinTimer:   unused,
		inputProbeTimer:  unused,
	}
}

// enterRepresented waits for the representative. It is 0 if only a smaller daemon has been heard.
func (m *Machine) enterRepresented(e *event, c Cause, representative wire.DaemonID) {
	m.become(e, StateRepresented, c)
	m.segRep, m.met, m.fresh = representative, nil, false
	m.arm(timerRep, e.now)
}

func (m *Machine) representedJoin(e *event) Reason {
	switch {
	case m.representsMe(e):
		m.segRep = e.packet.Proc
		m.arm(timerRep, e.now)
		m.sendAlive(e)
	case m.segRep != 0 && m.segRep != e.packet.Proc:
		m.refer(e, e.packet.Proc, wire.Rep{Daemon: m.segRep, Kind: wire.RepSegment})
	default:
		return NotNeeded
	}
	return Accepted
}

func (m *Machine) representedTimeout(e *event) Reason {
	m.enterSeg(e, CauseRepTimeout)
	return Accepted
}
