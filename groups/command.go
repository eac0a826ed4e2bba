package groups

// RingCommand is something that the ring has to do.
type RingCommand struct {
	Kind RingCommandKind
	// State is the message of a SendState: whole, little-endian, and at most wire.MaxGroupState
	// bytes. Its type contains the service to send it with, wire.Reliable or wire.Agreed.
	State []byte
}

// RingCommandKind is the kind of a command.
type RingCommandKind uint8

// The kinds of commands. Each regular membership gives either BeginExchange or EndExchange, because
// after its loss the ring delivers nothing until it gets a delivery level (ring-protocol §17.5).
const (
	// BeginExchange: from now on the ring accepts only state messages, no client is read, and no
	// RELIABLE message is delivered ahead of its place in the order.
	BeginExchange RingCommandKind = iota // begin exchange
	// EndExchange: clients are served again, and everything is delivered.
	EndExchange // end exchange
	// ClearStates: drop the state messages that are not sent yet. Those of later commands may be
	// sent.
	ClearStates // clear states
	// SendState: send a state message, after those before it.
	SendState // send state
	// ForceMembership: the exchange cannot end, because a state message was refused. The daemons
	// must form a new membership. The command is given once an exchange. The caller must limit how
	// often it follows it, because a faulty peer may repeat its fault.
	ForceMembership // force membership
)
