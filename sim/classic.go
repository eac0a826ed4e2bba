package sim

import (
	"slices"

	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// The machines of classic daemons keep to the timers of C daemons, but refuse and leave out what C
// daemons do not. This file checks what a C daemon in their place would do.

// noteHurried remembers the attempts to form a ring that began early.
func (h *host) noteHurried() {
	if !slices.ContainsFunc(h.out.Transitions, func(t membership.Transition) bool {
		return t.To == membership.StateForm && t.Cause == membership.CauseAnswered
	}) {
		return
	}
	for i := range h.out.Sends {
		var t wire.Token
		if d := &h.out.Sends[i]; d.To.Token && t.Decode(d.Append(nil)) == nil && t.Type&wire.TokenForm1 != 0 && t.Membership.Daemon == h.d.ID {
			h.w.hurried[t.Membership] = true
		}
	}
}

// checkDoubled finds an attempt that began early and in which a C daemon in the place of this one
// would name a daemon twice: as the representative of a ring, it adds all of the ring's members
// (membership-protocol §7.3). Attempts of C daemons, too, can fail so.
func (h *host) checkDoubled(b []byte) {
	var t wire.Token
	var f wire.Form
	if !h.classic() || t.Decode(b) != nil || t.Type&wire.TokenForm1 == 0 || !h.w.hurried[t.Membership] || f.Decode(&t) != nil {
		return
	}
	st := h.engine.Status()
	v := f.Value()
	if st.Membership != membership.StateGather || st.Ring.State != ring.Operational || len(v.Pending) > 0 ||
		int(v.RepIndex) >= len(v.Reps) || v.Reps[v.RepIndex].Daemon != h.d.ID || v.Reps[v.RepIndex].Kind != wire.RepRing {
		return
	}
	for _, id := range h.members {
		rep := slices.ContainsFunc(v.Reps, func(r wire.Rep) bool { return r.Daemon == id })
		if id != h.d.ID && (rep || slices.Contains(v.Members, id)) {
			h.w.fail("mixed", "%s, if it were a C daemon, would name %s twice on the early form token %v", h.life.Name, h.w.byID[id].d.Name, t.Membership)
		}
	}
}

// classic reports whether the daemon keeps to its timers, as C daemons do.
func (h *host) classic() bool { return !h.w.o.Early || h.w.o.Classic>>h.rank&1 != 0 }
