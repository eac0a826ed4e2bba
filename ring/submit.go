package ring

import "github.com/spreadd/spreadd/internal/clock"

// Accepting reports whether Submit takes another message. While it does not, the driver reads no
// client (ring-protocol §16.4).
func (r *Ring) Accepting() bool {
	return r.sending.users.len() < r.cfg.QueueMessages
}

// Submit takes a message of a local session, whose header the driver has checked. If too many
// messages are waiting, it does nothing and reports false.
func (r *Ring) Submit(now clock.Time, m Message, out *Effects) (accepted bool) {
	if !r.Accepting() {
		return false
	}
	r.submit(now, &r.sending.users, m, out)
	return true
}

// SubmitGroups takes a message of the exchange of group state. Its queue is not bounded: an
// exchange has a fixed number of messages.
func (r *Ring) SubmitGroups(now clock.Time, m Message, out *Effects) {
	r.submit(now, &r.sending.groups, m, out)
}

func (r *Ring) submit(now clock.Time, q *queue, m Message, out *Effects) {
	if m.Service < Reliable || m.Service > Safe || !sound(m.Data.Bytes()) {
		r.count(MessageRefused)
		return
	}
	m.Proc = r.cfg.Self
	if q == r.served() && r.immediate() {
		r.order(m, out)
		return
	}
	m.Data.Block.Retain()
	q.push(m)
	if q == r.served() && q.len() == 1 {
		r.hurry(now, out)
	}
}

// SetExchange says whether the daemons exchange the state of their groups. While they do, only the
// groups queue is served (groups-protocol §5).
func (r *Ring) SetExchange(now clock.Time, on bool, out *Effects) {
	if r.sending.exchange == on {
		return
	}
	r.sending.exchange = on
	r.serveAlone(out)
	if r.served().len() > 0 {
		r.hurry(now, out)
	}
}

// ClearGroups drops the state messages that are not sent. A message that is sent in part on an
// operational ring is completed: other daemons have its beginning, and would take the next message
// for its continuation.
func (r *Ring) ClearGroups(out *Effects) {
	keep := 0
	if r.state == Operational && r.sending.groups.sent > 0 {
		keep = 1
	}
	r.sending.groups.cut(keep, out)
}

// served returns the queue whose messages are sent: the groups queue during an exchange, otherwise
// the users' queue. It never changes queues in the middle of a message.
func (r *Ring) served() *queue {
	switch {
	case r.sending.users.sent > 0:
		return &r.sending.users
	case r.sending.groups.sent > 0 || r.sending.exchange:
		return &r.sending.groups
	default:
		return &r.sending.users
	}
}
