package membership

import "github.com/spreadd/spreadd/wire"

// EVS: the ring recovers what the survivors of the old one are to deliver,
// under the token of the new one. The ring does the work and reports; a member that has
// lost the new token ends it.

func evsRow() row {
	return row{
		inputAlive:       func(m *Machine, e *event) Reason { return m.evsHeard(e, CauseAlive) },
		inputJoin:        func(m *Machine, e *event) Reason { return m.evsHeard(e, CauseJoin) },
		inputRefer:       unused,
		inputForeign:     unused,
		inputForm1:       unused,
		inputForm2:       unused,
		inputCommitted:   (*Machine).evsCommitted,
		inputInstalled:   (*Machine).evsInstalled,
		inputTokenLost:   tokenLost,
		inputSegTimer:    unused,
		inputRepTimer:    unused,
		inputGatherTimer: unused,
		inputFormTimer:   unused,
		inputLookupTimer: unused,
		inputAliveTimer:  unused,
		inputJoinTimer:   unused,
	}
}

func (m *Machine) evsHeard(e *event, c Cause) Reason {
	if !m.futureRing.Contains(e.packet.Proc) {
		return NotNeeded
	}
	m.lose(e, c, e.packet.Proc)
	return Accepted
}

// evsCommitted keeps with whom this daemon may be bound, until it installs. If the
// recovery breaks now, some of them may have installed what this daemon has not.
func (m *Machine) evsCommitted(*event) Reason {
	m.commit, m.numTrans = m.futureCommit, len(m.future.Transitional)
	return Accepted
}

func (m *Machine) evsInstalled(e *event) Reason {
	m.installed, m.installedID = m.futureRing, m.future.RegularID
	m.members = m.installed
	m.commit, m.numTrans = []wire.DaemonID{m.cfg.Self}, 1
	m.foreignSeen = false
	m.enterOp(e, CauseInstalled)
	return Accepted
}
