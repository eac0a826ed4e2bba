package groups

import "github.com/spreadd/spreadd/wire"

// Refused is a message in the stream that was refused.
type Refused struct {
	Reason Reason
	// Member is the client that made a request, or the name of the daemon that made a state
	// message.
	Member wire.Name
	// Group is the group that the message is about; it is zero if there is none to name.
	Group wire.Name
}

// Reason says why a message in the stream was refused.
type Reason uint8

// The reasons.
const (
	// Accepted: the message had the effect that the protocol gives it.
	Accepted Reason = iota // accepted
	// IllegalMember: the sender is not of the form #name#daemon.
	IllegalMember // illegal_member
	// UnknownDaemon: the member's daemon is not configured.
	UnknownDaemon // unknown_daemon
	// NoSession: the member should be local but is not connected.
	NoSession // no_session
	// NoGroup: a join or leave that names no group.
	NoGroup // no_group
	// AlreadyMember: a join of a client that is a member.
	AlreadyMember // already_member
	// NotMember: a leave of a client that is not a member.
	NotMember // not_member
	// GroupFull: a join beyond MaxLocalMembers.
	GroupFull // group_full
	// Malformed: lengths that do not fit the message, or a reject.
	Malformed // malformed
	// InExchange: a client's message during the exchange of group state.
	InExchange // in_exchange
	// OutdatedState: a GROUPS message for another membership.
	OutdatedState // outdated_state
	// UnexpectedState: a GROUPS message outside an exchange.
	UnexpectedState // unexpected_state
	// UnknownStateSender: a GROUPS message of a daemon that is not configured.
	UnknownStateSender // unknown_state_sender

	// The following reasons spoil the exchange: see ForceMembership.

	// BadStateForm: a GROUPS message that cannot be decoded, or has the wrong service.
	BadStateForm // state_form
	// BadStateRepeated: a GROUPS message after the last one of its set.
	BadStateRepeated // state_repeated
	// BadStateSet: a synced set that is not its sender's, overlaps another one, or is not within
	// the membership.
	BadStateSet // state_set
	// BadStateCount: the sender's number of daemons is not that of the set.
	BadStateCount // state_count
	// BadStateNames: a name that is not terminated, or does not belong to its daemon.
	BadStateNames // state_names
	// BadStateTables: groups, daemons or members that are out of order, repeated, empty, or of
	// another set.
	BadStateTables // state_tables
)

// NumReasons is the number of values of [Reason].
const NumReasons = int(BadStateTables) + 1
