package ring

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Cause,EventKind,Level,Reason,Service,State -linecomment -output=strings.go

// Verdict says what became of an input. Each is counted ([Ring.Counts]).
type Reason uint8

// The verdicts on packets, in the order in which they are checked
// (ring-protocol §12).
const (
	// Stored: a data packet of this ring that was missing.
	Stored Reason = iota // stored
	// NotData: neither a data packet nor a hurry, or not of exactly one
	// service; for somebody else.
	NotData // not_data
	// Foreign: a packet of another ring; membership may want to see it.
	Foreign // foreign
	// Old: everybody has it, and it is forgotten here.
	Old // old
	// Duplicate: it is here already, or nobody had it when recovery began.
	Duplicate // duplicate
	// TooFar: a number that no correct ring has reached yet: below 1, or more
	// than [MaxPackets] above what is forgotten (ring-protocol §25).
	TooFar // too_far
	// BeyondRecovery: a number above those that the recovery is about; the
	// others have not agreed on it.
	BeyondRecovery // beyond_recovery
	// UnknownMaker: made by a daemon outside the configuration.
	UnknownMaker // unknown_maker
	// Malformed: fragments outside the body, or out of form.
	Malformed // malformed
)

// The verdicts on tokens, in the order in which they are checked
// (ring-protocol §9, §13.1).
const (
	// TokenTaken: the turn was taken.
	TokenTaken Reason = iota + Malformed + 1 // token_taken
	// TokenRepeated: this round's turn was taken before, and the leader asks
	// again: the token was sent once more.
	TokenRepeated // token_repeated
	// TokenNotRegular: a form token; for somebody else.
	TokenNotRegular // token_not_regular
	// TokenUnexpected: there is no ring. Swallowing it stops the ring that it
	// belongs to.
	TokenUnexpected // token_unexpected
	// TokenForeign: of another ring.
	TokenForeign // token_foreign
	// TokenStranger: not sent by the predecessor.
	TokenStranger // token_stranger
	// TokenMalformed: its requests are outside the body, or a number is
	// negative.
	TokenMalformed // token_malformed
	// TokenTooFar: numbers more than MaxPackets above what is forgotten.
	TokenTooFar // token_too_far
	// TokenSpent: sequence numbers above [MaxSeq]: the ring has to form anew.
	TokenSpent // token_spent
	// TokenOld: a copy of a token that was handled, or of an earlier round.
	TokenOld // token_old
	// TokenAruDecreases: it would take back that all have a packet
	// (ring-protocol §15.3).
	TokenAruDecreases // token_aru_decreases
	// TokenSeqDecreases: it knows of fewer packets than the one that I sent:
	// a copy that is 16 rounds old, or more, so that its round number does
	// not tell. Two tokens would go round.
	TokenSeqDecreases // token_seq_decreases
)

// The verdicts on hurry packets (ring-protocol §19.3).
const (
	// HurryTaken: the token was let go.
	HurryTaken Reason = iota + TokenSeqDecreases + 1 // hurry_taken
	// HurryIgnored: the token is not held here.
	HurryIgnored // hurry_ignored
	// HurryStranger: from a daemon that is not in the ring.
	HurryStranger // hurry_stranger
)

// Faults within an input that was otherwise taken.
const (
	// RequestIgnored: somebody asks for a packet that cannot be asked for
	// (ring-protocol §9, §25), or wants it sent to nobody that is known.
	RequestIgnored Reason = iota + HurryStranger + 1 // request_ignored
	// FragmentOutOfStep: not the next fragment of its maker's message, which
	// is dropped as far as it had come (ring-protocol §17.6).
	FragmentOutOfStep // fragment_out_of_step
	// MessageMalformed: a message whose header disagrees with its length; it
	// is not delivered (ring-protocol §25).
	MessageMalformed // message_malformed
	// MessageRefused: a submitted message of this kind, or longer than
	// wire.MaxMessage; it is not sent.
	MessageRefused // message_refused
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(MessageRefused) + 1

// Counts says how often each verdict was given, by verdict.
type Counts [NumReasons]int64

// Counts returns the counters of the verdicts.
func (r *Ring) Counts() Counts { return r.counts }

// count counts a verdict and returns it.
func (r *Ring) count(v Reason) Reason {
	r.counts[v]++
	return v
}
