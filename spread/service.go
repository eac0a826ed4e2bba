package spread

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// Service says what the ring promises for a message: exactly one of
// [Unreliable], [Reliable], [FIFO], [Causal], [Agreed] and [Safe], to which a
// sender may add [SelfDiscard]. What a receiver can rely on is in
// client-protocol §11. The bits are those of the protocol.
type Service uint32

// The services, weakest first.
const (
	// Unreliable promises nothing; in practice a message is not lost while
	// all stay connected.
	Unreliable = Service(wire.Unreliable)
	// Reliable arrives once, in no promised order.
	Reliable = Service(wire.Reliable)
	// FIFO keeps the order of each sender.
	FIFO = Service(wire.FIFO)
	// Causal keeps cause before effect.
	Causal = Service(wire.Causal)
	// Agreed is one total order, the same at all members of a view, across
	// all groups.
	Agreed = Service(wire.Agreed)
	// Safe is as Agreed, and a message is delivered only when all daemons
	// of the membership have it.
	Safe = Service(wire.Safe)

	// SelfDiscard, added to a service, keeps the message from the
	// connection that sends it.
	SelfDiscard = Service(wire.SelfDiscard)
)

// String returns the names of the bits as Spread's programs print them, such
// as "AGREED" or "FIFO|SELF_DISCARD".
func (s Service) String() string { return wire.Type(s).String() }

// ParseService reads the name of one service, in any case. SelfDiscard is no
// service and is not read. The error is an [*Error] with [ErrIllegalService].
func ParseService(name string) (Service, error) {
	for s := Unreliable; s <= Safe; s <<= 1 {
		if strings.EqualFold(name, s.String()) {
			return s, nil
		}
	}
	return 0, &Error{
		Op: "parse service", Target: name, Code: ErrIllegalService,
		Err: fmt.Errorf("want unreliable, reliable, fifo, causal, agreed or safe"),
	}
}

// sendable reports whether a message may be sent with s.
func (s Service) sendable() bool {
	return s&^(SelfDiscard|Service(wire.Services)) == 0 &&
		bits.OnesCount32(uint32(s)&uint32(wire.Services)) == 1
}
