package groups

import (
	"fmt"

	"github.com/spreadd/spreadd/wire"
)

// Note says that a message in the stream was ignored.
type Note struct {
	Kind NoteKind
	// Member is who made a request, or the name of the daemon that made a
	// state message.
	Member wire.Name
	Group  wire.Name // if there is one to name
}

// NoteKind is the reason of a note.
type NoteKind uint8

// The reasons.
const (
	IgnoredIllegalMember   NoteKind = iota // sender is not of the form #name#daemon
	IgnoredUnknownDaemon                   // the member's daemon is not configured
	IgnoredNoSession                       // the member should be local, and is not connected
	IgnoredNoGroup                         // a join or leave that names no group
	IgnoredMember                          // a join of a member
	IgnoredNotMember                       // a leave of someone who is not a member
	IgnoredFull                            // a join beyond MaxLocalMembers
	IgnoredMalformed                       // lengths that do not fit the message, or a reject
	IgnoredInExchange                      // a message of clients while state is exchanged
	IgnoredOutdatedState                   // a GROUPS message for another membership
	IgnoredUnexpectedState                 // a GROUPS message while there is no exchange
	IgnoredStateSender                     // a GROUPS message of a daemon that is not configured

	// The following spoil the exchange: see ForceMembership.

	RefusedStateForm     // cannot be decoded, or is of the wrong service
	RefusedStateRepeated // comes after the last one of its set
	RefusedStateSet      // the synced set is not its sender's, overlaps another, or is not in the membership
	RefusedStateCount    // the sender's number of daemons is not that of the set
	RefusedStateNames    // a name does not end, or is not of its daemon
	RefusedStateTables   // groups, daemons or members out of order, twice, empty, or of another set
	numNoteKinds
)

// NumNoteKinds is the number of reasons.
const NumNoteKinds = int(numNoteKinds)

// String returns a short name, fit for a label.
func (k NoteKind) String() string {
	switch k {
	case IgnoredIllegalMember:
		return "illegal_member"
	case IgnoredUnknownDaemon:
		return "unknown_daemon"
	case IgnoredNoSession:
		return "no_session"
	case IgnoredNoGroup:
		return "no_group"
	case IgnoredMember:
		return "already_member"
	case IgnoredNotMember:
		return "not_member"
	case IgnoredFull:
		return "group_full"
	case IgnoredMalformed:
		return "malformed"
	case IgnoredInExchange:
		return "in_exchange"
	case IgnoredOutdatedState:
		return "outdated_state"
	case IgnoredUnexpectedState:
		return "unexpected_state"
	case IgnoredStateSender:
		return "unknown_state_sender"
	case RefusedStateForm:
		return "state_form"
	case RefusedStateRepeated:
		return "state_repeated"
	case RefusedStateSet:
		return "state_set"
	case RefusedStateCount:
		return "state_count"
	case RefusedStateNames:
		return "state_names"
	case RefusedStateTables:
		return "state_tables"
	case numNoteKinds:
	}
	return fmt.Sprintf("NoteKind(%d)", uint8(k))
}
