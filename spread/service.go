package spread

import (
	"math/bits"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// Service is the guarantee for a message: exactly one of [Unreliable], [Reliable], [FIFO],
// [Causal], [Agreed] and [Safe], to which a sender may add [SelfDiscard]. client-protocol §11 has
// the details. The bits are those of the protocol.
type Service uint32

// The services, weakest first.
const (
	// Unreliable guarantees nothing. In practice no message is lost while all members stay
	// connected.
	Unreliable = Service(wire.Unreliable)
	// Reliable messages arrive once, in any order.
	Reliable = Service(wire.Reliable)
	// FIFO keeps the order of each sender.
	FIFO = Service(wire.FIFO)
	// Causal delivers a cause before its effect.
	Causal = Service(wire.Causal)
	// Agreed is one total order across all groups, the same at all members of a view.
	Agreed = Service(wire.Agreed)
	// Safe is like Agreed, and a message is delivered only when all daemons of the membership have
	// it.
	Safe = Service(wire.Safe)

	// SelfDiscard, added to a service, excludes the sender from the receivers of the message.
	SelfDiscard = Service(wire.SelfDiscard)
)

// String returns the names of the bits as Spread's programs print them, such as "AGREED" or
// "FIFO|SELF_DISCARD".
func (s Service) String() string { return wire.Type(s).String() }

// ParseService parses the name of one service, in upper or lower case. SelfDiscard is not a
// service. The error is an [*Error] with [ErrIllegalService].
func ParseService(name string) (Service, error) {
	for s := Unreliable; s <= Safe; s <<= 1 {
		if strings.EqualFold(name, s.String()) {
			return s, nil
		}
	}
	return 0, errorf("parse service", name, ErrIllegalService, "want unreliable, reliable, fifo, causal, agreed or safe")
}

func (s Service) sendable() bool {
	return s&^(SelfDiscard|Service(wire.Services)) == 0 &&
		bits.OnesCount32(uint32(s)&uint32(wire.Services)) == 1
}
