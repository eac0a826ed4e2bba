package sim

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

//go:generate go tool -modfile=../.ci/tools/go.mod stringer -type=Fault,Situation -linecomment -output=enums_string.go

// Fault is a kind of fault, in addition to loss, delay, duplication and reordering, which occur all
// the time.
type Fault int

// The kinds of faults.
const (
	// FaultBurst: some links lose most datagrams, for a while.
	FaultBurst Fault = iota // burst
	// FaultOneWay: a link works in one direction only.
	FaultOneWay // one-way
	// FaultFlap: the network splits in two and heals, repeatedly.
	FaultFlap // flap
	// FaultPartition: the network splits into parts.
	FaultPartition // partition
	// FaultMergeOfThree: the network splits into three parts for long enough that each forms a
	// ring, and heals at once.
	FaultMergeOfThree // merge-of-three
	// FaultSwizzle: the links of some daemons are cut one daemon after another, and healed in
	// another order.
	FaultSwizzle // swizzle
	// FaultSlow: a daemon pauses, and then does everything at once.
	FaultSlow // slow
	// FaultCrash: a daemon crashes, and restarts under its name.
	FaultCrash // crash
	// FaultCrashForming: a daemon crashes while a ring is being formed or installed.
	FaultCrashForming // crash-forming
	// FaultCutForming: the network splits in two while a ring is being formed or installed.
	FaultCutForming // cut-forming
	// FaultTokens: several tokens in a row are lost.
	FaultTokens // tokens
	// FaultLateForms: form tokens arrive after everyone has stopped waiting for them.
	FaultLateForms // late-forms
	// FaultDeaf: data is lost, but not tokens, while a ring is formed, or so that one must be
	// formed while data is missing.
	FaultDeaf // deaf
	// FaultStale: form tokens that a daemon has received arrive again when it waits for others.
	FaultStale // stale
	// FaultTardy: data that seemed lost arrives while a ring is formed.
	FaultTardy // tardy
	// FaultCascade: data is lost, the network splits before it is sent again, and splits anew
	// whenever a recovery is under way.
	FaultCascade // cascade
	// FaultMonitor: a monitor partitions the daemons, and only some receive the command.
	FaultMonitor // monitor
	// FaultClock: a daemon's wall clock is set back.
	FaultClock // clock
	// FaultClients: all clients of a daemon die at once.
	FaultClients // clients
	// FaultReload: the configuration changes, and daemons read it one after another.
	FaultReload // reload
	// FaultStop: a daemon stops in an orderly way, and restarts under its name.
	FaultStop // stop
	// FaultForge: daemons are told that a daemon refuses datagrams, which may be alive.
	FaultForge // forged refusals
	// FaultFlip: datagrams arrive with one number changed, or beside copies of which that is true.
	FaultFlip // flipped numbers
	// NumFaults is the number of kinds.
	NumFaults
)

// between returns a duration of at least lo and less than hi.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.faultRand.Int64N(int64(hi-lo)))
}

func (w *world) scaled(d time.Duration) time.Duration { return d / time.Duration(w.o.TimeScale) }

// planStart starts the daemons: together, one after another, or long after others have formed a
// ring.
func (w *world) planStart() {
	within := choose(w.faultRand, time.Millisecond, w.scaled(3*time.Second), w.o.Safety/2)
	for _, h := range w.hosts {
		d := time.Duration(0)
		if chance(w.faultRand, 0.7) {
			d = w.between(0, within)
		}
		w.after(d, func() {
			if h.lives == 0 && h.configured() { // a reload may have been sooner
				h.start()
				h.planClients()
			}
		})
	}
}

// planFaults spreads the faults over the safety phase.
func (w *world) planFaults() {
	for f, n := range w.o.Faults {
		for range n {
			w.after(w.between(0, w.o.Safety), func() {
				if !w.calm {
					w.inflict(Fault(f))
				}
			})
		}
	}
}

// whileUnwell makes a call after a while, unless the network has healed by then.
func (w *world) whileUnwell(d time.Duration, call func()) {
	w.after(d, func() {
		if !w.calm {
			call()
		}
	})
}

func (w *world) inflict(f Fault) {
	w.tracef("--- fault: %v", f)
	n, r := len(w.hosts), w.faultRand
	switch f {
	case FaultBurst:
		w.burst(0.3 + 0.7*r.Float64())
	case FaultOneWay:
		w.oneWay()
	case FaultFlap:
		w.flap(2 + r.IntN(6))
	case FaultPartition:
		w.split(2+r.IntN(2), w.between(w.scaled(100*time.Millisecond), w.scaled(15*time.Second)))
	case FaultMergeOfThree:
		t := w.o.timeouts()
		w.split(3, t.Token+t.Seg+2*t.Gather+w.between(0, t.Form))
	case FaultSwizzle:
		w.swizzle()
	case FaultSlow:
		h := w.hosts[r.IntN(n)]
		h.paused = w.now.Add(w.between(w.scaled(10*time.Millisecond), w.scaled(4*time.Second)))
		w.tracef("%s stands still until %s", h.d.Name, stamp(h.paused))
	case FaultCrash:
		w.crashAndRestart(w.hosts[r.IntN(n)])
	case FaultCrashForming:
		w.arm(w.crashNow)
	case FaultCutForming:
		w.arm(func(*host) {
			w.split(2, w.between(w.scaled(10*time.Millisecond), w.scaled(8*time.Second)))
		})
	case FaultTokens:
		w.dropToken += 1 + r.IntN(8)
	case FaultLateForms:
		w.holdForm += 1 + r.IntN(4)
	case FaultDeaf:
		w.deafSoon()
	case FaultStale:
		if chance(r, 0.5) {
			w.armAt(membership.StateForm, w.repeatForms)
		} else {
			w.arm(w.repeatForms)
		}
	case FaultTardy:
		w.armAt(membership.StateForm, w.bringLost)
	case FaultCascade:
		w.cascade(2 + r.IntN(4))
	case FaultMonitor:
		w.monitor()
	case FaultClock:
		w.hosts[r.IntN(n)].skew -= int32(1 + r.IntN(5))
	case FaultClients:
		if h := w.hosts[r.IntN(n)]; h.up {
			for _, s := range h.slots {
				if s != nil {
					h.drop(s)
				}
			}
			h.carryOut()
		}
	case FaultReload:
		w.reload()
	case FaultStop:
		w.stopAndRestart(w.hosts[r.IntN(n)])
	case FaultForge:
		w.forge(w.hosts[r.IntN(n)])
	case FaultFlip:
		w.flip()
	case NumFaults:
	}
}

// forge accuses a daemon of having ended, at some or all others, as often as needed to be believed.
func (w *world) forge(accused *host) {
	for _, h := range w.living() {
		if h == accused || chance(w.faultRand, 0.5) {
			continue
		}
		for range 1 + w.faultRand.IntN(3) {
			w.refuse(h, accused, w.between(0, w.round()))
		}
	}
}

// deafSoon makes the daemons lose data, now or at a critical moment.
func (w *world) deafSoon() {
	call := func(*host) { w.deaf(choose(w.faultRand, 0.5, 0.9, 1, 1)) }
	if chance(w.faultRand, 0.6) {
		call(nil)
	} else {
		w.arm(call)
	}
}

// deaf makes the daemons lose data, for about as long as a ring takes to recover, or to give that
// up.
func (w *world) deaf(loss float64) {
	w.dataLoss = loss
	w.tracef("%v of all data is lost", loss)
	if chance(w.faultRand, 0.5) {
		w.whileUnwell(w.between(0, w.scaled(time.Second)), func() {
			w.split(2+w.faultRand.IntN(2), w.between(w.scaled(10*time.Millisecond), w.scaled(8*time.Second)))
		})
	}
	t := w.o.timeouts()
	w.whileUnwell(w.between(t.Token, 3*t.Token+2*t.Gather+600*w.round()), func() {
		w.dataLoss = 0
		w.tracef("data is lost no more")
	})
}

// monitor makes some daemons obey a partition (membership-protocol §11). After a while it ends.
func (w *world) monitor() {
	components := make([]int16, len(w.hosts))
	for i := range components {
		components[i] = int16(w.faultRand.IntN(3))
	}
	for _, h := range w.living() {
		if chance(w.faultRand, 0.8) {
			w.tracef("%s gets a partition into %v", h.life.Name, components)
			h.partition(components)
		}
	}
	w.whileUnwell(w.between(w.scaled(100*time.Millisecond), w.scaled(8*time.Second)), w.endMonitor)
}

// endMonitor puts all daemons into one component.
func (w *world) endMonitor() {
	for _, h := range w.living() {
		h.partition(make([]int16, len(w.hosts)))
	}
}

func (h *host) partition(components []int16) {
	if err := h.engine.Partition(h.w.now, components); err != nil {
		panic(err)
	}
	h.planTimer()
}

// keptForms and keptLost are how many datagrams are kept, to arrive again or late.
const (
	keptForms = 40
	keptLost  = 200
)

func (w *world) keepForm(from, to *host, b []byte) {
	if w.o.Faults[FaultStale] == 0 || !isForm(b) {
		return
	}
	w.forms = append(w.forms, event{kind: eventArrive, host: to, from: from, token: true, bytes: b})
	if len(w.forms) > keptForms {
		w.forms = w.forms[1:]
	}
}

func (w *world) keepLost(from, to *host, b []byte) {
	if w.o.Faults[FaultTardy]+w.o.Faults[FaultCascade] == 0 || w.calm || !isData(b) {
		return
	}
	w.lost = append(w.lost, event{kind: eventArrive, host: to, from: from, bytes: b})
	if len(w.lost) > keptLost {
		w.lost = w.lost[1:]
	}
}

// bringLost delivers the data that seemed lost to a daemon, and continues at its next attempt to
// form a ring.
func (w *world) bringLost(h *host) {
	w.tracef("data that seemed lost comes to %s", h.d.Name)
	rest := w.lost[:0:0]
	for _, e := range w.lost {
		if e.host == h && chance(w.faultRand, 0.5) {
			e.at = w.now.Add(w.between(0, w.round()))
			w.plan.push(e)
		} else {
			rest = append(rest, e)
		}
	}
	w.lost = rest
	w.armAt(membership.StateForm, w.bringLost)
}

// repeatForms delivers form tokens again to a daemon that has had them.
func (w *world) repeatForms(h *host) {
	w.tracef("old form tokens come again to %s", h.d.Name)
	for _, e := range w.forms {
		if e.host == h {
			e.at = w.now.Add(w.between(0, 2*w.round()))
			w.plan.push(e)
		}
	}
	if chance(w.faultRand, 0.5) {
		w.arm(w.repeatForms)
	}
}

// cascade breaks a recovery that has work to do, several times in a row.
func (w *world) cascade(times int) {
	w.dataLoss = 0.3 + 0.6*w.faultRand.Float64()
	w.stir()
	w.whileUnwell(w.between(0, 2*w.round()), func() {
		w.split(2+w.faultRand.IntN(2), w.o.Safety)
		w.dataLoss = 0
		w.again(times)
		if chance(w.faultRand, 0.5) {
			w.armAt(membership.StateForm, w.bringLost)
		}
	})
}

func (w *world) stir() {
	for _, h := range w.living() {
		for range w.faultRand.IntN(5) {
			t := choose(w.faultRand, wire.FIFO, wire.Agreed, wire.Safe, wire.Safe)
			h.send(h.watcher, t, 40+w.faultRand.IntN(w.o.MaxSize), w.known.groups[0])
		}
		h.carryOut()
	}
}

// again splits the network in another way when a daemon is about to commit to a recovery, or has
// just done so.
func (w *world) again(times int) {
	w.armAt(membership.StateEVS, func(*host) {
		w.whileUnwell(w.between(0, 2*w.round()), func() {
			w.split(1+w.faultRand.IntN(3), w.o.Safety)
			if times > 1 {
				w.again(times - 1)
			} else {
				w.whileUnwell(w.between(0, w.scaled(3*time.Second)), w.unite)
			}
		})
	})
}

func (w *world) burst(loss float64) {
	var list []*link
	for i := range w.hosts {
		for j := range w.hosts {
			if i != j && chance(w.faultRand, 0.5) {
				w.links[i][j].loss = loss
				list = append(list, &w.links[i][j])
			}
		}
	}
	w.whileUnwell(w.between(w.scaled(20*time.Millisecond), w.scaled(3*time.Second)), func() {
		for _, l := range list {
			l.loss = 0
		}
	})
}

func (w *world) oneWay() {
	i, j := w.faultRand.IntN(len(w.hosts)), w.faultRand.IntN(len(w.hosts))
	w.tracef("%s no longer hears %s", w.hosts[j].d.Name, w.hosts[i].d.Name)
	w.links[i][j].cuts++
	w.whileUnwell(w.between(w.scaled(100*time.Millisecond), w.scaled(10*time.Second)), func() {
		w.links[i][j].cuts--
	})
}

// split splits the hosts into parts, and heals the network after a while.
func (w *world) split(parts int, d time.Duration) {
	for i := range w.component {
		w.component[i] = w.faultRand.IntN(parts)
	}
	w.tracef("the network falls into %v", w.component)
	w.whileUnwell(d, w.unite)
}

func (w *world) unite() {
	clear(w.component)
	w.tracef("the network is whole")
}

func (w *world) flap(times int) {
	d := w.between(w.scaled(20*time.Millisecond), w.scaled(2500*time.Millisecond))
	w.split(2, d)
	if times > 1 {
		w.whileUnwell(d+w.between(w.scaled(20*time.Millisecond), w.scaled(2500*time.Millisecond)), func() { w.flap(times - 1) })
	}
}

func (w *world) swizzle() {
	var chosen []int
	for i := range w.hosts {
		if chance(w.faultRand, 0.6) {
			chosen = append(chosen, i)
		}
	}
	toggle := func(i, by int) {
		for j := range w.hosts {
			if i != j {
				w.links[i][j].cuts += by
				w.links[j][i].cuts += by
			}
		}
	}
	var d time.Duration
	next := func() time.Duration {
		d += w.between(0, w.scaled(2*time.Second))
		return d
	}
	for _, i := range chosen {
		w.whileUnwell(next(), func() {
			w.tracef("%s is cut off", w.hosts[i].d.Name)
			toggle(i, 1)
			// These draws determine the order of healing.
			w.whileUnwell(w.between(0, w.scaled(8*time.Second)), func() {
				w.tracef("%s is back", w.hosts[i].d.Name)
				toggle(i, -1)
			})
		})
	}
}

// crashAndRestart makes a daemon crash and restart, at once or later. Its wall clock may lag behind
// the times that it has put into ids: each attempt to form a ring uses up to three seconds' worth of
// them, and may take less time. Sometimes the clock is set back, too.
func (w *world) crashAndRestart(h *host) {
	if !h.up {
		return
	}
	h.crash()
	w.restartLater(h)
}

// stopAndRestart makes a daemon stop in an orderly way, and restart like one that has crashed.
func (w *world) stopAndRestart(h *host) {
	if h.up {
		w.stop(h)
		w.restartLater(h)
	}
}

func (w *world) stop(h *host) {
	w.tracef("%s stops", h.life.Name)
	h.engine.Stop(w.now, &h.out)
	h.step()
	h.crash()
}

func (w *world) restartLater(h *host) {
	within := choose(w.faultRand, 10*time.Millisecond, w.scaled(time.Second), w.scaled(12*time.Second))
	if chance(w.faultRand, 0.2) {
		h.skew -= int32(w.faultRand.IntN(20))
	}
	w.whileUnwell(w.between(0, within), func() { w.restart(h) })
}

func (w *world) restart(h *host) {
	if h.up || h.ghost || !h.configured() {
		return
	}
	if w.wall(h) <= h.lastTime {
		w.rare[ClockBehind]++
	}
	h.start()
	h.planClients()
}

// crashNow crashes a daemon that is part of forming a ring.
func (w *world) crashNow(h *host) {
	victim := h
	switch w.faultRand.IntN(4) {
	case 0: // the leader
		if up := w.living(); len(up) > 0 {
			victim = up[0]
		}
	case 1:
		victim = w.hosts[w.faultRand.IntN(len(w.hosts))]
	}
	w.crashAndRestart(victim)
}

type trigger struct {
	state  membership.State // or 0: groups counts
	groups groups.State
	skip   int
	call   func(*host)
}

// arm makes something happen at one of the critical moments.
func (w *world) arm(call func(*host)) {
	t := &trigger{skip: w.faultRand.IntN(6), call: call}
	switch w.faultRand.IntN(5) {
	case 0:
		t.state = membership.StateForm
	case 1, 2:
		t.state = membership.StateEVS
	case 3:
		t.state = membership.StateOp
	case 4:
		t.groups = groups.StateGather
	}
	w.triggers = append(w.triggers, t)
}

func (w *world) armAt(s membership.State, call func(*host)) {
	w.triggers = append(w.triggers, &trigger{state: s, call: call})
}

// pull shows the triggers a change of state.
func (w *world) pull(h *host, s membership.State, g groups.State) {
	for i := 0; i < len(w.triggers); i++ {
		t := w.triggers[i]
		if t.state != s || t.groups != g {
			continue
		}
		if t.skip > 0 {
			t.skip--
			continue
		}
		w.triggers = append(w.triggers[:i:i], w.triggers[i+1:]...)
		i--
		// Fire at once, or within the time that a token needs for some hops.
		d := time.Duration(0)
		if chance(w.faultRand, 0.7) {
			d = w.between(0, 4*(w.o.Latency+w.o.Jitter)+1)
		}
		w.whileUnwell(d, func() { t.call(h) })
	}
}

// heal ends all faults. Daemons that are down start, except for some that stay down.
func (w *world) heal() {
	w.tracef("--- the network heals")
	w.calm = true
	w.triggers = nil
	w.unite()
	w.endMonitor()
	for i := range w.links {
		clear(w.links[i])
	}
	dead := w.faultRand.Perm(len(w.hosts))[:w.o.Dead]
	for i, h := range w.hosts {
		h.paused = 0
		stays := slices.Contains(dead, i)
		switch {
		case stays:
			h.crash()
			h.ghost = true
		case h.up:
			h.carryOut()
		default:
			w.restart(h)
		}
	}
	w.reloadLast(dead)
}
