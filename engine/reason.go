package engine

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Reason -linecomment

// Reason says why the engine refused an input: a message of a local session, or a datagram.
type Reason uint8

// The reasons.
const (
	// Accepted: the input went on to a machine. For a datagram, the machine's own counters say what
	// became of it; a message is in the order, or waits for it.
	Accepted Reason = iota // accepted

	// Reasons for messages of local sessions.

	// Rejected: the message goes back to its session as a reject message.
	Rejected // rejected
	// SessionGroups: a join beyond MaxSessionGroups. It goes back to its session as a reject message.
	SessionGroups // session_groups
	// AllGroups: a join of a new group beyond MaxGroups. It goes back to its session as a reject
	// message.
	AllGroups // all_groups
	// JoinForbidden and SendForbidden: the driver's rules do not allow it, so it calls Refuse in place of
	// Submit.
	JoinForbidden // join_forbidden
	SendForbidden // send_forbidden
	// PublisherForbidden: the same, because of the publisher that lines claim to be from.
	PublisherForbidden // publisher_forbidden
	// QueueFull: too many messages wait for the ring. The driver keeps this one and submits it
	// again when the engine is Accepting.
	QueueFull // full
	// NoGroup: a join or leave that names no group.
	NoGroup // no_group
	// IllegalGroup: a join or leave of a name outside client-protocol §1.1.
	IllegalGroup // illegal_group
	// Leaving: the session has ended, or its disconnect is already in the order.
	Leaving // leaving

	// Reasons for datagrams (ring-protocol §9).

	// Malformed: the datagram is too short, or its length is not what its header says.
	Malformed // malformed
	// OtherConfiguration: the configuration hash is not ours.
	OtherConfiguration // other_configuration
	// UnknownTransmitter: the transmitter is not configured.
	UnknownTransmitter // unknown_transmitter
	// WrongSource: the source address is not that of the transmitter.
	WrongSource // wrong_source
	// Own: our own multicast, which came back.
	Own // own
	// PartitionedOff: a monitor has cut the transmitter off from us, or this daemon is alone for a while
	// because an exchange of tables did not end.
	PartitionedOff // partitioned_off
	// UnknownKind: the packet is not data, membership, hurry or control.
	UnknownKind // unknown_kind
)

const (
	// FirstDatagramReason is the first reason for datagrams; the reasons for messages of local
	// sessions are those before it.
	FirstDatagramReason = Malformed
	// NumReasons is the number of values of [Reason].
	NumReasons = int(UnknownKind) + 1
)
