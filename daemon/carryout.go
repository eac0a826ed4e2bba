package daemon

import (
	"fmt"
	"log/slog"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// carryOut does what the engine wants done, until there is nothing left: disconnecting a client
// that is too slow makes new effects, because others get a membership message.
func (o *owner) carryOut() {
	for {
		o.step()
		if len(o.slow) == 0 {
			break
		}
		for _, c := range o.slow {
			w := c.waited
			c.Warn("client does not read, disconnecting it", slog.String("cause", c.cause),
				slog.Int("waiting_messages", w.Messages), slog.Int64("waiting_bytes", w.Bytes))
			o.engine.Disconnect(o.moment(), c.id, &o.out)
		}
		clear(o.slow)
		o.slow = o.slow[:0]
	}
	o.flush()
	o.shed()
}

// step carries out one list of effects. Datagrams leave first, because other daemons wait for them.
func (o *owner) step() {
	o.ids.keep(o.engine.LastTime(), o.log)
	o.sendAll()
	o.obeyMonitors()
	changes := o.announce()
	o.deliver()
	for _, id := range o.out.Groups.Ended {
		if c := o.clients[id]; c != nil {
			o.settle(c)
			delete(o.clients, id)
			o.pacing.remove(c)
			o.sessions.End(c.Session)
		}
	}
	for _, n := range o.out.Groups.Refused {
		o.count.refused[n.Reason].Add(1)
	}
	o.install(changes)
	for _, b := range o.out.Releases {
		b.Release()
	}
	o.out.Reset()
}

// sendAll sends the datagrams of a step. If another configuration takes effect among them, those
// behind that point go to the daemons of the new one.
func (o *owner) sendAll() {
	r := o.out.Reload
	if r == nil {
		o.send(o.out.Sends)
		return
	}
	o.send(o.out.Sends[:r.Sends])
	o.adopt(r)
	o.send(o.out.Sends[r.Sends:])
}

// send puts datagrams on the network. Only reports to monitors leave elsewhere, in report.
func (o *owner) send(list []topology.Datagram) {
	if o.ring == nil || len(list) == 0 {
		return
	}
	// It fails only when the sockets are closed, and then nobody should hear from this daemon.
	_ = o.ring.Send(list)
}

// deliver queues what clients of this daemon receive. Membership messages are deliveries too: the
// groups machine makes them when a join reaches its place in the order, so the joining client gets
// its first one here.
func (o *owner) deliver() {
	for _, del := range o.out.Groups.Deliveries {
		for _, id := range o.out.Groups.Receivers(del) {
			o.enqueue(id, del.Data)
		}
	}
	o.count.deliveries.Add(int64(len(o.out.Groups.Deliveries)))
	o.rejects += uint64(len(o.out.Rejects))
	for _, r := range o.out.Rejects {
		o.enqueue(r.Session, buf.Slice{Block: buf.Wrap(r.Message), Hi: len(r.Message)})
	}
}

// enqueue stages a message for a client, which flush publishes.
func (o *owner) enqueue(id engine.SessionID, data buf.Slice) {
	c := o.clients[id]
	if c == nil || c.slow {
		return
	}
	if !c.touched {
		c.touched = true
		o.touched = append(o.touched, c)
	}
	if !c.Enqueue(data) {
		o.drop(c, "its own limit")
	}
}

// drop ends the connection of a client that does not read. carryOut has its disconnect ordered.
func (o *owner) drop(c *client, cause string) {
	c.slow, c.cause, c.waited = true, cause, c.Waiting()
	o.history.drop(c)
	c.Drop(session.SessionSlow)
	o.slow = append(o.slow, c)
}

// maxDirect bounds the sessions that the owner writes to itself: the token does not wait for more.
const maxDirect = 8

// flush has the sessions write what was staged for them.
func (o *owner) flush() {
	direct := len(o.touched) <= maxDirect
	for i, c := range o.touched {
		c.touched = false
		if c.Flush(direct) {
			if c.NearlyFull() {
				w := c.Waiting()
				c.Warn("client is about to be disconnected because it does not read",
					slog.Int("waiting_messages", w.Messages), slog.Int64("waiting_bytes", w.Bytes))
			}
			if o.pacing.add(c, o.moment()) {
				o.count.pauses.Add(1)
			}
		}
		o.touched[i] = nil
	}
	o.touched = o.touched[:0]
}

// announce explains the changes of membership, as sentences, and sends them to the clients that
// want notices.
func (o *owner) announce() (texts []string) {
	for i := range o.out.Changes {
		c := &o.out.Changes[i]
		text := explain(c, o.nameOf)
		texts = append(texts, text)
		notice := wire.Notice{Kind: wire.NoticeChange, Value: c.Took.Microseconds(), Limit: int64(c.Lost), Text: []byte(text)}
		msg := notice.Message()
		for id, client := range o.clients {
			if client.Notices() {
				o.enqueue(id, buf.Slice{Block: buf.Wrap(msg), Hi: len(msg)})
			}
		}
	}
	return texts
}

// install publishes the memberships that were installed, with what has changed with each.
func (o *owner) install(changes []string) {
	for i, in := range o.out.Installations {
		names := make([]string, 0, len(in.Regular))
		for _, id := range in.Regular {
			names = append(names, o.nameOf(id))
		}
		o.members.Store(&names)
		if o.sealer != nil {
			o.sealer.SetMembers(in.Regular)
		}
		o.change.Store(&changes[i])
		o.history.note(o, &in, &o.out.Changes[i], changes[i], names)
		for _, d := range o.out.Changes[i].Left {
			o.count.left[d.Why].Add(1)
		}
		o.logRing(&in, names, changes[i])
		if !o.isReady() {
			close(o.ready)
		}
	}
	if len(o.out.Transitions) > 0 {
		o.forming.changed(o.moment(), o.engine.Operating(), &o.cfg.Engine.Timeouts)
	}
	for _, t := range o.out.Transitions {
		o.log.Debug("membership state changed", slog.String("from", t.From.String()), slog.String("to", t.To.String()), slog.String("cause", t.Cause.String()))
	}
}

// nameOf returns the name of a daemon, or its number if neither this configuration nor the one
// before has it.
func (o *owner) nameOf(id wire.DaemonID) string {
	for _, top := range [...]*topology.Topology{o.cfg.Engine.Topology, o.former} {
		if top == nil {
			continue
		}
		if d := top.Daemon(id); d != nil {
			return d.Name
		}
	}
	return fmt.Sprint(uint32(id))
}
