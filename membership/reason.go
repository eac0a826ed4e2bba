package membership

// Verdict says what became of an input. All but the first are refusals: the
// input changed nothing.
type Reason uint8

// The verdicts.
const (
	// Accepted: the input had the effect that the protocol gives it.
	Accepted Reason = iota // accepted
	// NotInState: the present state has no use for such an input.
	NotInState // not_in_state
	// NotNeeded: the state has a use for such inputs, but not for this one, of this
	// sender at this moment.
	NotNeeded // not_needed
	// BadType: the type word does not say exactly one thing.
	BadType // bad_type
	// Malformed: lengths or counts are wrong.
	Malformed // malformed
	// OwnInput: this daemon has sent it, or is what it refers to.
	OwnInput // own
	// UnknownDaemon: a daemon is named that is not configured.
	UnknownDaemon // unknown_daemon
	// OtherSegment: an ALIVE that has strayed from its segment.
	OtherSegment // other_segment
	// NotTheSender: a JOIN whose first representative is not who sent it.
	NotTheSender // not_the_sender
	// BadKind: a representative of a kind that is unknown, or not possible
	// there.
	BadKind // bad_kind
	// ListFull: no room for another representative.
	ListFull // list_full
	// AlreadyRelayed: a foreign packet was passed to the leader before, in this
	// membership.
	AlreadyRelayed // already_relayed
	// NotMyTurn: a form token that another daemon has to read next, or this one as
	// what it is no longer: it has lost its ring, or formed one.
	NotMyTurn // not_my_turn
	// NotFromLeader: FORM1 at a member of a running ring whose leader has not joined
	// the attempt for this ring.
	NotFromLeader // not_from_leader
	// AlreadyJoined: FORM1 of the attempt that this daemon joined last.
	AlreadyJoined // already_joined
	// NamedTwice: a daemon or a ring stands twice in a list.
	NamedTwice // named_twice
	// OutOfOrder: members that are not in the order of the configuration.
	OutOfOrder // out_of_order
	// BadSeq: sequence numbers of a ring entry contradict each other, or the
	// recovery mark.
	BadSeq // bad_seq
	// BadTransitional: a transitional set with daemons that are not on board, or
	// in two such sets, or without the time of its name.
	BadTransitional // bad_transitional
	// Contradiction: a form token says of the own ring what this daemon knows to be
	// wrong.
	Contradiction // contradiction
	// OtherAttempt: FORM2 of another attempt than the one joined last.
	OtherAttempt // other_attempt
	// NoEntry: FORM2 without an entry for the own ring.
	NoEntry // no_entry
	// TooMany: FORM2 for more daemons than a ring can have.
	TooMany // too_many
	// NoToken: the report of a loss when there is no token to lose.
	NoToken // no_token
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(NoToken) + 1
