package membership

import (
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

// input is what a state decides on.
type input uint8

const (
	inputAlive       input = iota // ALIVE
	inputJoin                     // JOIN
	inputRefer                    // REFER
	inputForeign                  // foreign data
	inputForm1                    // FORM1
	inputForm2                    // FORM2
	inputCommitted                // committed
	inputInstalled                // installed
	inputTokenLost                // token lost
	inputSegTimer                 // Seg timer
	inputRepTimer                 // Rep timer
	inputGatherTimer              // Gather timer
	inputFormTimer                // Form timer
	inputLookupTimer              // Lookup timer
	inputAliveTimer               // Alive timer
	inputJoinTimer                // Join timer
	inputProbeTimer               // Probe timer
	numInputs
)

var inputOfTimer = [numTimers]input{
	timerSeg: inputSegTimer, timerRep: inputRepTimer, timerGather: inputGatherTimer, timerForm: inputFormTimer,
	timerLookup: inputLookupTimer, timerAlive: inputAliveTimer, timerJoin: inputJoinTimer,
	timerProbe: inputProbeTimer,
}

// event is an input with its time and the place for its effects. It also holds what the checks have
// decoded and found valid.
type event struct {
	now  clock.Time
	wall int32
	out  *Effects

	packet *wire.Packet // ALIVE, JOIN, REFER, foreign data
	reps   []wire.Rep   // JOIN; REFER: the one
	// listed are the members of a JOIN, which may be daemons that are not configured.
	listed []wire.DaemonID
	token  *wire.Token // FORM1, FORM2
	form   wire.FormValue
	cause  Cause         // token lost
	about  wire.DaemonID // refused datagram
}

// handler decides on an input in one state.
type handler func(*Machine, *event) Reason

// row says what a state does with each input.
type row [numInputs]handler

// table is membership-protocol §12. GATHER has two rows: one with the token of a ring that keeps
// running, one without.
type table struct {
	op, seg, represented, gather, gatherRing, form, evs row
}

// newTable fills the table. No cell is empty: an input that a state has no use for is refused
// explicitly.
func newTable() table {
	return table{
		op: opRow(), seg: segRow(), represented: representedRow(), gather: gatherRow(),
		gatherRing: gatherRingRow(), form: formRow(), evs: evsRow(),
	}
}

// row returns the row of the present state.
func (m *Machine) row() *row {
	switch m.state {
	case StateOp:
		return &m.table.op
	case StateSeg:
		return &m.table.seg
	case StateRepresented:
		return &m.table.represented
	case StateGather:
		if m.alive {
			return &m.table.gatherRing
		}
		return &m.table.gather
	case StateForm:
		return &m.table.form
	case StateEVS:
		return &m.table.evs
	default:
		panic("membership: no such state: " + m.state.String())
	}
}

// dispatch lets the present state decide on an input.
func (m *Machine) dispatch(in input, e *event) Reason { return m.count(m.row()[in](m, e)) }

func (m *Machine) count(v Reason) Reason {
	m.stats.Reasons[v]++
	return v
}

// unused is the cell of an input that the state has no use for.
func unused(*Machine, *event) Reason { return NotInState }

// noToken is the cell for the loss of a token where there is none.
func noToken(*Machine, *event) Reason { return NoToken }

// tokenLost is the cell for the loss of a token where there is one.
func tokenLost(m *Machine, e *event) Reason {
	m.lose(e, e.cause)
	return Accepted
}
