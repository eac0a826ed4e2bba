package ring

// Verdict says what became of an input. Each is counted ([Ring.Counts]).
type Verdict uint8

// The verdicts on packets, in the order in which they are checked
// (ring-protocol §12).
const (
	// Stored: a data packet of this ring that was missing.
	Stored Verdict = iota
	// NotData: neither a data packet nor a hurry, or not of exactly one
	// service; for somebody else.
	NotData
	// Foreign: a packet of another ring; membership may want to see it.
	Foreign
	// Old: everybody has it, and it is forgotten here.
	Old
	// Duplicate: it is here already, or nobody had it when recovery began.
	Duplicate
	// TooFar: a number that no correct ring has reached yet: below 1, or more
	// than [MaxPackets] above what is forgotten (ring-protocol §25).
	TooFar
	// BeyondRecovery: a number above those that the recovery is about; the
	// others have not agreed on it.
	BeyondRecovery
	// UnknownMaker: made by a daemon outside the configuration.
	UnknownMaker
	// Malformed: fragments outside the body, or out of form.
	Malformed
)

// The verdicts on tokens, in the order in which they are checked
// (ring-protocol §9, §13.1).
const (
	// TokenTaken: the turn was taken.
	TokenTaken Verdict = iota + Malformed + 1
	// TokenRepeated: this round's turn was taken before, and the leader asks
	// again: the token was sent once more.
	TokenRepeated
	// TokenNotRegular: a form token; for somebody else.
	TokenNotRegular
	// TokenUnexpected: there is no ring. Swallowing it stops the ring that it
	// belongs to.
	TokenUnexpected
	// TokenForeign: of another ring.
	TokenForeign
	// TokenStranger: not sent by the predecessor.
	TokenStranger
	// TokenMalformed: its requests are outside the body, or a number is
	// negative.
	TokenMalformed
	// TokenTooFar: numbers more than MaxPackets above what is forgotten.
	TokenTooFar
	// TokenSpent: sequence numbers above [MaxSeq]: the ring has to form anew.
	TokenSpent
	// TokenOld: a copy of a token that was handled, or of an earlier round.
	TokenOld
	// TokenAruDecreases: it would take back that all have a packet
	// (ring-protocol §15.3).
	TokenAruDecreases
	// TokenSeqDecreases: it knows of fewer packets than the one that I sent:
	// a copy that is 16 rounds old, or more, so that its round number does
	// not tell. Two tokens would go round.
	TokenSeqDecreases
)

// The verdicts on hurry packets (ring-protocol §19.3).
const (
	// HurryTaken: the token was let go.
	HurryTaken Verdict = iota + TokenSeqDecreases + 1
	// HurryIgnored: the token is not held here.
	HurryIgnored
	// HurryStranger: from a daemon that is not in the ring.
	HurryStranger
)

// Faults within an input that was otherwise taken.
const (
	// RequestIgnored: somebody asks for a packet that cannot be asked for
	// (ring-protocol §9, §25), or wants it sent to nobody that is known.
	RequestIgnored Verdict = iota + HurryStranger + 1
	// FragmentOutOfStep: not the next fragment of its maker's message, which
	// is dropped as far as it had come (ring-protocol §17.6).
	FragmentOutOfStep
	// MessageMalformed: a message whose header disagrees with its length; it
	// is not delivered (ring-protocol §25).
	MessageMalformed
	// MessageRefused: a submitted message of this kind, or longer than
	// wire.MaxMessage; it is not sent.
	MessageRefused
	numVerdicts
)

// NumVerdicts is the number of verdicts.
const NumVerdicts = int(numVerdicts)

var verdictNames = [NumVerdicts]string{
	Stored:            "stored",
	NotData:           "not_data",
	Foreign:           "foreign",
	Old:               "old",
	Duplicate:         "duplicate",
	TooFar:            "too_far",
	BeyondRecovery:    "beyond_recovery",
	UnknownMaker:      "unknown_maker",
	Malformed:         "malformed",
	TokenTaken:        "token_taken",
	TokenRepeated:     "token_repeated",
	TokenNotRegular:   "token_not_regular",
	TokenUnexpected:   "token_unexpected",
	TokenForeign:      "token_foreign",
	TokenStranger:     "token_stranger",
	TokenMalformed:    "token_malformed",
	TokenTooFar:       "token_too_far",
	TokenSpent:        "token_spent",
	TokenOld:          "token_old",
	TokenAruDecreases: "token_aru_decreases",
	TokenSeqDecreases: "token_seq_decreases",
	HurryTaken:        "hurry_taken",
	HurryIgnored:      "hurry_ignored",
	HurryStranger:     "hurry_stranger",
	RequestIgnored:    "request_ignored",
	FragmentOutOfStep: "fragment_out_of_step",
	MessageMalformed:  "message_malformed",
	MessageRefused:    "message_refused",
}

// String returns a short name, fit for a label.
func (v Verdict) String() string {
	if v < numVerdicts {
		return verdictNames[v]
	}
	return "unknown"
}

// Counts says how often each verdict was given, by verdict.
type Counts [NumVerdicts]int64

// Counts returns the counters of the verdicts.
func (r *Ring) Counts() Counts { return r.counts }

// count counts a verdict and returns it.
func (r *Ring) count(v Verdict) Verdict {
	r.counts[v]++
	return v
}
