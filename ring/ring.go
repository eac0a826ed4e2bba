package ring

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// State says whether there is a ring.
type State uint8

// The states.
const (
	// Down: there is no token. Packets of the last ring are still stored.
	Down State = iota // down
	// Operational: a ring is installed and its token circulates.
	Operational // operational
	// Recovering: the token of the next ring circulates, and the members of old rings complete what
	// they have of these (EVS).
	Recovering // recovering
)

// Ring is the machine. It is not safe for concurrent use.
type Ring struct {
	cfg  Config
	self place

	state State
	level Level

	// id names the installed ring. While recovering it is still the old one, but route is that of
	// the next ring.
	id       wire.MembershipID
	route    route
	recovery recovery

	seq       numbers
	table     table
	token     tokenState
	deadlines deadlines
	// stretch is added to TokenTimeout.
	stretch  time.Duration
	sending  sending
	assembly assembly
	scratch  scratch

	counts Counts
	stats  Stats
	rounds rounds
}

// place is where this daemon stands in the configuration.
type place struct {
	// rank is the daemon's index among all daemons, segment that of its segment.
	rank    int16
	segment int
	// alone reports that no other daemon is configured in the segment.
	alone bool
}

// numbers are the sequence numbers of the installed ring (ring-protocol §11): lastDiscarded ≤
// lastDelivered ≤ myAru ≤ highest, and aru ≤ myAru. All packets above lastDiscarded and up to myAru
// are in the table. Once committed to a recovery, myAru is recovery.lastSeq.
type numbers struct {
	// highest is the largest number known to exist.
	highest int32
	// myAru is the number up to which this daemon has all packets.
	myAru int32
	// aru is the number up to which all members have all packets. It never falls within a ring.
	aru int32
	// lastDelivered is the number up to which packets are delivered in order.
	lastDelivered int32
	// lastDiscarded is the number up to which packets are delivered and forgotten.
	lastDiscarded int32
	// asked is the largest number that this daemon has asked for because it was missing.
	asked int32
}

// tokenState is what this daemon remembers of the token from turn to turn.
type tokenState struct {
	// last is the token that this daemon produced in its last turn, sent or held, without its body.
	last wire.Token
	// afterInstall reports that no token was accepted since the ring was installed (ring-protocol
	// §13.2).
	afterInstall bool
	// made and retransmitted are how many packets this daemon added to the flow control of last.
	made, retransmitted int
	// turns counts the turns taken, accepted the tokens accepted; both since the recovery began.
	turns, accepted int32
	// stuck is the first of the turns in a row after which packets were unstable, and aru had not
	// grown; or zero.
	stuck clock.Time
	// stableTurns counts the turns in a row that ended with every packet stable.
	stableTurns int
	// first reports that the token port is to be read before the data port (ring-protocol §18.3).
	first bool
}

// deadlines are the moments of the timers; zero means that a timer is not armed.
type deadlines struct {
	// hurry is when the leader repeats the token.
	hurry clock.Time
	// loss is when the ring is lost. Packets postpone it, at most to lossLatest.
	loss, lossLatest clock.Time
}

// sending is what waits for the token.
type sending struct {
	// users are the messages of local sessions, groups those of the exchange of group state.
	users, groups queue
	// exchange reports that an exchange of group state is under way: groups is served instead of
	// users.
	exchange bool
	// arena is the memory of the packed packets of one turn.
	arena arena
}

// scratch is memory that is used again: its contents mean nothing after a step.
type scratch struct {
	// numbers are those of one retransmission request.
	numbers []int32
	// body is that of a token, with its requests.
	body []byte
	// token is a token as it is sent.
	token []byte
}

// New returns a ring without a membership.
func New(cfg Config) (*Ring, error) {
	if cfg.Topology == nil {
		t, err := topology.New([]topology.Segment{{Daemons: []topology.Daemon{{ID: cfg.Self}}}})
		if err != nil {
			return nil, fmt.Errorf("ring: %w", err)
		}
		cfg.Topology = t
	}
	if cfg.Topology.Daemon(cfg.Self) == nil {
		return nil, fmt.Errorf("ring: daemon %d is not in the configuration", cfg.Self)
	}
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Ring{
		cfg:      cfg,
		self:     placeOf(&cfg),
		assembly: assembly{partials: make([]partial, len(cfg.Topology.Daemons()))},
	}, nil
}

func placeOf(cfg *Config) place {
	d := cfg.Topology.Daemon(cfg.Self)
	return place{
		rank:    int16(d.Rank),
		segment: d.Segment,
		alone:   len(cfg.Topology.Segments()[d.Segment].Daemons) == 1,
	}
}

// alone reports whether the installed ring is that of this daemon alone, which always holds the
// token.
func (r *Ring) alone() bool { return r.state == Operational && r.route.ring.Len() == 1 }

// Deadline returns the moment at which Advance has something to do, or zero.
func (r *Ring) Deadline() clock.Time { return clock.Earliest(r.deadlines.hurry, r.deadlines.loss) }

// Advance runs the timers that are due. If both are, the ring is lost.
func (r *Ring) Advance(now clock.Time, out *Effects) {
	due := func(t clock.Time) bool { return !t.IsZero() && t <= now }
	switch {
	case due(r.deadlines.loss):
		r.lose(TokenTimeout, out)
	case due(r.deadlines.hurry):
		r.repeat(now, out)
	}
}

// restartLoss restarts the timer of the ring's loss, for the token is here (ring-protocol §20).
func (r *Ring) restartLoss(now clock.Time) {
	r.deadlines.loss = now.Add(r.cfg.TokenTimeout + r.stretch)
	r.deadlines.lossLatest = now.Add(maxStuck * (r.cfg.TokenTimeout + r.stretch))
}

// postponeLoss restarts the timer because of a packet that was missing. Made-up packets are always
// missing, so the token must come all the same.
func (r *Ring) postponeLoss(now clock.Time) {
	later := min(now.Add(r.cfg.TokenTimeout+r.stretch), r.deadlines.lossLatest)
	r.deadlines.loss = max(r.deadlines.loss, later)
}

// Stretch makes the ring wait for its token longer than TokenTimeout by a time, from now on.
func (r *Ring) Stretch(by time.Duration) {
	if !r.deadlines.loss.IsZero() {
		r.deadlines.loss = r.deadlines.loss.Add(by - r.stretch)
	}
	r.stretch = by
}

// restartHurry restarts the timer of the token's repeat, if this daemon leads (ring-protocol
// §19.2).
func (r *Ring) restartHurry(now clock.Time) {
	if r.route.leads {
		r.deadlines.hurry = now.Add(r.cfg.HurryTimeout)
	}
}

// lose ends a ring that this daemon finds lost.
func (r *Ring) lose(c Cause, out *Effects) {
	r.stop()
	out.Events = append(out.Events, Event{Kind: TokenLost, Cause: c})
}

// Stop ends the ring, because it is lost or because a form token was made or forwarded. From now on
// tokens are swallowed and delivery is blocked; a recovery under way is undone. Packets and their
// counters stay for the next recovery (ring-protocol §20, §22.4).
func (r *Ring) Stop(clock.Time) { r.stop() }

func (r *Ring) stop() {
	if r.state == Recovering {
		r.undo()
	}
	r.state = Down
	r.level = Blocked
	r.token.last = wire.Token{}
	r.deadlines = deadlines{}
}
