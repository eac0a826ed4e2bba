package ring

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Cause,EventKind,Level,Reason,Service,State -linecomment -output=enums_string.go

// Reason says why an input was refused, or how it was accepted. Each value is counted
// ([Ring.Counts]).
type Reason uint8

// The reasons for packets, in the order in which they are checked (ring-protocol §12).
const (
	// Stored: a data packet of this ring that was missing. It was accepted.
	Stored Reason = iota // stored
	// NotData: neither a hurry nor a data packet with exactly one service; it is not for the ring.
	NotData // not_data
	// Foreign: a packet of another ring. The membership may want to see it.
	Foreign // foreign
	// Old: everybody has the packet, and it is forgotten here.
	Old // old
	// Duplicate: the packet is already here, or nobody had it when the recovery began.
	Duplicate // duplicate
	// TooFar: a number that no correct ring has reached yet: below 1, or farther above those that this
	// daemon has than the windows allow (ring-protocol §25).
	TooFar // too_far
	// BeyondRecovery: a number above those that the recovery covers. The others have not agreed on
	// it.
	BeyondRecovery // beyond_recovery
	// UnknownMaker: the packet was made by a daemon outside the configuration.
	UnknownMaker // unknown_maker
	// Malformed: fragments outside the body, or malformed ones.
	Malformed // malformed
)

// The reasons for tokens, in the order in which they are checked (ring-protocol §9, §13.1).
const (
	// TokenTaken: the token was accepted, and the turn taken.
	TokenTaken Reason = iota + Malformed + 1 // token_taken
	// TokenRepeated: this daemon took the round's turn before, and the leader repeated the token.
	// The token was sent once more.
	TokenRepeated // token_repeated
	// TokenNotRegular: a form token, which is for the membership.
	TokenNotRegular // token_not_regular
	// TokenUnexpected: there is no ring here. Swallowing the token stops the ring that it belongs
	// to.
	TokenUnexpected // token_unexpected
	// TokenForeign: a token of another ring.
	TokenForeign // token_foreign
	// TokenStranger: the predecessor did not send it.
	TokenStranger // token_stranger
	// TokenMalformed: requests outside the body, or a negative number.
	TokenMalformed // token_malformed
	// TokenTooFar: numbers that no correct ring has reached yet, as for TooFar.
	TokenTooFar // token_too_far
	// TokenSpent: sequence numbers above [MaxSeq]. The ring has to form anew.
	TokenSpent // token_spent
	// TokenOld: a copy of a token that was handled, or of an earlier round.
	TokenOld // token_old
	// TokenAruDecreases: the token contradicts that all members have a packet (ring-protocol
	// §15.3).
	TokenAruDecreases // token_aru_decreases
	// TokenSeqDecreases: the token knows fewer packets than the one that this daemon sent. It is a
	// copy from 16 or more rounds ago, whose round number looks current. With it, two tokens would
	// circulate.
	TokenSeqDecreases // token_seq_decreases
	// TokenAruStranger: the daemon that has set the aru is not in the ring, so nobody would raise it.
	TokenAruStranger // token_aru_stranger
	// TokenAruAhead: the aru is above the highest number.
	TokenAruAhead // token_aru_ahead
	// TokenMiscounted: flow control counts fewer packets than there are new numbers.
	TokenMiscounted // token_miscounted
)

// The reasons for hurry packets (ring-protocol §19.3).
const (
	// HurryTaken: the hurry was accepted, and the token released.
	HurryTaken Reason = iota + TokenMiscounted + 1 // hurry_taken
	// HurryIgnored: this daemon does not hold the token.
	HurryIgnored // hurry_ignored
	// HurryStranger: the sender is not in the ring.
	HurryStranger // hurry_stranger
)

// Faults within an input that was otherwise accepted.
const (
	// RequestIgnored: a request for a packet that cannot be asked for, for an unknown receiver, or of
	// another ring while none recovers (ring-protocol §9, §25).
	RequestIgnored Reason = iota + HurryStranger + 1 // request_ignored
	// BeyondToken: a stored packet with a number that the token does not count. It is dropped.
	BeyondToken // beyond_token
	// FlowControlExceeded: a token whose flow control counts more than all can have sent. It is
	// lowered to that.
	FlowControlExceeded // flow_control_exceeded
	// FragmentOutOfStep: not the next fragment of its maker's message. What had arrived of the
	// message is dropped (ring-protocol §17.6).
	FragmentOutOfStep // fragment_out_of_step
	// MessageMalformed: a message whose header disagrees with its length. It is not delivered
	// (ring-protocol §25).
	MessageMalformed // message_malformed
	// MessageRefused: a submitted message that is malformed, or longer than wire.MaxMessage. It is
	// not sent.
	MessageRefused // message_refused
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(MessageRefused) + 1

// Counts counts inputs by reason.
type Counts [NumReasons]int64

// Counts returns the counters.
func (r *Ring) Counts() Counts { return r.counts }

// count counts a reason and returns it.
func (r *Ring) count(v Reason) Reason {
	r.counts[v]++
	return v
}
