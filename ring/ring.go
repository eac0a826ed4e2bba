package ring

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// FragmentBytes is the most that one packet carries of a message: an
	// Ethernet frame's payload less headers (ring-protocol §6, §7.1).
	FragmentBytes = wire.MaxPacketBody
	// MaxSeq is the sequence number above which a ring ends and is formed
	// anew, so that numbers never wrap (ring-protocol §9).
	MaxSeq = 1 << 30
	// MaxRecoveryTurns is after how many turns a daemon gives a recovery up
	// (ring-protocol §13.3).
	MaxRecoveryTurns = 500
)

// Config holds the settings of the ring. Zero values are the defaults, but for
// Self, Topology and ConfHash.
type Config struct {
	// Self is the daemon that the ring runs in.
	Self wire.DaemonID
	// Topology is the configuration; nil is that of Self alone.
	Topology *topology.Topology
	// ConfHash is its hash, which goes into every datagram.
	ConfHash uint32

	// Window and PersonalWindow bound the packets that all daemons, and this
	// one, send in a round (ring-protocol §16). Defaults 160 and 20.
	Window, PersonalWindow int
	// Accelerated says that up to AcceleratedWindow packets of a turn follow
	// the token (ring-protocol §18). Default of the window 15; negative is
	// none.
	Accelerated       bool
	AcceleratedWindow int
	// Wide says that the daemons are far from one another: other defaults
	// of the timeouts, and one more copy of repeated tokens between segments
	// (ring-protocol §21).
	Wide bool
	// TokenTimeout is after how long without token and packets the ring is
	// lost. Default 1.25 s, or 5 s when Wide.
	TokenTimeout time.Duration
	// HurryTimeout is after how long the leader repeats the token, or lets
	// go of one that it holds. Default 0.5 s, or 1.5 s when Wide.
	HurryTimeout time.Duration

	// QueueMessages bounds the users' messages that wait for the ring; zero
	// means DefaultQueueMessages.
	QueueMessages int
	// Pool is where blocks for packets and messages come from; nil means one
	// of the ring's own.
	Pool *buf.Pool
}

// Defaults of the configuration (ring-protocol §16.3, §16.4, §21).
const (
	DefaultWindow            = 160
	DefaultPersonalWindow    = 20
	DefaultAcceleratedWindow = 15
	DefaultQueueMessages     = 500
	DefaultTokenTimeout      = 1250 * time.Millisecond
	DefaultTokenTimeoutWide  = 5000 * time.Millisecond
	DefaultHurryTimeout      = 500 * time.Millisecond
	DefaultHurryTimeoutWide  = 1500 * time.Millisecond
)

// State says whether there is a ring.
type State uint8

// The states.
const (
	// Down: there is no token. Packets of the last ring are still stored.
	Down State = iota // down
	// Operational: a ring is installed and its token goes round.
	Operational // operational
	// Recovering: the token of the ring to be goes round, and the members of
	// old rings complete what they have of these (EVS).
	Recovering // recovering
)

// Ring is the machine. It is not safe for concurrent use.
type Ring struct {
	cfg     Config
	rank    int16 // of Self in the configuration
	segment int   // of Self
	// segmentAlone: the own segment is configured with this daemon alone.
	segmentAlone bool

	state    State
	level    Level
	exchange bool // the groups queue is served, not the users'

	// id names the installed ring; while recovering that is still the old
	// one, but route is that of the ring to be.
	id       wire.MembershipID
	route    route
	recovery recovery

	// Sequence numbers of the installed ring (ring-protocol §11):
	// lastDiscarded ≤ lastDelivered ≤ myAru ≤ highest, and aru ≤ myAru; all
	// up to myAru above lastDiscarded are in the table. While recovering,
	// myAru is recovery.lastSeq once committed.
	highest       int32 // largest number known to exist
	myAru         int32 // I have all up to here
	aru           int32 // everybody has; never falls within a ring
	lastDiscarded int32 // delivered and forgotten
	lastDelivered int32
	table         table

	// last is the token that I produced in my last turn, sent or held;
	// without body.
	last           wire.Token
	afterInstall   bool // no token was accepted since (ring-protocol §13.2)
	lastNumSent    int
	lastNumRetrans int
	tokenRounds    int32 // turns taken
	receivedRounds int32 // tokens accepted
	tokenCounter   int   // turns in a row that ended with all stable
	tokenFirst     bool

	users, groups queue
	assembling    []partial // by place of the maker
	// former are daemons that the configuration has no more, and the ring that is
	// to be recovered may have packets of.
	former []wire.DaemonID
	arena  arena

	hurryAt, lossAt clock.Time

	numbers []int32 // scratch: of a request
	body    []byte  // scratch: of a token's requests
	scratch []byte  // scratch: a token

	counts Counts
	stats  Stats
	rounds rounds
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
	d := cfg.Topology.Daemon(cfg.Self)
	if d == nil {
		return nil, fmt.Errorf("ring: daemon %d is not in the configuration", cfg.Self)
	}
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Ring{
		cfg:          cfg,
		rank:         int16(d.Rank),
		segment:      d.Segment,
		segmentAlone: len(cfg.Topology.Segments()[d.Segment].Daemons) == 1,
		assembling:   make([]partial, len(cfg.Topology.Daemons())),
	}, nil
}

// WithDefaults returns the configuration as a ring runs on it.
func (c Config) WithDefaults() Config {
	c.setDefaults()
	return c
}

func (c *Config) setDefaults() {
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orInt(&c.Window, DefaultWindow)
	orInt(&c.PersonalWindow, min(DefaultPersonalWindow, c.Window))
	orInt(&c.AcceleratedWindow, min(DefaultAcceleratedWindow, c.PersonalWindow))
	c.AcceleratedWindow = max(c.AcceleratedWindow, 0)
	orInt(&c.QueueMessages, DefaultQueueMessages)
	token, hurry := DefaultTokenTimeout, DefaultHurryTimeout
	if c.Wide {
		token, hurry = DefaultTokenTimeoutWide, DefaultHurryTimeoutWide
	}
	if c.TokenTimeout == 0 {
		c.TokenTimeout = token
	}
	if c.HurryTimeout == 0 {
		c.HurryTimeout = hurry
	}
	if c.Pool == nil {
		c.Pool = new(buf.Pool)
	}
}

// validate keeps to the rules of ring-protocol §16.3.
func (c *Config) validate() error {
	switch {
	case c.Window < 0:
		return fmt.Errorf("ring: Window is %d, it has to be above 0", c.Window)
	case c.PersonalWindow < 0 || c.PersonalWindow > min(c.Window, maxUnstable):
		return fmt.Errorf("ring: PersonalWindow is %d, it has to be above 0, at most Window (%d) and at most %d", c.PersonalWindow, c.Window, maxUnstable)
	case c.Accelerated && c.AcceleratedWindow > c.PersonalWindow:
		return fmt.Errorf("ring: AcceleratedWindow is %d, it has to be at most PersonalWindow (%d)", c.AcceleratedWindow, c.PersonalWindow)
	case c.TokenTimeout < 0 || c.HurryTimeout < 0:
		return fmt.Errorf("ring: timeouts of %v and %v, they have to be above 0", c.TokenTimeout, c.HurryTimeout)
	case c.QueueMessages < 0:
		return fmt.Errorf("ring: QueueMessages is %d, it has to be above 0", c.QueueMessages)
	}
	return nil
}

// alone reports whether the installed ring is that of this daemon alone, which
// always holds the token.
func (r *Ring) alone() bool { return r.state == Operational && r.route.ring.Len() == 1 }

// Deadline returns the moment at which Advance has something to do, or zero.
func (r *Ring) Deadline() clock.Time { return clock.Earliest(r.hurryAt, r.lossAt) }

// Advance runs the timers that are due. If both are, the ring is lost.
func (r *Ring) Advance(now clock.Time, out *Effects) {
	due := func(t clock.Time) bool { return !t.IsZero() && t <= now }
	switch {
	case due(r.lossAt):
		r.lose(TokenTimeout, out)
	case due(r.hurryAt):
		r.repeat(now, out)
	}
}

// restartLoss begins to wait for the token anew (ring-protocol §20).
func (r *Ring) restartLoss(now clock.Time) { r.lossAt = now.Add(r.cfg.TokenTimeout) }

// restartHurry begins to wait for the token anew, if this daemon leads
// (ring-protocol §19.2).
func (r *Ring) restartHurry(now clock.Time) {
	if r.route.leads {
		r.hurryAt = now.Add(r.cfg.HurryTimeout)
	}
}

// lose ends a ring that this daemon finds lost.
func (r *Ring) lose(c Cause, out *Effects) {
	r.stop()
	out.Events = append(out.Events, Event{Kind: TokenLost, Cause: c})
}

// Stop ends the ring: it is lost, or a form token has been made or passed on.
// Tokens are swallowed from now on and delivery is blocked; a recovery that is
// on is undone. Packets and their counters stay for the next recovery
// (ring-protocol §20, §22.4).
func (r *Ring) Stop(clock.Time) { r.stop() }

func (r *Ring) stop() {
	if r.state == Recovering {
		r.undo()
	}
	r.state = Down
	r.level = Blocked
	r.last = wire.Token{}
	r.hurryAt, r.lossAt = 0, 0
}

// Aru returns the number up to which every member is known to have all packets
// of the installed ring.
func (r *Ring) Aru() int32 { return r.aru }

// MyAru returns the number up to which this daemon has all.
func (r *Ring) MyAru() int32 { return r.myAru }

// Highest returns the largest number that is known to exist.
func (r *Ring) Highest() int32 { return r.highest }

// LastDiscarded returns the number up to which packets are delivered and
// forgotten.
func (r *Ring) LastDiscarded() int32 { return r.lastDiscarded }

// Has reports whether this daemon has a packet, or had it until everybody did.
func (r *Ring) Has(seq int32) bool {
	return seq > 0 && seq <= r.lastDiscarded || r.table.find(seq).isPacket()
}

// AppendMissing appends to dst the numbers from first to last, both included,
// that this daemon does not have.
func (r *Ring) AppendMissing(dst []int32, first, last int32) []int32 {
	for n := int64(max(first, r.lastDiscarded+1)); n <= int64(last); n++ {
		if seq := int32(n); !r.table.find(seq).isPacket() {
			dst = append(dst, seq)
		}
	}
	return dst
}

// TokenFirst reports which socket to read when both are readable: normally
// that of data, so that all packets before a token are read before it; on an
// accelerated ring that of the token once the predecessor sends what follows
// its token (ring-protocol §18.3).
func (r *Ring) TokenFirst() bool { return r.tokenFirst }
