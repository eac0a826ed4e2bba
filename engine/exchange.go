package engine

import (
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
)

// maxExchange is how many token timeouts an exchange of tables may go on without a new state message.
const maxExchange = 4

// exchange watches the exchange of tables between daemons. If they disagree on whose tables are equal
// already, nobody sends those of some daemon, and the exchange never ends; a new membership of the same
// daemons would not change that. Packets with wrong numbers can cause such a disagreement. So this
// daemon then forms a ring alone first, as if the network had cut it off, and after that the others
// exchange tables with it anew.
type exchange struct {
	since  clock.Time // when it began, or its last state message came
	states int        // how many state messages had come
	// alone is until when this daemon neither hears others nor sends to them, or zero. It ends earlier
	// with a ring of one.
	alone clock.Time
}

// deadline returns when the exchange has taken too long, or zero. Memberships forced for the tables have
// at least ForceInterval between them, whatever forced them.
func (x *exchange) deadline(e *Engine) clock.Time {
	if e.groups.State() != groups.StateGather || !e.memb.CanReconfigure() {
		return 0
	}
	return max(x.since.Add(maxExchange*e.cfg.Timeouts.Token), e.force)
}

// progress notes that the exchange goes on.
func (x *exchange) progress(e *Engine, now clock.Time) {
	if n := e.groups.NumStates(); n != x.states {
		x.since, x.states = now, n
	}
}

// watchExchange ends the time alone, and gives up an exchange that does not end, which it reports.
func (e *Engine) watchExchange(now clock.Time) bool {
	x := &e.exchange
	if x.alone != 0 && now >= x.alone {
		x.alone = 0
	}
	d := x.deadline(e)
	if d == 0 || now < d {
		return false
	}
	x.alone = now.Add(PartitionTime)
	e.forceMembership(now)
	return true
}

// installed ends the time alone with a ring of one.
func (x *exchange) installed(members int) {
	if members == 1 {
		x.alone = 0
	}
}

// send passes datagrams to the driver, unless this daemon is alone for a while.
func (e *Engine) send(out *Effects, sends ...topology.Datagram) {
	if e.exchange.alone == 0 {
		out.Sends = append(out.Sends, sends...)
	}
}
