package engine

import (
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// settle passes the effects of the machines to each other until there are none left, and the rest
// to the driver. Then a waiting configuration may take effect.
func (e *Engine) settle(now clock.Time, out *Effects) {
	e.converse(now, out)
	if e.next != nil && e.memb.CanReconfigure() && e.groups.State() == groups.StateOp {
		e.reconfigure(now, out)
		e.converse(now, out)
	}
}

// converse passes effects until no machine has any, and submits the disconnects that had no room.
func (e *Engine) converse(now clock.Time, out *Effects) {
	e.membershipEffects(now, out)
	for {
		e.ringEvents(now, out)
		if len(e.kills) == 0 || !e.ring.Accepting() {
			return
		}
		kill := e.kills[0]
		e.kills = e.kills[1:]
		e.ring.Submit(now, ring.Message{Service: ring.Safe, Data: kill}, &e.ringOut)
	}
}

// ringEvents handles the events of the ring, and those that follow from them in the ring itself.
func (e *Engine) ringEvents(now clock.Time, out *Effects) {
	for {
		// The layers above make the ring do more while this list is processed. The new events come
		// after it.
		e.ringOut, e.ringWork = e.ringWork, e.ringOut
		w := &e.ringWork
		e.send(out, w.Sends...)
		out.Releases = append(out.Releases, w.Releases...)
		if len(w.Events) == 0 {
			w.Reset()
			return
		}
		for i := range w.Events {
			e.ringEvent(now, &w.Events[i], out)
		}
		w.Reset()
	}
}

// ringEvent passes one event of the ring to the membership and the groups.
func (e *Engine) ringEvent(now clock.Time, ev *ring.Event, out *Effects) {
	switch ev.Kind {
	case ring.Deliver:
		for e.resume != 0 && len(e.late) >= maxLate {
			e.continueGroups(now, out)
		}
		if e.resume != 0 {
			ev.Message.Data.Block.Retain()
			e.late = append(e.late, ev.Message.Data)
			return
		}
		e.deliver(now, ev.Message.Data, out)
	case ring.Committed:
		e.memb.HandleCommitted()
	case ring.Transitional:
		e.finishGroups(now, out)
		in := e.memb.Installation()
		out.Configurations = append(out.Configurations, Configuration{
			ID: in.TransitionalID, Daemons: in.Transitional, Transitional: true, Deliveries: len(out.Groups.Deliveries),
		})
		e.groups.HandleTransitional(in.TransitionalID, in.Transitional, &out.Groups)
		e.groupsCommands(now, out)
	case ring.Regular:
		e.finishGroups(now, out)
		in := e.memb.Installation()
		e.exchange.installed(len(in.Regular))
		out.Installations = append(out.Installations, in)
		out.Configurations = append(out.Configurations, Configuration{
			ID: in.RegularID, Daemons: in.Regular, Deliveries: len(out.Groups.Deliveries),
		})
		// The membership is installed before the groups announce it.
		e.memb.HandleInstalled(now, e.wall, &e.membOut)
		e.membershipEffects(now, out)
		e.groups.HandleRegular(in.RegularID, in.Regular, &out.Groups)
		e.groupsCommands(now, out)
	case ring.TokenLost:
		cause := membership.CauseTokenTimeout
		switch ev.Cause {
		case ring.RecoveryStuck:
			cause = membership.CauseRecoveryTurns
		case ring.NoProgress:
			cause = membership.CauseNoProgress
		case ring.TokenTimeout:
		}
		e.memb.HandleTokenLost(now, e.wall, cause, &e.membOut)
		e.membershipEffects(now, out)
	}
}

// maxLate bounds the messages that wait behind a disconnect. With more, the disconnect goes on at once,
// even if the token has to wait.
const maxLate = 8192

// deliver passes a message to the groups. If a disconnect is to go on, it goes on with the next
// Advance, after the datagrams that have arrived: the token must not wait for it.
func (e *Engine) deliver(now clock.Time, data buf.Slice, out *Effects) {
	before := len(out.Groups.Ended)
	e.groups.Deliver(data, &out.Groups)
	e.exchange.progress(e, now)
	e.delivered(now, before, out)
}

// delivered carries out what the groups want after a step of theirs.
func (e *Engine) delivered(now clock.Time, endedBefore int, out *Effects) {
	for _, id := range out.Groups.Ended[endedBefore:] {
		delete(e.leaving, id)
	}
	e.resume = 0
	if e.groups.Pending() {
		e.resume = now
	}
	e.groupsCommands(now, out)
}

// continueGroups carries out the next piece of a disconnect and, behind the last one, the messages
// that have waited for it.
func (e *Engine) continueGroups(now clock.Time, out *Effects) {
	if e.resume == 0 {
		return
	}
	before := len(out.Groups.Ended)
	e.groups.Continue(&out.Groups)
	e.delivered(now, before, out)
	for e.resume == 0 && len(e.late) > 0 {
		data := e.late[0]
		e.late[0] = buf.Slice{}
		e.late = e.late[1:]
		out.Releases = append(out.Releases, data.Block)
		e.deliver(now, data, out)
	}
}

// finishGroups carries out everything that waits, before the membership changes.
func (e *Engine) finishGroups(now clock.Time, out *Effects) {
	for e.resume != 0 {
		e.continueGroups(now, out)
	}
}

// membershipEffects carries out the commands of the membership to the ring, and passes on its
// datagrams.
func (e *Engine) membershipEffects(now clock.Time, out *Effects) {
	for i := range e.membOut.RingCommands {
		a := &e.membOut.RingCommands[i]
		switch a.Kind {
		case membership.StopRing:
			e.ring.Stop(now)
		case membership.Recover:
			e.ring.Recover(now, a.Recovery, &e.ringOut)
		}
	}
	e.send(out, e.membOut.Sends...)
	out.Transitions = append(out.Transitions, e.membOut.Transitions...)
	out.Changes = append(out.Changes, e.membOut.Changes...)
	e.membOut.Reset()
}

// groupsCommands carries out the commands of the groups to the ring.
func (e *Engine) groupsCommands(now clock.Time, out *Effects) {
	for i := range out.Groups.RingCommands {
		o := &out.Groups.RingCommands[i]
		switch o.Kind {
		case groups.BeginExchange:
			e.exchange.since, e.exchange.states = now, 0
			e.ring.SetExchange(now, true, &e.ringOut)
			e.ring.SetDelivery(now, ring.Ordered, &e.ringOut)
		case groups.EndExchange:
			e.ring.SetExchange(now, false, &e.ringOut)
			e.ring.SetDelivery(now, ring.Everything, &e.ringOut)
		case groups.ClearStates:
			e.ring.ClearGroups(&e.ringOut)
		case groups.SendState:
			e.ring.SubmitGroups(now, ring.Message{
				Service: service(wire.TypeOf(o.State)),
				Data:    buf.Slice{Block: buf.Wrap(o.State), Hi: len(o.State)},
			}, &e.ringOut)
		case groups.ForceMembership:
			switch {
			case e.memb.State() == membership.StateEVS: // A new one is on its way.
			case now < e.force:
				e.forcing = true
			default:
				e.forceMembership(now)
				e.membershipEffects(now, out)
			}
		}
	}
	clear(out.Groups.RingCommands)
	out.Groups.RingCommands = out.Groups.RingCommands[:0]
}

// forceMembership gives up the ring, so that a new one is formed.
func (e *Engine) forceMembership(now clock.Time) {
	e.forcing = false
	e.force = now.Add(ForceInterval)
	e.memb.HandleTokenLost(now, e.wall, membership.CauseForced, &e.membOut)
}
