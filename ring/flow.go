package ring

import (
	"github.com/spreadd/spreadd/wire"
)

// maxUnstable is the number of unstable packets above which no daemon makes new ones (ring-protocol
// §16.1).
const maxUnstable = 1600

// allowance returns how many new packets this turn may make, given how many all daemons sent in the
// last round (ring-protocol §16.1).
func (r *Ring) allowance(flowControl int16) int {
	if r.state == Recovering || r.seq.highest > r.seq.aru+maxUnstable {
		return 0
	}
	n := r.cfg.Window + r.cfg.PersonalWindow - int(flowControl)
	return min(max(n, 0), r.cfg.PersonalWindow)
}

// setFlowControl subtracts from the token what this daemon added a round ago, and adds what it
// sends now (ring-protocol §13.3 step 4, §16.2).
func (r *Ring) setFlowControl(t *wire.Token, made, retransmitted int) {
	t.FlowControl += int16(made + retransmitted - r.token.made - r.token.retransmitted)
	r.token.made, r.token.retransmitted = made, retransmitted
}
