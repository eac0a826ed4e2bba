package daemon

import "github.com/spreadd/spreadd/daemon/session"

// shedLeast is the least that a client must have waiting, or shedHeld that it must hold of blocks, to
// be disconnected because all messages together take too much memory.
const (
	shedLeast = 256 << 10
	shedHeld  = 4 << 20
)

// memory returns the memory of all messages and packets, and of the lists of those that wait. Views
// and other messages in no pooled block count for each receiver.
func (s *shared) memory() int64 { return s.pool.OutBytes() + s.sessions.Unpooled() }

// shed disconnects the client that has most waiting if all messages and packets together take too
// much memory.
func (o *owner) shed() {
	if o.memory() <= o.maxMemory {
		return
	}
	if o.shedding != nil && o.shedding.Waiting() != (session.Waiting{}) {
		return // Its memory is about to be free.
	}
	var debtor *client
	var most int64
	for _, c := range o.clients {
		// Small messages keep the large ones that lie beside them.
		w := c.Waiting()
		if w.Bytes < shedLeast && w.Held < shedHeld {
			continue
		}
		if debt := w.Bytes + w.Held; !c.slow && debt > most {
			debtor, most = c, debt
		}
	}
	if debtor == nil {
		return // The memory is elsewhere: in what clients send, or in the ring. These have their bounds.
	}
	o.shedding = debtor.Session
	o.drop(debtor, "the limit of all clients together")
	o.carryOut()
}
