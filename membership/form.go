package membership

// FORM: FORM1 has passed, nothing is delivered, and FORM2 is expected. An interrupted attempt costs
// only time.

func formRow() row {
	return row{
		inputAlive:       unused,
		inputJoin:        unused,
		inputRefer:       unused,
		inputForeign:     unused,
		inputForm1:       unused,
		inputForm2:       (*Machine).formForm2,
		inputCommitted:   unused,
		inputInstalled:   unused,
		inputTokenLost:   (*Machine).formLost,
		inputSegTimer:    unused,
		inputRepTimer:    unused,
		inputGatherTimer: unused,
		inputFormTimer:   (*Machine).formTimeout,
		inputLookupTimer: unused,
		inputAliveTimer:  unused,
		inputJoinTimer:   unused,
		inputProbeTimer:  unused,
	}
}

// enterForm stops the ring, if there is one. From now on, what its members have is on the token.
func (m *Machine) enterForm(e *event, c Cause) {
	if m.state == StateOp {
		m.blame(e, c)
	}
	m.change.attempts++
	if m.alive {
		e.out.RingCommands = append(e.out.RingCommands, RingCommand{Kind: StopRing})
	}
	m.alive = false
	m.become(e, StateForm, c)
	m.reps = nil
	m.arm(timerForm, e.now)
}

func (m *Machine) formForm2(e *event) Reason {
	if v := m.checkForm2(e); v != Accepted {
		return v
	}
	m.enterEVS(e, e.form, e.token.Seq, CauseForm2)
	return Accepted
}

// formLost: a layer above gives up the attempt. The ring has no token to lose, so a report from the
// ring is outdated.
func (m *Machine) formLost(e *event) Reason {
	if ofRing(e.cause) {
		return NoToken
	}
	m.lose(e, e.cause)
	return Accepted
}

func (m *Machine) formTimeout(e *event) Reason {
	c := CauseFormTimeout
	if named(m.refused, m.hearing.to) {
		c = CauseRefused
	}
	m.lose(e, c)
	return Accepted
}
