package seal

import (
	"cmp"
	"crypto/subtle"
	"io"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// handleControl takes a control message that was opened. s is its sender, or nil if that has not
// proved itself yet.
func (n *Node) handleControl(now clock.Time, p *peer, h *header, s *sender, d *door, text []byte) Reason {
	var c control
	if !c.decode(text) {
		return Malformed
	}
	monitor := netip.AddrPort{}
	if h.kind == KindMonitorControl {
		monitor = netip.AddrPortFrom(p.addr, c.port)
	}
	if s == nil && d.isAnswered(now, c.answer) {
		s = n.admit(now, p, h, d)
	}
	if s != nil {
		if h.kind.role() == Daemon {
			p.state, p.stated = c.state, now
		} else if c.command == commandUse {
			n.Use(now, c.state.Wanted)
		}
		n.settle(now)
	}
	switch {
	case c.challenge != nonce{} || s != nil && monitor.IsValid():
		// What a proved sender says is new, so it may not wait behind recordings.
		if s == nil && d.answered != 0 && now.Sub(d.answered) < answerPause {
			break
		}
		d.answered = now
		reply := control{answer: c.challenge, state: n.State()}
		if s == nil {
			reply.challenge = d.current(now, n.random)
			d.challenged = now
		}
		n.sendControl(p.id, monitor, &reply)
	case s == nil:
		n.challenge(now, p, d, monitor)
	}
	if s == nil {
		return Unproved
	}
	return Consumed
}

// isAnswered reports whether an answer is that to the present challenge.
func (d *door) isAnswered(now clock.Time, answer nonce) bool {
	return answer != nonce{} && d.made != 0 && now.Sub(d.made) <= challengeLife &&
		subtle.ConstantTimeCompare(answer[:], d.challenge[:]) == 1
}

// current returns the present challenge; it makes a new one if that is used up or old. It returns
// none if there are no random bytes.
func (d *door) current(now clock.Time, random io.Reader) nonce {
	if d.made == 0 || now.Sub(d.made) > challengeLife {
		if _, err := io.ReadFull(random, d.challenge[:]); err != nil {
			d.challenge, d.made = nonce{}, 0
			return nonce{}
		}
		d.made = now
	}
	return d.challenge
}

// admit notes that a life of a sender has proved itself. What that has sealed before its answer may
// be older than this life of the receiver, and is not accepted any more.
func (n *Node) admit(now clock.Time, p *peer, h *header, d *door) *sender {
	made := sender{id: p.id, boot: h.boot, heard: now, openers: []opener{d.trial}}
	made.window.start(h.counter)
	d.challenge, d.made, d.trial = nonce{}, 0, opener{}
	if h.kind.role() == Daemon {
		p.live, p.proved, p.stated = made, true, 0
		return &p.live
	}
	if len(n.monitors) >= maxMonitors {
		oldest := slices.MinFunc(n.monitors, func(a, b *sender) int { return cmp.Compare(a.heard, b.heard) })
		*oldest = made
		return oldest
	}
	n.monitors = append(n.monitors, &made)
	return &made
}

// challenge asks a sender to prove that it is running, unless it was just asked.
func (n *Node) challenge(now clock.Time, p *peer, d *door, monitor netip.AddrPort) {
	if d.challenged != 0 && now.Sub(d.challenged) < challengePause {
		return
	}
	d.challenged = now
	n.sendControl(p.id, monitor, &control{challenge: d.current(now, n.random), state: n.State()})
}

// sendControl adds a control message to the datagrams to send.
func (n *Node) sendControl(to wire.DaemonID, monitor netip.AddrPort, c *control) {
	c.port = n.port
	kind, receiver := KindControl, uint32(to)
	switch {
	case monitor.IsValid():
		kind, receiver = KindMonitorAnswer, 0
	case n.role == Monitor:
		kind = KindMonitorControl
	}
	b, err := n.seal(nil, kind, false, receiver, c.bytes(), nil)
	if err == nil { // Otherwise the node can seal nothing more, which its owner hears from Seal.
		n.sends = append(n.sends, Send{To: topology.ToDaemon(to), Monitor: monitor, Bytes: b})
	}
}

// Sends returns the datagrams to send, and forgets them.
func (n *Node) Sends() []Send {
	s := n.sends
	n.sends = nil
	return s
}

// Greet has a monitor introduce itself to a daemon, or ask it for the state of its keys. port is
// where the monitor waits for datagrams. If use is not 0, the daemon is to use that key.
func (n *Node) Greet(now clock.Time, to wire.DaemonID, port uint16, use KeyID) {
	p := n.byID[to]
	if p == nil {
		return
	}
	n.port = port
	c := control{state: KeyState{Wanted: use}}
	if use != 0 {
		c.command = commandUse
	}
	if !p.proved {
		c.challenge = p.door.current(now, n.random)
	}
	n.sendControl(to, netip.AddrPort{}, &c)
}
