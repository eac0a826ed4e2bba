package membership

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// Check returns an error if the machine's variables contradict each other. The error lists all of
// them. Tests and the simulator call Check after each step (membership-protocol §15, S3 to S5).
func (m *Machine) Check() error {
	fault := m.fault()
	if fault == "" {
		return nil
	}
	return fmt.Errorf("membership: %s: %v, token %v, installed %v %v, members %v, commit %v/%d, heard %v, reps %v, potential %v, deadlines %v",
		fault, m.state, m.alive, m.installedID, m.installed.Members(), m.members.Members(), m.commit, m.numTrans,
		m.heard, m.reps, m.potential, m.deadlines)
}

func (m *Machine) fault() string {
	if !m.started {
		return ""
	}
	me := m.cfg.Self
	gathering := m.state == StateGather
	listening := m.state == StateSeg || m.state == StateRepresented || gathering && !m.alive
	sameSegment := func(id wire.DaemonID) bool { return m.cfg.Topology.Daemon(id).Segment == m.segment }
	switch {
	case m.alive != (m.state == StateOp || m.state == StateEVS || gathering && m.alive && m.leads()):
		return "the token is alive in the wrong state, or gathers without leading"
	case !m.installed.Contains(me), !m.members.Contains(me):
		return "this daemon is not in its own ring"
	case m.alive && m.state != StateEVS && !slices.Equal(m.members.Members(), m.installed.Members()):
		return "the ring is alive with other members than installed"
	case !m.alive && m.state != StateForm && m.members.Len() != 1:
		return "the token is lost, and members are left"
	case listening && (len(m.heard) == 0 || m.heard[0] != me):
		return "this daemon does not hear itself first"
	case listening && slices.ContainsFunc(m.heard, func(id wire.DaemonID) bool { return !sameSegment(id) }):
		return "a daemon of another segment is heard"
	case gathering && (len(m.reps) == 0 || m.reps[0].Daemon != me || (m.reps[0].Kind == wire.RepRing) != m.alive):
		return "this daemon is not its first representative"
	case len(m.reps) > wire.MaxReps || len(m.potential) > wire.MaxReps:
		return "a list of representatives is too long"
	case m.potential.contains(me):
		return "this daemon would ask itself"
	case m.numTrans < 1 || m.numTrans > len(m.commit) || !slices.Contains(m.commit[:m.numTrans], me):
		return "this daemon is not in its transitional set"
	case m.state == StateOp && len(m.commit) != 1:
		return "a commitment has outlived the installation"
	case slices.ContainsFunc(m.commit, func(id wire.DaemonID) bool { return !m.installed.Contains(id) }):
		return "a daemon outside the old ring is in the commit set"
	}
	return m.faultOfTimers()
}

// faultOfTimers checks that each state has its timers and no others.
func (m *Machine) faultOfTimers() string {
	var want []timer
	gatherAlone := m.state == StateGather && !m.alive
	switch m.state {
	case StateSeg:
		want = []timer{timerSeg, timerAlive}
	case StateRepresented:
		want = []timer{timerRep}
	case StateGather:
		want = []timer{timerGather, timerJoin}
	case StateForm:
		want = []timer{timerForm}
	case StateOp:
		if m.deadlines[timerLookup] != 0 {
			want = []timer{timerLookup}
		}
	case StateEVS:
	}
	for t, d := range m.deadlines {
		if timer(t) == timerProbe && (m.state == StateSeg || gatherAlone) {
			continue
		}
		if (d != 0) != slices.Contains(want, timer(t)) {
			return fmt.Sprintf("timer %d is in the wrong state", t)
		}
	}
	return ""
}
