package groups

import "fmt"

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Reason,RingCommandKind,State,input -linecomment -output=enums_string.go

// State is a state of the group layer. Its number is that of the monitor protocol (groups-protocol
// §5).
type State uint8

// The states.
const (
	// StateOp: tables agreed with the whole regular membership.
	StateOp State = 1 // GOP
	// StateTrans: a transitional membership was delivered, but not yet the regular one.
	StateTrans State = 2 // GTRANS
	// StateGather: a regular membership has added daemons, and tables are being exchanged.
	StateGather State = 3 // GGATHER
	// StateGatherTrans: like StateGather, after a further transitional membership.
	StateGatherTrans State = 4 // GGT
)

// input is a kind of input to the machine.
type input uint8

const (
	// inTransitional: a transitional membership.
	inTransitional input = iota // transitional membership
	// inRegular: a regular membership.
	inRegular // regular membership
	// inState: a GROUPS message.
	inState // group state
	// inRequest: a join, leave or kill.
	inRequest // join, leave or kill
	// inData: a message between clients.
	inData // message
	numInputs
)

// decision says what a state does with an input.
type decision uint8

const (
	undecided  decision = iota
	handled             // there is a method for it
	ignored             // noted: it comes from a daemon that has lost its way
	impossible          // the engine has broken the order of memberships
)

// decisions is the table of groups-protocol §5. Where a message makes a C daemon exit, we ignore
// the message. All daemons of the membership are in the same state at the same place in the order,
// so all that follow this table ignore it.
var decisions = [...][numInputs]decision{
	StateOp: {
		inTransitional: handled, inRegular: impossible,
		inState: ignored, inRequest: handled, inData: handled,
	},
	StateTrans: {
		inTransitional: impossible, inRegular: handled,
		inState: ignored, inRequest: handled, inData: handled,
	},
	StateGather: {
		inTransitional: handled, inRegular: impossible,
		inState: handled, inRequest: ignored, inData: ignored,
	},
	StateGatherTrans: {
		inTransitional: impossible, inRegular: handled,
		inState: handled, inRequest: ignored, inData: ignored,
	},
}

// expect panics if the present state cannot get an input.
func (m *Machine) expect(in input) {
	if decisions[m.state][in] != handled {
		panic(fmt.Sprintf("groups: %v in %v", in, m.state))
	}
}
