package daemon

import (
	"github.com/spreadd/spreadd/daemon/transport"
)

// maxDataFirst bounds the batches of data that are taken before a token: more
// than all daemons together may send in a round, fewer than a stranger could
// send to keep the token from ever being looked at.
const maxDataFirst = 16

// openRing opens the sockets of the ring, for other daemons and for monitors. A
// daemon without an address, as tests have them, has none.
func (d *Daemon) openRing() error {
	top := d.cfg.Engine.Topology
	if !top.Daemon(d.cfg.Engine.Self).Addr.IsValid() {
		return nil
	}
	cfg := d.cfg.Ring
	cfg.Topology, cfg.Self, cfg.Pool, cfg.Poller, cfg.Log = top, d.cfg.Engine.Self, &d.pool, d.poller, d.log
	var err error
	d.ring, err = transport.Open(cfg)
	return err
}

// takeData lets the engine have packets.
func (d *Daemon) takeData(b *transport.Batch) {
	d.handleData(b)
	if d.engine.TokenFirst() {
		if t := d.ring.PollTokens(); t != nil {
			d.handleToken(t)
		}
	}
}

// takeToken lets the engine have a token, and before it the packets that were
// sent before it, if there may be any.
func (d *Daemon) takeToken(b *transport.Batch, mayHaveData bool) {
	for range maxDataFirst {
		if d.pacing.pause(d.moment()).ring {
			d.heldToken = b
			return
		}
		if !mayHaveData || d.engine.TokenFirst() {
			break
		}
		data := d.ring.PollData()
		if data == nil {
			break
		}
		d.handleData(data)
	}
	d.handleToken(b)
}

func (d *Daemon) handleData(b *transport.Batch) {
	now, wall := d.now()
	for i := range b.Items {
		d.engine.HandleData(now, wall, b.Items[i].From, b.Items[i].Data, &d.out)
	}
	d.carryOut() // before the batch's blocks go
	b.Done()
}

func (d *Daemon) handleToken(b *transport.Batch) {
	now, wall := d.now()
	for i := range b.Items {
		d.engine.HandleToken(now, wall, b.Items[i].From, b.Items[i].Data.Bytes(), &d.out)
	}
	d.carryOut()
	b.Done()
}

// send puts on the wire what the engine wants sent.
func (d *Daemon) send() {
	if d.ring == nil || len(d.out.Sends) == 0 {
		return
	}
	// It fails only once the ring's sockets are closed, when nobody is to
	// hear of us any more.
	_ = d.ring.Send(d.out.Sends)
}
