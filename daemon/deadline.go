package daemon

// maxOverdue bounds the batches of datagrams that are taken before a timer that is due: more than
// a round brings, fewer than a stranger could send to keep the timers from running.
const maxOverdue = 64

// advance runs the timers that are due, behind what has arrived by then. If this daemon has been kept from its
// work for longer than the token timeout, on a machine that has other things to do, its sockets are full
// of signs that the ring lives: that nobody has looked at them is no silence of others.
func (d *Daemon) advance() {
	if d.ring != nil && d.heldToken == nil {
		for range maxOverdue {
			data := d.ring.PollData()
			if data != nil {
				d.handleData(data)
				continue
			}
			token := d.ring.PollTokens()
			if token == nil {
				break
			}
			d.handleToken(token)
		}
	}
	now, wall := d.now()
	d.engine.Advance(now, wall, &d.out)
}
