package membership

// Reason says why an input was refused. A refused input changes nothing.
type Reason uint8

// The reasons.
const (
	// Accepted: the input had the effect that the protocol gives it.
	Accepted Reason = iota // accepted
	// NotInState: the present state has no use for such an input.
	NotInState // not_in_state
	// NotNeeded: the state has a use for such inputs, but not for one of this sender at this
	// moment.
	NotNeeded // not_needed
	// BadType: the type word has none or several of the expected bits.
	BadType // bad_type
	// Malformed: lengths or counts are wrong.
	Malformed // malformed
	// OwnInput: this daemon sent the input, or is what it refers to.
	OwnInput // own
	// UnknownDaemon: a named daemon is not configured.
	UnknownDaemon // unknown_daemon
	// OtherSegment: an ALIVE of another segment.
	OtherSegment // other_segment
	// NotTheSender: a JOIN whose first representative did not send it.
	NotTheSender // not_the_sender
	// BadKind: a representative of a kind that is unknown or not possible there.
	BadKind // bad_kind
	// ListFull: no room for another representative.
	ListFull // list_full
	// AlreadyRelayed: a foreign packet was already relayed to the leader in this membership.
	AlreadyRelayed // already_relayed
	// NotMyTurn: another daemon must read the form token next, or this daemon has lost its ring, or
	// formed one, because it was listed.
	NotMyTurn // not_my_turn
	// NotFromLeader: a FORM1 at a member of a running ring whose leader has not joined the attempt
	// for this ring.
	NotFromLeader // not_from_leader
	// AlreadyJoined: a FORM1 of the attempt that this daemon joined last.
	AlreadyJoined // already_joined
	// NamedTwice: a list has a daemon or a ring twice.
	NamedTwice // named_twice
	// OutOfOrder: members that are not in configuration order.
	OutOfOrder // out_of_order
	// BadSeq: the sequence numbers of a ring entry contradict each other or the recovery mark.
	BadSeq // bad_seq
	// BadTime: a time that no clock shows, or so late that ids would wrap soon.
	BadTime // bad_time
	// BadTransitional: a transitional set with a daemon that is not on the form token or is in
	// another such set, or a set without its time.
	BadTransitional // bad_transitional
	// Contradiction: what a form token says about this daemon's ring is wrong.
	Contradiction // contradiction
	// OtherAttempt: a FORM2 of an attempt other than the last one joined.
	OtherAttempt // other_attempt
	// NoEntry: a FORM2 without an entry for this daemon's ring.
	NoEntry // no_entry
	// TooMany: a FORM2 for more daemons than a ring can have.
	TooMany // too_many
	// NoToken: the token was reported lost, but there is none to lose.
	NoToken // no_token
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(NoToken) + 1
