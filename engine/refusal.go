package engine

import "fmt"

// Refusal says why a datagram was not looked at further (ring-protocol §9).
type Refusal uint8

// The refusals.
const (
	// Passed: it went to a machine, whose own counters say what became of it.
	Passed Refusal = iota
	// Malformed: too short, or its length is not what its header says.
	Malformed
	// OtherConfiguration: its configuration hash is not ours.
	OtherConfiguration
	// UnknownTransmitter: of a daemon that is not configured.
	UnknownTransmitter
	// WrongSource: not from the address that its transmitter has.
	WrongSource
	// Own: our own multicast, coming back.
	Own
	// PartitionedOff: a monitor has cut its transmitter off from us.
	PartitionedOff
	// UnknownKind: neither data nor membership, hurry or control.
	UnknownKind
	numRefusals
)

// NumRefusals is the number of refusals.
const NumRefusals = int(numRefusals)

// Refusals counts datagrams by what became of them.
type Refusals [NumRefusals]int64

// String returns a short name, fit for a label.
func (r Refusal) String() string {
	switch r {
	case Passed:
		return "passed"
	case Malformed:
		return "malformed"
	case OtherConfiguration:
		return "other_configuration"
	case UnknownTransmitter:
		return "unknown_transmitter"
	case WrongSource:
		return "wrong_source"
	case Own:
		return "own"
	case PartitionedOff:
		return "partitioned_off"
	case UnknownKind:
		return "unknown_kind"
	case numRefusals:
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}
