package status

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// peerReasons are the reasons for which a daemon is missing, by their numbers in a summary; 0 is none.
var peerReasons = [...]Code{ //nolint:gochecknoglobals // a constant
	wire.PeerNeverHeard: NeverHeard, wire.PeerSilent: Silent, wire.PeerRefuses: PortRefuses,
	wire.PeerOtherConfiguration: OtherConfiguration, wire.PeerStopped: Stopped, wire.PeerApart: Apart,
}

// PeerReason returns the code of a reason in a summary; "" if the number is unknown.
func PeerReason(n uint8) Code {
	if int(n) >= len(peerReasons) {
		return ""
	}
	return peerReasons[n]
}

// PeerNumber returns the number of a code in a summary; 0 if it has none.
func (c Code) PeerNumber() uint8 { return uint8(max(0, slices.Index(peerReasons[:], c))) }
