package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spreadd/spreadd/membership"
)

// Limits of what a seed draws.
const (
	MaxDaemons = 20
	// MaxSegments is also limited by the number of daemons.
	MaxSegments = 4
)

// Options are what distinguishes one run from another. All are drawn from the seed.
type Options struct {
	Seed uint64

	// Layout is the number of daemons of each segment.
	Layout []int
	// Addresses is the number of addresses of a segment. A packet for the segment is sent to each.
	Addresses int

	// These are settings of the ring. Zero means the default.
	Accelerated                                              bool
	Window, PersonalWindow, AcceleratedWindow, QueueMessages int
	// Mixed says that only the first daemon has the windows, and the others have the defaults.
	// LocalMembers limits a group's members at one daemon; zero means the default.
	Mixed        bool
	LocalMembers int
	// Early says that daemons form rings as soon as all have answered, and that those that stop
	// tell the others.
	Early bool
	// Classic has a bit set for each daemon that keeps to its timers all the same, as C daemons do.
	Classic uint32
	// Refuse says that hosts refuse datagrams for daemons that are down.
	Refuse bool
	// Sealed says that the daemons have keys, and that somebody without keys attacks them.
	Sealed bool
	// Lockstep says that the timers of all daemons are equal to the nanosecond.
	Lockstep bool
	// TimeScale divides all timeouts.
	TimeScale int

	// Latency is added to every datagram. Jitter is the mean of a random addition.
	Latency, Jitter time.Duration
	// Loss and Duplicate are probabilities for each datagram in the safety phase. Late is the
	// probability of a delay of up to LateBy.
	Loss, Duplicate, Late float64
	LateBy                time.Duration
	// SocketPackets limits a socket's queue. What does not fit is lost.
	SocketPackets int
	// Cost is how long a daemon takes for a datagram. Batch is how many it takes before it sends.
	Cost  time.Duration
	Batch int
	// Skew limits the differences between the daemons' wall clocks.
	Skew time.Duration

	// Clients is the number of client names of each daemon, Groups the number of groups that they
	// may join.
	Clients, Groups int
	// Held says that the watchers join every group first, so that no group is ever empty where a
	// daemon is alive. Otherwise the ids of a group's views may repeat, because a group that is
	// made anew in the same membership begins at the same id (client-protocol §10.3), and
	// properties that need unique ids are not checked.
	Held bool
	// Messages limits what clients send in the safety phase. MaxSize is the largest payload.
	Messages, MaxSize int
	// Pause is the mean time between actions of a daemon's clients.
	Pause time.Duration
	// SlowBound is how many messages wait for a client that does not read before its daemon
	// disconnects it.
	SlowBound int

	// Safety is the length of the safety phase.
	Safety time.Duration
	// Faults is how often each kind of fault occurs.
	Faults [NumFaults]int
	// Still says that nothing goes wrong at all, and no daemon may leave a ring once all are in
	// one, or, if refusals are forged, none may form a ring that lacks one.
	Still bool
	// Dead is how many daemons stay down when the network heals.
	Dead int
}

func choose[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// Draw returns the options of a seed.
func Draw(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 1))
	const us, ms = time.Microsecond, time.Millisecond
	o := Options{Seed: seed}
	o.drawLayout(r)
	o.Addresses = choose(r, 1, 1, 1, 2)
	o.Accelerated = chance(r, 0.5)
	o.Window = choose(r, 0, 0, 3, 40, 3000)
	o.PersonalWindow = choose(r, 0, 0, 2)
	if o.Window == 3000 {
		o.PersonalWindow = choose(r, 0, 300, 1600)
	}
	o.AcceleratedWindow = choose(r, 0, 0, 1)
	o.QueueMessages = choose(r, 0, 0, 0, 5)
	o.Mixed = chance(r, 0.2)
	o.LocalMembers = choose(r, 0, 0, 0, 2)
	o.TimeScale = choose(r, 1, 1, 4)

	n := o.daemons()
	o.Latency = choose(r, 50*us, 200*us, 1*ms)
	if len(o.Layout) > 1 {
		o.Latency = choose(r, 100*us, 1*ms, 5*ms)
	}
	// A round must be short compared with the timeouts, as in any network that is configured for
	// its size.
	for time.Duration(n*o.TimeScale)*o.Latency > 80*ms {
		o.Latency /= 2
	}
	o.Jitter = o.Latency * time.Duration(choose(r, 0, 1, 4)) / 4
	o.Loss = choose(r, 0, 0, 0.01, 0.05, 0.15)
	o.Duplicate = choose(r, 0, 0.02, 0.1)
	o.Late = choose(r, 0, 0.005, 0.05)
	o.LateBy = choose(r, 20*ms, 400*ms, 3000*ms, 20_000*ms)
	o.SocketPackets = choose(r, 20, 90, 1000)
	o.Cost = choose(r, 2*us, 10*us, 50*us)
	o.Batch = choose(r, 1, 1, 8)
	o.Skew = choose(r, 0, 0, 3*time.Second)

	o.Clients = choose(r, 1, 2, 4)
	o.Groups = choose(r, 1, 2, 5)
	o.Held = chance(r, 0.7)
	o.Messages = choose(r, 30, 100, 250, 600)
	o.MaxSize = choose(r, 40, 1000, 1000, 6000)
	if o.Messages <= 100 && chance(r, 0.05) {
		o.MaxSize = 140_000
	}
	o.Pause = choose(r, 5*ms, 50*ms, 300*ms)
	o.SlowBound = choose(r, 10, 100)

	if n <= 4 && chance(r, 0.01) {
		// These are so many groups that their tables do not fit into one message.
		o.Held, o.Groups = true, 900+r.IntN(600)
	}

	o.Safety = time.Duration(choose(r, 15, 30, 60)) * time.Second / time.Duration(o.TimeScale)
	o.drawFaults(r)
	if chance(r, 0.3) {
		o.Dead = r.IntN(n)
	}
	if chance(r, 0.04) {
		o.Still, o.Loss, o.Late, o.SocketPackets, o.Faults = true, 0, 0, 1000, [NumFaults]int{}
	}
	// A random stream of its own leaves the other runs unchanged.
	if r := rand.New(rand.NewPCG(seed, 6)); !o.Still && n > 1 && chance(r, 0.2) {
		o.Faults[FaultReload] = 1 + r.IntN(5)
	}
	o.drawTimers(rand.New(rand.NewPCG(seed, 7)))
	if r := rand.New(rand.NewPCG(seed, 8)); !o.Still && n > 1 && chance(r, 0.1) {
		o.Faults[FaultFlip] = 1 + r.IntN(20)
	}
	// Nobody can change fields of sealed datagrams.
	o.Sealed = !o.Still && n > 1 && o.Faults[FaultFlip] == 0 && chance(rand.New(rand.NewPCG(seed, 11)), 0.15)
	return o
}

// drawTimers says who keeps to which timers, and who stops.
func (o *Options) drawTimers(r *rand.Rand) {
	o.Lockstep = chance(r, 0.3)
	o.Early = chance(r, 0.7)
	if chance(r, 0.3) {
		o.Classic = r.Uint32()
	}
	if !o.Still && chance(r, 0.3) {
		o.Faults[FaultStop] = 1 + r.IntN(5)
	}
	o.Refuse = o.Early && chance(r, 0.6)
	if o.Early && chance(r, 0.3) {
		o.Faults[FaultForge] = 1 + r.IntN(5)
	}
	if o.Still {
		// Several forgeries at once, or a network that takes longer than the accused have to
		// answer, can put a living daemon out of a ring.
		o.Faults[FaultForge] = 0
		if o.Early && len(o.Layout) == 1 && o.Latency+o.Jitter <= 400*time.Microsecond {
			o.Faults[FaultForge] = r.IntN(2)
		}
	}
}

func (o *Options) drawLayout(r *rand.Rand) {
	n := choose(r, 1+r.IntN(3), 2+r.IntN(4), 2+r.IntN(4), 4+r.IntN(5))
	if chance(r, 0.05) {
		n = 10 + r.IntN(MaxDaemons-9)
	}
	segments := min(n, choose(r, 1, 1, 2, 1+r.IntN(MaxSegments)))
	if chance(r, 0.03) {
		segments = n
	}
	o.Layout = make([]int, segments)
	for i := range n {
		if i < segments {
			o.Layout[i]++
		} else {
			o.Layout[r.IntN(segments)]++
		}
	}
}

// drawFaults gives each run some kinds of faults, but not all at once.
func (o *Options) drawFaults(r *rand.Rand) {
	for range r.IntN(8) {
		o.Faults[r.IntN(int(FaultReload))] += 1 + r.IntN(6)
	}
	if chance(r, 0.2) {
		o.Faults[FaultCascade] += 1 + r.IntN(4)
	}
}

func (o *Options) daemons() (n int) {
	for _, d := range o.Layout {
		n += d
	}
	return n
}

// actions is how many times clients act in the safety phase.
func (o *Options) actions() int { return o.Messages + 40 }

// timeouts returns the timeouts for the configuration's kind of network, divided by TimeScale.
func (o *Options) timeouts() membership.Timeouts {
	t := membership.LAN()
	if len(o.Layout) > 1 {
		t = membership.WAN()
	}
	for _, d := range []*time.Duration{&t.Token, &t.Hurry, &t.Alive, &t.Join, &t.Rep, &t.Seg, &t.Gather, &t.Form, &t.Lookup} {
		*d /= time.Duration(o.TimeScale)
	}
	return t
}

// HealBound is how long a whole network may take to form one ring (membership-protocol §15, C7). A
// ring's leader looks for others once a Lookup. An attempt to form a ring may fail because of an
// earlier one, which costs all the other timeouts, and another Lookup for a leader that went back
// to its ring.
func (o *Options) HealBound() time.Duration {
	t := o.timeouts()
	attempt := t.Token + t.Rep + t.Seg + 2*t.Gather + t.Form
	return 2*t.Lookup + 6*attempt + o.LateBy
}

// String returns the options in one line.
func (o Options) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: daemons %v", o.Seed, o.Layout)
	if o.Addresses > 1 {
		fmt.Fprintf(&b, " by %d addresses", o.Addresses)
	}
	if o.Accelerated {
		fmt.Fprintf(&b, ", accelerated by %d", o.AcceleratedWindow)
	}
	if o.Mixed {
		b.WriteString(", mixed")
	}
	if o.Early {
		fmt.Fprintf(&b, ", early but for %b", o.Classic)
	}
	if o.Refuse {
		b.WriteString(", refusals")
	}
	if o.Sealed {
		b.WriteString(", sealed")
	}
	if o.Lockstep {
		b.WriteString(", in lockstep")
	}
	fmt.Fprintf(&b, ", windows %d/%d, members %d, queue %d, timeouts/%d, latency %v+%v, loss %v, double %v, late %v by %v, sockets %d, cost %v, batch %d, skew %v",
		o.Window, o.PersonalWindow, o.LocalMembers, o.QueueMessages, o.TimeScale, o.Latency, o.Jitter, o.Loss, o.Duplicate, o.Late, o.LateBy,
		o.SocketPackets, o.Cost, o.Batch, o.Skew)
	fmt.Fprintf(&b, ", %d clients, %d groups, %d messages of up to %d, pause %v, slow at %d, %v of safety",
		o.Clients, o.Groups, o.Messages, o.MaxSize, o.Pause, o.SlowBound, o.Safety)
	if o.Still {
		b.WriteString(", nothing goes wrong")
	}
	if o.Held {
		b.WriteString(", groups held")
	}
	for f, n := range o.Faults {
		if n > 0 {
			fmt.Fprintf(&b, ", %v %d", Fault(f), n)
		}
	}
	if o.Dead > 0 {
		fmt.Fprintf(&b, ", %d stay dead", o.Dead)
	}
	return b.String()
}
