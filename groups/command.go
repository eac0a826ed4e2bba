package groups

// Order is what the ring is to do.
type RingCommand struct {
	Kind RingCommandKind
	// State is the message of a SendState: whole, little-endian, at most
	// wire.MaxGroupState bytes. Its type has the service that it must travel
	// with, wire.Reliable or wire.Agreed.
	State []byte
}

// OrderKind says what an order is.
type RingCommandKind uint8

// The orders. Each regular membership gives one of BeginExchange and EndExchange, since the
// ring delivers nothing after it was lost until it is told what to deliver
// (ring-protocol §17.5).
const (
	// BeginExchange: from here on only state messages are taken to the ring,
	// no client is read, and no RELIABLE message is delivered ahead of its
	// place in the order.
	BeginExchange RingCommandKind = iota // begin exchange
	// EndExchange: clients are served again, and everything is delivered.
	EndExchange // end exchange
	// ClearStates: state messages that have not left yet must not leave any
	// more; those ordered after this one may.
	ClearStates // clear states
	// SendState: a state message, behind those before it.
	SendState // send state
	// ForceMembership: a state message had to be refused, without which the
	// exchange cannot end. The daemons must form a membership anew. This is
	// said once an exchange, and how often it is done is to be bounded: a peer that
	// is at fault may be so again.
	ForceMembership // force membership
)
