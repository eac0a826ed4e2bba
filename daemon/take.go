package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/wire"
)

const (
	// maxDataFirst bounds the batches of packets that are taken before a token. It is more than all
	// daemons together may send in a round, and low enough that a stranger who floods the data port
	// cannot keep the token waiting forever.
	maxDataFirst = 16
	// maxOverdue bounds the batches of datagrams that are taken before a timer that is due, for the
	// same reasons.
	maxOverdue = 64
)

// takeTimers runs the timers that are due, after the datagrams that have arrived. A daemon that was
// descheduled for longer than the token timeout would otherwise mistake its own delay for silence
// from the others, while its sockets are full of their datagrams.
func (o *owner) takeTimers() {
	if o.ring != nil && o.heldToken == nil {
		for range maxOverdue {
			data := o.ring.PollData()
			if data != nil {
				o.handleData(data)
				continue
			}
			token := o.ring.PollTokens()
			if token == nil {
				break
			}
			o.handleToken(token)
		}
	}
	now, wall := o.now()
	o.engine.Advance(now, wall, &o.out)
	o.carryOut()
}

// takeRefused tells the engine which daemons' hosts refuse datagrams.
func (o *owner) takeRefused() {
	if o.ring == nil {
		return
	}
	for _, id := range o.ring.Refused() {
		now, wall := o.now()
		o.engine.HandleRefused(now, wall, id, &o.out)
		o.carryOut()
	}
}

// takeRing passes one batch of datagrams from other daemons to the engine.
func (o *owner) takeRing() {
	if o.ring == nil || o.wait.ring {
		return
	}
	if b := o.heldToken; b != nil {
		o.heldToken = nil
		o.takeToken(b, true)
		return
	}
	data, tokens := o.ring.Readable()
	if tokens {
		if b := o.ring.PollTokens(); b != nil {
			o.takeToken(b, data)
			return
		}
	}
	if data {
		if b := o.ring.PollData(); b != nil {
			o.takeData(b)
		}
	}
}

// takeData handles packets, and the token behind them if the ring says that tokens go first.
func (o *owner) takeData(b *transport.Datagrams) {
	o.handleData(b)
	if o.engine.TokenFirst() {
		if t := o.ring.PollTokens(); t != nil {
			o.handleToken(t)
		}
	}
}

// takeToken handles a token, and before it the packets that were sent before it, unless the caller
// knows that there are none.
func (o *owner) takeToken(b *transport.Datagrams, mayHaveData bool) {
	for range maxDataFirst {
		if o.pacing.pause(o.moment()).ring {
			o.heldToken = b
			return
		}
		if !mayHaveData || o.engine.TokenFirst() {
			break
		}
		data := o.ring.PollData()
		if data == nil {
			break
		}
		o.handleData(data)
	}
	o.handleToken(b)
}

func (o *owner) handleData(b *transport.Datagrams) {
	now, wall := o.now()
	for i := range b.Items {
		o.engine.HandleData(now, wall, b.Items[i].From, b.Items[i].Data, &o.out)
	}
	o.carryOut() // The effects may refer to the batch's blocks, so they come before Done.
	b.Done()
}

func (o *owner) handleToken(b *transport.Datagrams) {
	now, wall := o.now()
	for i := range b.Items {
		o.engine.HandleToken(now, wall, b.Items[i].From, b.Items[i].Data.Bytes(), &o.out)
	}
	o.carryOut()
	b.Done()
}

// takesInbox reports whether messages of clients are accepted now.
func (o *owner) takesInbox() bool { return !o.wait.publishers && o.engine.Accepting() }

// takeInbox passes one batch from a client to the engine.
func (o *owner) takeInbox() {
	select {
	case <-o.sessions.Recovered(): // The next turn asks pacing again.
	default:
	}
	if !o.takesInbox() {
		return
	}
	if b := o.held; b != nil {
		o.held = nil
		o.take(b)
		return
	}
	select {
	case b := <-o.sessions.Inbox():
		o.take(b)
	default:
	}
}

// take passes a batch from a client to the engine. If the ring is full, it holds the rest.
func (o *owner) take(b *session.Batch) {
	id := engine.SessionID(b.Session.ID())
	done, wait := true, time.Duration(0)
	switch b.Kind {
	case session.Opened:
		o.clients[id] = &client{
			Session: b.Session, id: id, budget: newBudget(o.cfg.Grace, o.moment()), rights: o.rightsOf(b.Session),
			from: origin{b.Session.Source(), b.Session.Credentials().User},
		}
		o.engine.Connect(id, b.Session.Group(), b.Session.Memberships())
	case session.Messages:
		done, wait = o.submit(id, b)
	case session.Gone:
		// The engine ignores a session that is being disconnected already.
		o.engine.Disconnect(o.moment(), id, &o.out)
	}
	o.carryOut() // The effects may refer to the batch's block, so they come before Done.
	switch {
	case done:
		b.Done()
	case wait > 0:
		o.delay(b, wait)
	default:
		o.held = b
	}
}

// submit has the engine order the messages of a batch. It reports false if the ring is full, or if the
// session has to wait for some time; the batch then holds the messages that are to be submitted again
// later.
func (o *owner) submit(id engine.SessionID, b *session.Batch) (done bool, wait time.Duration) {
	now := o.moment()
	var joiner *client // if the batch has joins or leaves
	if b.Joins() {
		joiner = o.clients[id]
	}
	debug := o.log.Enabled(context.Background(), slog.LevelDebug)
	for i, m := range b.Messages {
		request := b.Joins() && wire.TypeOf(m.Bytes())&(wire.Join|wire.Leave) != 0
		if wait := o.owes(joiner, now); request && wait > 0 {
			if b.Session.Left() {
				// It leaves all groups at once, and its name is needed.
				o.count.submitted[engine.Leaving].Add(1)
				continue
			}
			b.Messages = b.Messages[i:]
			return false, wait
		}
		outcome := o.permit(id, m.Bytes())
		if outcome == engine.Accepted {
			outcome = o.engine.Submit(now, id, m, &o.out)
		} else {
			o.engine.Refuse(id, m, &o.out)
		}
		if request && outcome == engine.Accepted {
			o.charge(joiner, m.Bytes(), now)
		}
		if debug && request && outcome != engine.QueueFull {
			o.logRequest(b.Session, m.Bytes(), outcome)
		}
		o.count.submitted[outcome].Add(1)
		if outcome == engine.SessionGroups || outcome == engine.AllGroups {
			o.warnGroups(id, outcome)
		}
		if outcome == engine.QueueFull {
			b.Messages = b.Messages[i:]
			return false, 0
		}
	}
	return true, 0
}

// warnGroups logs, once for each session, that a join was rejected because of a bound.
func (o *owner) warnGroups(id engine.SessionID, outcome engine.Reason) {
	c := o.clients[id]
	if c == nil || c.joinsRejected {
		return
	}
	c.joinsRejected = true
	if outcome == engine.SessionGroups {
		c.Warn("join rejected: client is in as many groups as one client may be; raise -max-session-groups if that is intended")
	} else {
		c.Warn("join rejected: there are as many groups as there may be; raise -max-groups if that is intended")
	}
}

// logRequest logs a join or a leave and what became of it. The end of a session is logged by its
// reader.
func (o *owner) logRequest(s *session.Session, message []byte, outcome engine.Reason) {
	group := ""
	if fields := wire.GroupsOf(message); len(fields) >= wire.NameLen {
		group = (*wire.Name)(fields).Clean().String()
	}
	attrs := []any{slog.String("session", s.Group().String()), slog.String("group", group), slog.String("outcome", outcome.String())}
	switch t := wire.TypeOf(message); {
	case t&wire.Join != 0:
		o.log.Debug("join requested", attrs...)
	case t&wire.Leave != 0:
		o.log.Debug("leave requested", attrs...)
	}
}
