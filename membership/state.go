package membership

import "fmt"

// State of the machine; the numbers are those of the monitor protocol
// (membership-protocol §5).
type State uint8

// The states.
const (
	// StateOp: a ring is installed and running.
	StateOp State = iota + 1
	// StateSeg: no token, collecting who is alive in the own segment. Every
	// daemon starts here.
	StateSeg
	// StateRepresented: no token, a smaller daemon of the segment speaks for
	// this one.
	StateRepresented
	// StateGather: collecting representatives, without a token for the own
	// segment, or with it for the ring that this daemon leads.
	StateGather
	// StateForm: FORM1 has passed this daemon, FORM2 has not.
	StateForm
	// StateEVS: FORM2 has passed; the old ring is recovered under the token of
	// the new one.
	StateEVS
)

// String returns the name that operators know.
func (s State) String() string {
	switch s {
	case StateOp:
		return "OP"
	case StateSeg:
		return "SEG"
	case StateRepresented:
		return "REPRESENTED"
	case StateGather:
		return "GATHER"
	case StateForm:
		return "FORM"
	case StateEVS:
		return "EVS"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// Cause says why a transition happened.
type Cause uint8

// The causes.
const (
	// CauseStart: the daemon has started.
	CauseStart Cause = iota + 1
	// CauseAlone: no other daemon is configured, so there is nobody to wait
	// for.
	CauseAlone
	// CauseTokenTimeout: no token came for TokenTimeout. The ring reports it.
	CauseTokenTimeout
	// CauseRecoveryTurns: a recovery did not end within its turns. The ring
	// reports it.
	CauseRecoveryTurns
	// CauseForced: a layer above wants the ring to be formed anew.
	CauseForced
	// CauseReload: the configuration has been read again.
	CauseReload
	// CauseAlive: a member of the ring has lost the token, as its ALIVE tells.
	CauseAlive
	// CauseJoin: a member of the ring has lost the token, as its JOIN tells.
	CauseJoin
	// CauseFormTimeout: the attempt to form a ring took too long.
	CauseFormTimeout
	// CauseSegTimeout: the segment has been listened to for long enough.
	CauseSegTimeout
	// CauseRepresentative: a daemon of the segment says that it speaks for it.
	CauseRepresentative
	// CauseRepTimeout: the representative has not been heard of.
	CauseRepTimeout
	// CauseGatherTimeout: time to form a ring of those gathered.
	CauseGatherTimeout
	// CauseNotSmallest: another representative should have formed a ring, and
	// has not.
	CauseNotSmallest
	// CauseNobody: nobody came to the ring that goes on.
	CauseNobody
	// CauseNewcomer: a daemon outside the ring asks to join.
	CauseNewcomer
	// CauseLookup: the leader looks for daemons that are not in its ring.
	CauseLookup
	// CauseForeign: a packet of another ring was seen.
	CauseForeign
	// CauseForm1: the first form token came by.
	CauseForm1
	// CauseForm2: the second form token came by.
	CauseForm2
	// CauseInstalled: the ring has installed the new membership.
	CauseInstalled
	numCauses
)

// NumCauses is one more than the largest [Cause].
const NumCauses = int(numCauses)

var causeNames = [NumCauses]string{
	CauseStart:          "start",
	CauseAlone:          "alone",
	CauseTokenTimeout:   "token timeout",
	CauseRecoveryTurns:  "recovery turns",
	CauseForced:         "forced",
	CauseReload:         "reload",
	CauseAlive:          "ALIVE of a member",
	CauseJoin:           "JOIN of a member",
	CauseFormTimeout:    "form timeout",
	CauseSegTimeout:     "segment timeout",
	CauseRepresentative: "representative",
	CauseRepTimeout:     "representative timeout",
	CauseGatherTimeout:  "gather timeout",
	CauseNotSmallest:    "not smallest",
	CauseNobody:         "nobody",
	CauseNewcomer:       "newcomer",
	CauseLookup:         "lookup",
	CauseForeign:        "foreign packet",
	CauseForm1:          "form token 1",
	CauseForm2:          "form token 2",
	CauseInstalled:      "installed",
}

// String returns the name of the cause.
func (c Cause) String() string {
	if c > 0 && c < numCauses {
		return causeNames[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}
