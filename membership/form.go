package membership

// FORM: FORM1 has passed, nothing is delivered, and FORM2 is to come. All that
// an interrupted attempt costs is time.

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
	}
}

// enterForm stops the ring, if there is one: what its members have is on the
// token from now on.
func (m *Machine) enterForm(e *event, c Cause) {
	if m.alive {
		e.out.Actions = append(e.out.Actions, Action{Kind: StopRing})
	}
	m.alive = false
	m.become(e, StateForm, c)
	m.reps = nil
	m.arm(timerForm, e.now)
}

func (m *Machine) formForm2(e *event) Verdict {
	if v := m.checkForm2(e); v != Accepted {
		return v
	}
	m.board(e, e.form, e.token.Seq, CauseForm2)
	return Accepted
}

// formLost: a layer above gives the attempt up. The ring has no token to lose; what
// it reports of before has been overtaken.
func (m *Machine) formLost(e *event) Verdict {
	if ofRing(e.cause) {
		return NoToken
	}
	m.lose(e, e.cause)
	return Accepted
}

func (m *Machine) formTimeout(e *event) Verdict {
	m.lose(e, CauseFormTimeout)
	return Accepted
}
