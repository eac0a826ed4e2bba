package membership

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// EVS: under the token of the new ring, the ring machine recovers what the survivors of the old one
// deliver. It does the work and reports. A member that has lost the new token ends the recovery.

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
		inputProbeTimer:  unused,
	}
}

func (m *Machine) evsHeard(e *event, c Cause) Reason {
	if !m.futureRing.Contains(e.packet.Proc) {
		return NotNeeded
	}
	m.lose(e, c, e.packet.Proc)
	return Accepted
}

// evsCommitted remembers, until the installation, the daemons with which this one may be committed.
// If the recovery breaks now, some of them may have installed the ring.
func (m *Machine) evsCommitted(*event) Reason {
	m.commit, m.numTrans = m.futureCommit, len(m.future.Transitional)
	return Accepted
}

// maxUsed bounds the ids that a daemon remembers.
const maxUsed = 32

func (m *Machine) use(id wire.MembershipID) {
	m.used[m.nextUsed] = id
	m.nextUsed = (m.nextUsed + 1) % maxUsed
}

// wasUsed reports whether an id names a configuration that this daemon has entered. A leader that was
// restarted may not know which ids it has made (membership-protocol §11).
func (m *Machine) wasUsed(id wire.MembershipID) bool { return slices.Contains(m.used[:], id) }

func (m *Machine) evsInstalled(e *event) Reason {
	e.out.Changes = append(e.out.Changes, m.explain(e.now))
	m.use(m.future.TransitionalID)
	m.use(m.future.RegularID)
	m.installed, m.installedID = m.futureRing, m.future.RegularID
	m.members = m.installed
	m.commit, m.numTrans = []wire.DaemonID{m.cfg.Self}, 1
	m.foreignSeen, m.dispute = false, dispute{}
	m.judge(e.now)
	m.patient, m.since = false, e.now
	m.stopped, m.refused, m.silent = nil, nil, nil
	m.enterOp(e, CauseInstalled)
	m.greet(e)
	return Accepted
}
