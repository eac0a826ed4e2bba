package engine

import (
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// Connect adds a local session under its private group. The driver guarantees that the name is
// free.
func (e *Engine) Connect(id SessionID, private wire.Name, memberships bool) {
	e.groups.Connect(id, private, memberships)
}

// Accepting reports whether the engine takes messages of local sessions. It does not while too many
// wait for the ring, or while the daemons exchange their tables of groups; then the driver reads no
// session (client-protocol §12.1, groups-protocol §5).
func (e *Engine) Accepting() bool {
	switch e.groups.State() {
	case groups.StateGather, groups.StateGatherTrans:
		return false
	case groups.StateOp, groups.StateTrans:
	}
	return len(e.kills) == 0 && e.resume == 0 && e.ring.Accepting()
}

// Submit takes a message that a local session has sent, in little-endian order and with its header
// checked. If the engine keeps data beyond the step, it retains its block. Of a session that has
// ended or is about to, it takes nothing more: other clients may have seen it leave.
func (e *Engine) Submit(now clock.Time, id SessionID, data buf.Slice, out *Effects) Reason {
	if e.ended(id) {
		return Leaving
	}
	b := data.Bytes()
	t := wire.TypeOf(b)
	if t&wire.Requests != 0 {
		switch o := e.checkRequest(id, t, b); o {
		case Accepted:
		case Rejected, SessionGroups, AllGroups:
			e.reject(id, t, b, out)
			return o
		default:
			return o
		}
	}
	if !e.ring.Submit(now, ring.Message{Service: service(t), Data: data}, &e.ringOut) {
		return QueueFull
	}
	switch {
	case t&wire.Kill != 0:
		e.leaving[id] = true
	case t&wire.Join != 0:
		e.groups.Joining(id)
	}
	e.settle(now, out)
	return Accepted
}

// ended reports whether a session's disconnect is in the order or behind it.
func (e *Engine) ended(id SessionID) bool {
	if _, ok := e.groups.Private(id); !ok {
		return true
	}
	return len(e.leaving) > 0 && e.leaving[id]
}

// checkRequest decides on a request of a local session.
func (e *Engine) checkRequest(id SessionID, t wire.Type, b []byte) Reason {
	if t&wire.Kill != 0 {
		return Accepted
	}
	fields := wire.GroupsOf(b)
	if len(fields) == 0 {
		return NoGroup
	}
	group := (*wire.Name)(fields).Clean()
	if !wire.LegalGroup(group.Bytes()) {
		return IllegalGroup
	}
	if t&wire.Join == 0 {
		return Accepted
	}
	session, all := e.groups.MayJoin(id, group, e.cfg.MaxSessionGroups, e.cfg.MaxGroups)
	switch {
	case e.groups.LocalMembers(group) >= e.cfg.MaxLocalMembers:
		return Rejected
	case !session:
		return SessionGroups
	case !all:
		return AllGroups
	default:
		return Accepted
	}
}

// Refuse returns a message that a local session may not send to the session, as a reject message
// (client-protocol §9.3).
func (e *Engine) Refuse(id SessionID, data buf.Slice, out *Effects) {
	b := data.Bytes()
	e.reject(id, wire.TypeOf(b), b, out)
}

// reject returns a request to its session (client-protocol §9.3).
func (e *Engine) reject(id SessionID, t wire.Type, b []byte, out *Effects) {
	private, ok := e.groups.Private(id)
	if !ok {
		return
	}
	out.Rejects = append(out.Rejects, Reject{id, rejectMessage(t, private, b)})
}

// Disconnect removes a session whose connection has ended. The daemon asks in the session's name,
// in safe order (client-protocol §7.3). The request is never refused: it waits if the ring has no
// room.
func (e *Engine) Disconnect(now clock.Time, id SessionID, out *Effects) Reason {
	if e.ended(id) {
		return Leaving
	}
	private, _ := e.groups.Private(id)
	h := wire.Header{Type: wire.Kill | wire.Safe, Sender: private, Hint: wire.MakeHint(0)}
	msg := h.Append(nil)
	e.leaving[id] = true
	e.kills = append(e.kills, buf.Slice{Block: buf.Wrap(msg), Hi: len(msg)})
	e.settle(now, out)
	return Accepted
}

// service maps a message's type to the ring's service. The bits are tested in this order
// (ring-protocol §7.4).
func service(t wire.Type) ring.Service {
	switch {
	case t&(wire.Unreliable|wire.Reliable) != 0:
		return ring.Reliable
	case t&wire.FIFO != 0:
		return ring.FIFO
	case t&(wire.Causal|wire.Agreed) != 0:
		return ring.Agreed
	case t&wire.Safe != 0:
		return ring.Safe
	default: // join, leave, kill
		return ring.Agreed
	}
}
