package sim

import (
	"time"

	"github.com/spreadd/spreadd/wire"
)

// probeName is the private name of the clients that connect when the network is calm.
const probeName = "probe"

// rollCall is the second phase, on one ring in a calm network. Newcomers join each group and so see
// its table at each daemon. Everybody sends with each service, and everything must arrive. Then
// every block that is not in use must be back.
func (w *world) rollCall() {
	if w.o.Faults[FaultFlip] > 0 {
		for _, h := range w.living() {
			h.pending = 0 // A wrong number may have taken a message's place.
		}
	}
	services := []wire.Type{wire.Unreliable, wire.Reliable, wire.FIFO, wire.Causal, wire.Agreed, wire.Safe}
	for _, h := range w.living() {
		probe := h.connect(probeName, true)
		for g := range min(w.o.Groups, 20) {
			h.join(probe, w.known.groups[g])
		}
		for _, s := range append([]*session{probe}, h.slots...) {
			if s == nil || s.Gone != 0 || s.leaving {
				continue
			}
			s.idle = false
			for i, t := range services {
				h.send(s, t, i*300, w.known.groups[i%w.o.Groups])
			}
		}
		h.carryOut()
	}
	bound := w.drainBound()
	if !w.until(w.now.Add(bound), w.quiet) {
		w.fail("M12", "messages have not arrived within %v in a calm network: %s", bound, w.states())
		return
	}
	t := w.o.timeouts()
	w.until(w.now.Add(5*t.Hurry+w.round()*10), nil)
	for _, h := range w.living() {
		if n := h.pool.Out(); n != 0 && !w.stopped {
			w.fail("blocks", "%s holds %d blocks when all is stable and delivered", h.life.Name, n)
		}
	}
}

// quiet reports whether all requests of clients are done, at the daemons where they were made.
func (w *world) quiet() bool {
	for _, h := range w.living() {
		if len(h.inbox) > 0 || h.pending > 0 {
			return false
		}
	}
	return true
}

// round is about how long the token takes for a round.
func (w *world) round() time.Duration {
	return time.Duration(len(w.hosts)) * (2*(w.o.Latency+w.o.Jitter) + time.Duration(w.o.Batch)*w.o.Cost)
}

// drainBound is how long the waiting messages may take: even the smallest window lets some packets
// go in each round.
func (w *world) drainBound() time.Duration {
	packets := 0
	for _, m := range w.hist.Messages {
		packets += 2 + m.Size/1000
	}
	t := w.o.timeouts()
	return 10*t.Token + time.Duration(packets)*w.round()
}
