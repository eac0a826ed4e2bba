package status

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// peerReasons are the reasons for which a daemon is missing, by their numbers in a summary; 0 stands
// for no reason.
var peerReasons = [...]Code{ //nolint:gochecknoglobals // a constant
	wire.PeerNeverHeard: NeverHeard, wire.PeerSilent: Silent, wire.PeerRefuses: PortRefuses,
	wire.PeerOtherConfiguration: OtherConfiguration, wire.PeerStopped: Stopped, wire.PeerApart: Apart,
}

// Marks of a reason in a summary: a request of a monitor came from the daemon, or was sent to it and not
// answered; a form token was sent to it, or came from it.
const (
	askCame    = 0x10
	unanswered = 0x20
	tokenSent  = 0x40
	tokenCame  = 0x80
)

// SetReason takes the reason of a summary.
func (p *Peer) SetReason(n uint8) {
	p.TokenSent, p.TokenCame = n&tokenSent != 0, n&tokenCame != 0
	p.AskCame, p.Unanswered = n&askCame != 0, n&unanswered != 0
	if n &^= tokenSent | tokenCame | askCame | unanswered; int(n) < len(peerReasons) {
		p.Reason = peerReasons[n]
	}
}

// PeerReason returns the reason for a summary; 0 if there is nothing to say.
func (d *Daemon) PeerReason() uint8 {
	n := uint8(max(0, slices.Index(peerReasons[:], d.Reason)))
	if d.TokenSent {
		n |= tokenSent
	}
	if d.TokenCame {
		n |= tokenCame
	}
	if d.AskCame {
		n |= askCame
	}
	if d.Unanswered {
		n |= unanswered
	}
	return n
}
