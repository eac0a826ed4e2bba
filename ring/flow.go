package ring

import (
	"fmt"

	"github.com/spreadd/spreadd/wire"
)

// maxUnstable is how many packets may be without being stable before nobody
// makes new ones (ring-protocol §16.1).
const maxUnstable = 1600

// allowance returns how many new packets this turn may make, given the number
// that all sent in the last round (ring-protocol §16.1).
func (r *Ring) allowance(flowControl int16) int {
	if r.state == Recovering || r.highest > r.aru+maxUnstable {
		return 0
	}
	n := r.cfg.Window + r.cfg.PersonalWindow - int(flowControl)
	return min(max(n, 0), r.cfg.PersonalWindow)
}

// setFlowControl takes off the token what this daemon added a round ago, and
// adds what it sends now (ring-protocol §13.3 step 4, §16.2).
func (r *Ring) setFlowControl(t *wire.Token, made, retransmitted int) {
	t.FlowControl += int16(made + retransmitted - r.lastNumSent - r.lastNumRetrans)
	r.lastNumSent, r.lastNumRetrans = made, retransmitted
}

// SetWindows changes the settings of flow control, as a monitor may ask for
// (monitor-protocol §6). Negative values leave a window as it is. The error says
// what is wrong with the others; nothing is changed then.
func (r *Ring) SetWindows(window, personal, accelerated int) error {
	c := r.cfg
	set := func(v *int, to int) {
		if to >= 0 {
			*v = to
		}
	}
	set(&c.Window, window)
	set(&c.PersonalWindow, personal)
	set(&c.AcceleratedWindow, accelerated)
	if c.Window == 0 || c.PersonalWindow == 0 {
		return fmt.Errorf("ring: windows of %d and %d, they have to be above 0", c.Window, c.PersonalWindow)
	}
	if err := c.validate(); err != nil {
		return err
	}
	r.cfg = c
	return nil
}
