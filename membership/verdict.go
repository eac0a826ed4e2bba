package membership

import "fmt"

// Verdict says what became of an input. All but the first are refusals: the
// input changed nothing.
type Verdict uint8

// The verdicts.
const (
	// Accepted: the input had the effect that the protocol gives it.
	Accepted Verdict = iota
	// NotInState: the present state has no use for such an input.
	NotInState
	// NotNeeded: the state has a use for such inputs, but not for this one, of this
	// sender at this moment.
	NotNeeded
	// BadType: the type word does not say exactly one thing.
	BadType
	// Malformed: lengths or counts are wrong.
	Malformed
	// OwnInput: this daemon has sent it, or is what it refers to.
	OwnInput
	// UnknownDaemon: a daemon is named that is not configured.
	UnknownDaemon
	// OtherSegment: an ALIVE that has strayed from its segment.
	OtherSegment
	// NotTheSender: a JOIN whose first representative is not who sent it.
	NotTheSender
	// BadKind: a representative of a kind that is unknown, or not possible
	// there.
	BadKind
	// ListFull: no room for another representative.
	ListFull
	// AlreadyRelayed: a foreign packet was passed to the leader before, in this
	// membership.
	AlreadyRelayed
	// NotMyTurn: a form token that another daemon has to read next, or this one as
	// what it is no longer: it has lost its ring, or formed one.
	NotMyTurn
	// NotFromLeader: FORM1 at a member of a running ring whose leader has not joined
	// the attempt for this ring.
	NotFromLeader
	// AlreadyJoined: FORM1 of the attempt that this daemon joined last.
	AlreadyJoined
	// NamedTwice: a daemon or a ring stands twice in a list.
	NamedTwice
	// OutOfOrder: members that are not in the order of the configuration.
	OutOfOrder
	// BadSeq: sequence numbers of a ring entry contradict each other, or the
	// recovery mark.
	BadSeq
	// BadTransitional: a transitional set with daemons that are not on board, or
	// in two such sets, or without the time of its name.
	BadTransitional
	// Contradiction: a form token says of the own ring what this daemon knows to be
	// wrong.
	Contradiction
	// OtherAttempt: FORM2 of another attempt than the one joined last.
	OtherAttempt
	// NoEntry: FORM2 without an entry for the own ring.
	NoEntry
	// TooMany: FORM2 for more daemons than a ring can have.
	TooMany
	// NoToken: the report of a loss when there is no token to lose.
	NoToken
	numVerdicts
)

// NumVerdicts is the number of verdicts.
const NumVerdicts = int(numVerdicts)

var verdictNames = [NumVerdicts]string{
	Accepted:        "accepted",
	NotInState:      "not_in_state",
	NotNeeded:       "not_needed",
	BadType:         "bad_type",
	Malformed:       "malformed",
	OwnInput:        "own",
	UnknownDaemon:   "unknown_daemon",
	OtherSegment:    "other_segment",
	NotTheSender:    "not_the_sender",
	BadKind:         "bad_kind",
	ListFull:        "list_full",
	AlreadyRelayed:  "already_relayed",
	NotMyTurn:       "not_my_turn",
	NotFromLeader:   "not_from_leader",
	AlreadyJoined:   "already_joined",
	NamedTwice:      "named_twice",
	OutOfOrder:      "out_of_order",
	BadSeq:          "bad_seq",
	BadTransitional: "bad_transitional",
	Contradiction:   "contradiction",
	OtherAttempt:    "other_attempt",
	NoEntry:         "no_entry",
	TooMany:         "too_many",
	NoToken:         "no_token",
}

// String returns a short name, fit for a label.
func (v Verdict) String() string {
	if v < numVerdicts {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}
