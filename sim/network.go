package sim

import (
	"time"

	"github.com/spreadd/spreadd/internal/topology"
)

type link struct {
	// cuts counts the faults that have cut it.
	cuts int
	// loss is added to that of the network.
	loss float64
}

// lateRounds is how many rounds of the smallest ring a regular token may be late. Rounds are
// numbered modulo 16 on the token (ring-protocol §13.1). A copy from sixteen rounds ago on an idle
// ring looks like the next token, to us and to a C daemon, and two tokens assign the same numbers
// twice. The protocol relies on networks to forget a datagram sooner.
const lateRounds = 12

// transmit sends a datagram to all its receivers. Multicast leaves the sender out, because a daemon
// does not hear itself.
func (w *world) transmit(from *host, to topology.Target, b []byte) {
	var fates *fates
	if w.trace != nil {
		fates = w.trace.begin(w, from, to, b)
	}
	if to.Daemon != 0 {
		other := w.byID[to.Daemon]
		w.carry(from, other, to.Token, b, fates)
		if w.o.Refuse && !other.up && w.reach(from, other) && w.reach(other, from) && (w.calm || !chance(w.netRand, 0.2)) {
			w.refuse(from, other, 2*w.o.Latency)
		}
	} else {
		for i := range w.top.Segments()[to.Segment].Daemons {
			d := &w.top.Segments()[to.Segment].Daemons[i]
			if d.ID == from.d.ID {
				continue
			}
			for range w.o.Addresses {
				w.carry(from, w.hosts[d.Rank], to.Token, b, fates)
			}
		}
	}
	if fates != nil {
		fates.end()
	}
}

// reach reports whether nothing cuts the link between two hosts.
func (w *world) reach(from, to *host) bool {
	return w.component[from.rank] == w.component[to.rank] && w.links[from.rank][to.rank].cuts == 0
}

// refuse tells a daemon, after a while, that the host of another one refuses datagrams for it.
func (w *world) refuse(h, other *host, after time.Duration) {
	life := h.lives
	w.after(after, func() {
		if h.up && h.lives == life && h.paused <= w.now {
			h.engine.HandleRefused(w.now, w.wall(h), other.d.ID, &h.out)
			h.carryOut()
		}
	})
}

func (w *world) carry(from, to *host, token bool, b []byte, f *fates) {
	l := &w.links[from.rank][to.rank]
	w.attack(from, to, token, b)
	if token {
		w.keepForm(from, to, b)
	}
	switch {
	case !w.reach(from, to):
		f.add(to, "cut")
		w.keepLost(from, to, b)
		return
	case w.calm:
	case token && w.dropToken > 0:
		w.dropToken--
		f.add(to, "lost")
		return
	case !token && w.dataLoss > 0 && isData(b) && chance(w.netRand, w.dataLoss):
		f.add(to, "deaf")
		w.keepLost(from, to, b)
		return
	case chance(w.netRand, w.o.Loss), l.loss > 0 && chance(w.netRand, l.loss):
		f.add(to, "lost")
		w.keepLost(from, to, b)
		return
	}
	copies := 1
	if chance(w.netRand, w.o.Duplicate) {
		copies++
	}
	for range copies {
		d := w.delay(token, b)
		f.addDelay(to, d)
		if other := w.flipped(token, b); other != nil {
			w.tracef("--- to %s with a wrong number", to.d.Name)
			w.plan.push(event{at: w.now.Add(d), kind: eventArrive, host: to, from: from, token: token, bytes: other})
			if chance(w.faultRand, 0.5) {
				continue
			}
		}
		w.plan.push(event{at: w.now.Add(d), kind: eventArrive, host: to, from: from, token: token, bytes: b})
	}
}

// delay returns how long a datagram takes. Later datagrams overtake a slow one.
func (w *world) delay(token bool, b []byte) time.Duration {
	d := w.o.Latency
	if w.o.Jitter > 0 {
		d += time.Duration(w.netRand.ExpFloat64() * float64(w.o.Jitter))
	}
	if w.calm {
		return min(d, 4*(w.o.Latency+w.o.Jitter))
	}
	late := chance(w.netRand, w.o.Late)
	if token && w.holdForm > 0 && isForm(b) {
		w.holdForm--
		late = true
	}
	if late {
		by := time.Duration(w.netRand.Int64N(int64(w.o.LateBy)))
		if token && !isForm(b) {
			by = min(by, lateRounds*2*(w.o.Latency+w.o.Cost))
		}
		d += by
	}
	return d
}

// allUp reports whether all daemons are up that should be.
func (w *world) allUp() bool {
	for _, h := range w.hosts {
		if h.up != (h.configured() && !h.ghost) {
			return false
		}
	}
	return true
}

// united reports whether all living daemons are in one ring, and their tables of groups are merged.
func (w *world) united() bool {
	up := w.living()
	var first *host
	for _, h := range up {
		if !h.operational() {
			return false
		}
		if first == nil {
			first = h
		}
		if st := h.engine.Status().Ring; st.ID != first.engine.Status().Ring.ID || st.NumProcs != len(up) {
			return false
		}
	}
	return true
}
