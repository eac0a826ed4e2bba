package engine

import (
	"fmt"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// SessionID is the driver's handle of a local session, never used twice.
type SessionID = groups.SessionID

// Daemon is one daemon of the configuration.
type Daemon = groups.Daemon

// Config says where the engine stands, and its settings.
type Config struct {
	// Daemons in the order of the configuration.
	Daemons []Daemon
	// Self is the id of the daemon that the engine runs in.
	Self wire.DaemonID
	// QueueMessages bounds the messages that wait for the ring; zero means
	// ring.DefaultQueueMessages.
	QueueMessages int
	// MaxLocalMembers bounds the local members of one group; zero means
	// groups.MaxLocalMembers.
	MaxLocalMembers int
}

// Engine is the three machines as one. It is not safe for concurrent use.
type Engine struct {
	cfg    Config
	ring   *ring.Ring
	memb   *membership.Machine
	groups *groups.Machine
	// leaving are sessions whose disconnect is on its way through the order.
	leaving map[SessionID]bool

	ringOut ring.Effects
	membOut membership.Effects
}

// New returns an engine that has not started.
func New(cfg Config) (*Engine, error) {
	if cfg.MaxLocalMembers == 0 {
		cfg.MaxLocalMembers = groups.MaxLocalMembers
	}
	g, err := groups.New(groups.Config{Daemons: cfg.Daemons, Self: cfg.Self})
	if err != nil {
		return nil, err
	}
	return &Engine{
		cfg:     cfg,
		ring:    ring.New(ring.Config{Self: cfg.Self, QueueMessages: cfg.QueueMessages}),
		memb:    membership.New(membership.Config{Self: cfg.Self}),
		groups:  g,
		leaving: make(map[SessionID]bool),
	}, nil
}

// Start forms the first membership. wall is the wall clock in seconds since
// 1970.
func (e *Engine) Start(now clock.Time, wall int32, out *Effects) {
	e.memb.Start(now, wall, &e.membOut)
	e.membershipEffects(now, out)
}

// Connect adds a local session under its private group, which the driver has
// made sure is free.
func (e *Engine) Connect(id SessionID, private wire.Name, memberships bool) {
	e.groups.Connect(id, private, memberships)
}

// Accepting reports whether the ring takes messages. While it does not, the
// driver reads no session (client-protocol §12.1).
func (e *Engine) Accepting() bool { return e.ring.Accepting() }

// Submit takes a message that a local session has sent, in little-endian
// order, with its header checked. Who keeps data beyond the step retains its
// block.
func (e *Engine) Submit(now clock.Time, id SessionID, data buf.Slice, out *Effects) Outcome {
	b := data.Bytes()
	t := wire.TypeOf(b)
	if t&wire.Requests != 0 {
		switch o := e.checkRequest(id, t, b); o {
		case Accepted:
		case Rejected:
			e.reject(id, t, b, out)
			return o
		default:
			return o
		}
	}
	if t&wire.Kill == 0 {
		return e.submit(now, data, service(t), out)
	}
	return e.submitKill(now, id, data, ring.Agreed, out)
}

// submitKill puts a session's end into the order. Until it comes back, the
// session is leaving, so that only one is sent.
func (e *Engine) submitKill(now clock.Time, id SessionID, data buf.Slice, s ring.Service, out *Effects) Outcome {
	e.leaving[id] = true
	o := e.submit(now, data, s, out)
	if o != Accepted {
		delete(e.leaving, id)
	}
	return o
}

// checkRequest decides on what a local session asks.
func (e *Engine) checkRequest(id SessionID, t wire.Type, b []byte) Outcome {
	if e.leaving[id] {
		return IgnoredLeaving
	}
	if t&wire.Kill != 0 {
		return Accepted
	}
	fields := wire.GroupsOf(b)
	if len(fields) == 0 {
		return IgnoredNoGroup
	}
	group := (*wire.Name)(fields).Clean()
	if !wire.LegalGroup(group.Bytes()) {
		return IgnoredIllegalGroup
	}
	if t&wire.Join != 0 && e.groups.LocalMembers(group) >= e.cfg.MaxLocalMembers {
		return Rejected
	}
	return Accepted
}

// reject returns a request to its session (client-protocol §9.3).
func (e *Engine) reject(id SessionID, t wire.Type, b []byte, out *Effects) {
	private, ok := e.groups.Private(id)
	if !ok {
		return
	}
	out.Rejects = append(out.Rejects, Reject{id, rejectMessage(t, private, b)})
}

// Disconnect removes a session whose connection has ended: the daemon asks in
// its name, in safe order (client-protocol §7.3).
func (e *Engine) Disconnect(now clock.Time, id SessionID, out *Effects) Outcome {
	private, ok := e.groups.Private(id)
	if !ok || e.leaving[id] {
		return IgnoredLeaving
	}
	h := wire.Header{Type: wire.Kill | wire.Safe, Sender: private, Hint: wire.MakeHint(0)}
	msg := h.Append(nil)
	data := buf.Slice{Block: buf.Wrap(msg), Hi: len(msg)}
	return e.submitKill(now, id, data, ring.Safe, out)
}

func (e *Engine) submit(now clock.Time, data buf.Slice, s ring.Service, out *Effects) Outcome {
	if !e.ring.Submit(now, ring.Message{Service: s, Data: data}, &e.ringOut) {
		return RefusedFull
	}
	e.ringEffects(out)
	return Accepted
}

// Deadline returns the moment at which Advance has something to do, or zero.
func (e *Engine) Deadline() clock.Time {
	return clock.Earliest(e.ring.Deadline(), e.memb.Deadline())
}

// Advance runs the timers that are due.
func (e *Engine) Advance(now clock.Time, out *Effects) {
	e.memb.Advance(now, &e.membOut)
	e.membershipEffects(now, out)
	e.ring.Advance(now, &e.ringOut)
	e.ringEffects(out)
}

// ringEffects hands what the ring delivers to the groups.
func (e *Engine) ringEffects(out *Effects) {
	for _, m := range e.ringOut.Deliveries {
		before := len(out.Groups.Ended)
		e.groups.Deliver(m.Data, &out.Groups)
		for _, id := range out.Groups.Ended[before:] {
			delete(e.leaving, id)
		}
	}
	out.Releases = append(out.Releases, e.ringOut.Releases...)
	e.ringOut.Reset()
}

// membershipEffects installs what the membership machine has formed: the
// transitional configuration in the groups, the regular one in the groups and
// then the ring, whose deliveries belong to it.
func (e *Engine) membershipEffects(now clock.Time, out *Effects) {
	for _, in := range e.membOut.Installations {
		e.groups.HandleTransitional(in.TransitionalID, in.Transitional, &out.Groups)
		e.groups.HandleRegular(in.RegularID, in.Regular, &out.Groups)
		e.ring.Install(now, ring.Configuration{ID: in.RegularID, Members: in.Regular}, &e.ringOut)
		e.ringEffects(out)
		out.Installations = append(out.Installations, in)
	}
	out.Transitions = append(out.Transitions, e.membOut.Transitions...)
	e.membOut.Reset()
}

// service maps a message's type to the ring's service, tested in this order
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

// Status is what a monitor or a metric wants to know.
type Status struct {
	Membership membership.State
	Groups     groups.State
	NumGroups  int
	Ring       ring.Stats
}

// Status returns the present state.
func (e *Engine) Status() Status {
	return Status{
		Membership: e.memb.State(),
		Groups:     e.groups.State(),
		NumGroups:  e.groups.NumGroups(),
		Ring:       e.ring.Stats(),
	}
}

// String returns the status in one line.
func (s Status) String() string {
	return fmt.Sprintf("membership %v, groups %v (%d), seq %d, %d queued",
		s.Membership, s.Groups, s.NumGroups, s.Ring.HighestSeq, s.Ring.MessagesQueued)
}
