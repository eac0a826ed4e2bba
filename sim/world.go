package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// confHash is the hash of the first configuration. Later ones count up from it.
	confHash = 0x5eed
	// startWall is the wall clock at the beginning, in seconds since 1970.
	startWall = 1_700_000_000
	// maxEvents limits a run. A run that comes near it loops.
	maxEvents = 5_000_000
)

type world struct {
	o    Options
	now  clock.Time
	plan agenda
	// These are random streams for independent purposes: a change of one leaves the others alone.
	netRand, workRand, faultRand *rand.Rand

	// top is the topology of all daemons, configured or not.
	top *topology.Topology
	// confs are the configurations so far. The last is in the file.
	confs []*configuration
	hosts []*host
	byID  map[wire.DaemonID]*host

	// links are the paths between hosts, by the sender and the receiver.
	links [][]link
	// component is the part of the network that each host is in. Only hosts of one part hear each
	// other.
	component []int
	// calm reports that nothing goes wrong any more, settled that one ring has been formed after
	// that.
	calm, settled bool
	// complete reports that nothing but forged refusals goes wrong, so that each ring has all
	// daemons.
	complete bool
	triggers []*trigger
	dataLoss float64
	// dropToken and holdForm are the numbers of tokens to lose, and of form tokens to delay, next.
	dropToken, holdForm int
	// flips is how many datagrams are to get a wrong number, and flipTokens whether the next one is a
	// token.
	flips      int
	flipTokens bool
	// forms are recent form tokens, to arrive again. lost is data that did not arrive.
	forms, lost []event

	// hurried are the attempts to form a ring that began early.
	hurried map[wire.MembershipID]bool
	// losses counts how often a daemon has left a ring.
	losses int
	// actions is the number of actions that clients have left.
	actions int
	hist    History
	trace   *trace
	rare    Rare
	tamper  *tamper
	keys    *keys // nil in runs without keys
	found   []Violation
	known   known
	bytes   slab[byte]    // of datagrams
	clients slab[*Client] // of entries
	stopped bool
	events  int
}

// Result is the outcome of a run.
type Result struct {
	Options    Options
	Violations []Violation
	Rare       Rare
	// Events is the number of events, Time the length of the run on its own clock, Healed how long
	// the daemons took to form one ring when the network was whole, and Delivered the number of
	// deliveries.
	Events       int
	Time, Healed time.Duration
	Delivered    int
	// Timeline is what happened, line by line, if it was requested.
	Timeline []string
}

// Run simulates a seed.
func Run(seed uint64) Result { return run(Draw(seed), nil, nil) }

// Replay simulates a seed and keeps the timeline.
func Replay(seed uint64) Result { return run(Draw(seed), nil, new(trace)) }

func run(o Options, tm *tamper, tr *trace) Result {
	w := newWorld(o, tm, tr)
	healed := w.play()
	w.check()
	r := Result{
		Options: o, Violations: w.found, Rare: w.rare, Events: w.events,
		Time: time.Duration(w.now), Healed: healed,
	}
	for _, l := range w.hist.Daemons {
		for i := range l.Stream {
			if l.Stream[i].Kind == EntryData {
				r.Delivered++
			}
		}
	}
	if tr != nil {
		r.Timeline = tr.lines
	}
	return r
}

func newWorld(o Options, tm *tamper, tr *trace) *world {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, n)) }
	w := &world{
		o: o, now: 1, netRand: stream(2), workRand: stream(3), faultRand: stream(4),
		byID: make(map[wire.DaemonID]*host), hurried: make(map[wire.MembershipID]bool), tamper: tm, trace: tr,
		actions: o.actions(), hist: History{Held: o.Held},
	}
	if w.tamper == nil {
		w.tamper = new(tamper)
	}
	w.buildTopology(stream(5))
	w.known = knownNames(w.top, &o)
	n := len(w.top.Daemons())
	w.component = make([]int, n)
	w.links = make([][]link, n)
	for i := range w.links {
		w.links[i] = make([]link, n)
	}
	for i := range w.top.Daemons() {
		d := &w.top.Daemons()[i]
		h := &host{w: w, d: d, rank: i}
		if o.Skew > 0 {
			h.skew = int32(w.faultRand.Int64N(int64(o.Skew) / int64(time.Second)))
		}
		w.hosts = append(w.hosts, h)
		w.byID[d.ID] = h
	}
	return w
}

// buildTopology names the daemons with letters, and gives them ids that do not follow their order.
func (w *world) buildTopology(r *rand.Rand) {
	var segments []topology.Segment
	n := 0
	for i, count := range w.o.Layout {
		s := topology.Segment{Port: 4803}
		for a := range w.o.Addresses {
			s.Addrs = append(s.Addrs, netip.AddrFrom4([4]byte{239, byte(i), 0, byte(a)}))
		}
		for range count {
			s.Daemons = append(s.Daemons, topology.Daemon{
				ID: wire.DaemonID(r.Uint32()>>8)<<8 | wire.DaemonID(n+1), Name: string(rune('A' + n)),
				Addr: netip.AddrFrom4([4]byte{10, byte(i), 0, byte(n + 1)}),
			})
			n++
		}
		segments = append(segments, s)
	}
	top, err := topology.New(segments)
	if err != nil {
		panic(err) // ids differ by their last byte
	}
	w.top = top
	w.confs = []*configuration{{top: top, hash: confHash}}
}

// play runs the two phases: first anything may go wrong, then nothing does. It returns how long
// forming one ring took.
func (w *world) play() (healed time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			w.fail("panic", "%v\n%s", p, debug.Stack())
		}
	}()
	if w.o.Sealed {
		w.planKeys()
	}
	w.planStart()
	w.planFaults()
	end := w.now.Add(w.o.Safety)
	if w.o.Still && w.until(end, func() bool { return len(w.living()) == len(w.hosts) && w.united() }) {
		w.tracef("--- all are in one ring, and nothing goes wrong")
		w.settled, w.complete = w.o.Faults[FaultForge] == 0, true
	}
	w.until(end, nil)
	w.settled, w.complete = false, false
	w.heal()
	if !w.until(w.now.Add(time.Hour), w.allUp) {
		w.fail("restart", "a daemon does not start: %s", w.states())
		return 0
	}
	// Datagrams on their way may arrive this late.
	from := w.now
	w.until(w.now.Add(w.o.LateBy), nil)
	if w.o.Faults[FaultFlip] > 0 {
		w.until(w.now.Add(6*w.o.timeouts().Token), nil) // until a ring that stands still is given up
	}
	for !w.stopped {
		if !w.until(from.Add(w.o.HealBound()), w.united) {
			w.fail("C7", "no ring of all that live, %v after the network healed: %s", w.o.HealBound(), w.states())
			break
		}
		healed = w.now.Sub(from)
		if w.lasts() {
			w.settled = true
			w.tracef("--- one ring since %v after", healed)
			w.rollCall()
			break
		}
	}
	return healed
}

// lasts reports whether a ring survives the consequences of earlier faults: a token may have been
// lost, and a dead daemon may still be expected to join.
func (w *world) lasts() bool {
	t := w.o.timeouts()
	before := w.losses
	w.until(w.now.Add(t.Token+2*t.Gather+t.Form), nil)
	return w.losses == before && w.united()
}

// until runs to a moment, or until done reports true, and returns whether it did. It calls done
// periodically.
func (w *world) until(limit clock.Time, done func() bool) bool {
	const every = 20 * time.Millisecond
	next := w.now
	for !w.stopped {
		if done != nil && w.now >= next {
			if done() {
				return true
			}
			next = w.now.Add(every)
		}
		if len(w.plan.heap) == 0 || w.plan.heap[0].at > limit {
			w.now = max(w.now, limit)
			return done != nil && done()
		}
		e := w.plan.pop()
		w.now = max(w.now, e.at)
		w.happen(e)
		w.plan.done(e)
		w.events++
		if w.events > maxEvents {
			w.fail("events", "more than %d events", maxEvents)
		}
	}
	return false
}

func (w *world) happen(e *event) {
	switch e.kind {
	case eventCall:
		if e.host == nil || e.host.up && e.host.lives == e.life {
			e.call()
		}
	case eventArrive:
		e.host.arrive(e)
	case eventWork:
		if e.host.up && e.host.lives == e.life {
			e.host.work()
		}
	case eventTimer:
		if e.host.up && e.host.lives == e.life {
			e.host.timer(e.at)
		}
	}
}

func (w *world) after(d time.Duration, call func()) {
	w.plan.push(event{at: w.now.Add(d), kind: eventCall, call: call})
}

// fail records a violation that shows during the run, and ends the run.
func (w *world) fail(property, format string, args ...any) {
	v := Violation{property, w.now, fmt.Sprintf(format, args...)}
	w.tracef("*** %v", v)
	w.found = append(w.found, v)
	w.stopped = true
}

func (w *world) wall(h *host) int32 {
	return startWall + h.skew + int32(w.now/clock.Time(time.Second))
}

func (w *world) living() (list []*host) {
	for _, h := range w.hosts {
		if h.up {
			list = append(list, h)
		}
	}
	return list
}

func (w *world) check() {
	for _, h := range w.living() {
		h.checkBounds()
	}
	if w.o.Faults[FaultFlip] > 0 {
		return // see flip.go
	}
	a := newAnalysis(&w.hist)
	complete := w.settled && !w.stopped
	for _, c := range checkers {
		if c.complete && !complete {
			continue
		}
		r := report{property: c.property}
		c.check(a, &r)
		for _, v := range r.found {
			w.tracef("*** %v", v)
		}
		w.found = append(w.found, r.found...)
	}
}
