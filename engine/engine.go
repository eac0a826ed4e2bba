package engine

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// SessionID is the driver's handle of a local session. It is never reused.
type SessionID = groups.SessionID

// ForceInterval is the minimum time between two memberships that the engine forces because the
// daemons' tables of groups cannot be merged.
const ForceInterval = 10 * time.Second

const (
	// DefaultMaxSessionGroups is the default of Config.MaxSessionGroups.
	DefaultMaxSessionGroups = 10_000
	// DefaultMaxGroups is the default of Config.MaxGroups. A group takes some 500 bytes.
	DefaultMaxGroups = 1_000_000
)

// Config holds the settings of the engine.
type Config struct {
	// Topology is the configuration, Self one of its daemons.
	Topology *topology.Topology
	Self     wire.DaemonID
	// ConfHash is the configuration's hash. Datagrams with another hash are refused.
	ConfHash uint32
	// Timeouts are those of the ring and the membership. Zero means those of a LAN if there is one
	// segment, otherwise those of a WAN.
	Timeouts membership.Timeouts
	// Wide says that the daemons are far from one another (ring-protocol §21).
	Wide bool
	// Early lets the daemon decide to form a ring as soon as all have answered, and Seed spreads the
	// times at which it does so otherwise; see membership.Config.
	Early bool
	Seed  uint64
	// Window, PersonalWindow and AcceleratedWindow default to those of package ring. Accelerated
	// turns the accelerated ring on.
	Window, PersonalWindow, AcceleratedWindow int
	Accelerated                               bool
	// QueueMessages bounds the messages that wait for the ring; zero means
	// ring.DefaultQueueMessages.
	QueueMessages int
	// MaxLocalMembers bounds the local members of one group; zero means groups.MaxLocalMembers.
	MaxLocalMembers int
	// MaxSessionGroups bounds the groups of one local session, and MaxGroups the groups of all
	// sessions of all daemons, beyond which local sessions create no more. Zero means
	// DefaultMaxSessionGroups and DefaultMaxGroups.
	MaxSessionGroups, MaxGroups int
	// Pool supplies blocks; nil means a pool of the engine's own.
	Pool *buf.Pool
}

// Engine is the three machines as one. It is not safe for concurrent use.
type Engine struct {
	cfg    Config
	ring   *ring.Ring
	memb   *membership.Machine
	groups *groups.Machine
	// wall is the wall clock at the last input that has it, in seconds since 1970.
	wall int32

	// leaving are sessions whose disconnect is on its way through the order.
	leaving map[SessionID]bool
	// late are messages that wait because a disconnect is being carried out in pieces. Each holds a
	// reference to its block. resume is when the next piece is due.
	late   []buf.Slice
	resume clock.Time
	// kills are disconnects for which the ring had no room.
	kills []buf.Slice
	// force is when the next membership may be forced, and forcing reports that one is wanted.
	force   clock.Time
	forcing bool

	partition partition
	exchange  exchange
	stall     stall
	lateness  lateness
	// datagrams counts datagrams by reason.
	datagrams [NumReasons]int64
	// peers is how each configured daemon is heard, by rank.
	peers []Hearing
	// packet and token are the header of the datagram that is processed.
	packet wire.Packet
	token  wire.Token
	// next is the configuration to change to as soon as the machines can, or nil.
	next *Config

	// ringOut is what the ring adds to, and ringWork what is being processed.
	ringOut, ringWork ring.Effects
	membOut           membership.Effects
}

// New returns an engine that has not started.
func New(cfg Config) (*Engine, error) {
	if cfg.Topology == nil || cfg.Topology.Daemon(cfg.Self) == nil {
		return nil, fmt.Errorf("engine: daemon %d is not in the configuration", cfg.Self)
	}
	cfg.setDefaults()
	e := &Engine{cfg: cfg, leaving: make(map[SessionID]bool), peers: make([]Hearing, len(cfg.Topology.Daemons()))}
	var err error
	if e.ring, err = ring.New(cfg.ring()); err != nil {
		return nil, err
	}
	if e.memb, err = membership.New(cfg.membership(e.ring)); err != nil {
		return nil, err
	}
	e.groups, err = groups.New(groups.Config{Self: cfg.Self, Daemons: cfg.daemons()})
	return e, err
}

func (c *Config) setDefaults() {
	if c.MaxLocalMembers == 0 {
		c.MaxLocalMembers = groups.MaxLocalMembers
	}
	if c.MaxSessionGroups == 0 {
		c.MaxSessionGroups = DefaultMaxSessionGroups
	}
	if c.MaxGroups == 0 {
		c.MaxGroups = DefaultMaxGroups
	}
	if c.Timeouts == (membership.Timeouts{}) {
		c.Timeouts = membership.LAN()
		if len(c.Topology.Segments()) > 1 {
			c.Timeouts = membership.WAN()
		}
	}
}

// ring returns the ring's part of the configuration.
func (c *Config) ring() ring.Config {
	return ring.Config{
		Self: c.Self, Topology: c.Topology, ConfHash: c.ConfHash,
		Window: c.Window, PersonalWindow: c.PersonalWindow, AcceleratedWindow: c.AcceleratedWindow,
		Accelerated: c.Accelerated, Wide: c.Wide,
		TokenTimeout: c.Timeouts.Token, HurryTimeout: c.Timeouts.Hurry,
		QueueMessages: c.QueueMessages, Pool: c.Pool,
	}
}

// membership returns the membership's part of it.
func (c *Config) membership(old membership.OldRing) membership.Config {
	return membership.Config{Self: c.Self, Topology: c.Topology, ConfHash: c.ConfHash, Timeouts: c.Timeouts, Old: old, Early: c.Early, Seed: c.Seed}
}

// daemons returns the groups' part of it.
func (c *Config) daemons() []groups.Daemon {
	var list []groups.Daemon
	for _, d := range c.Topology.Daemons() {
		list = append(list, groups.Daemon{ID: d.ID, Name: d.Name})
	}
	return list
}

// Start begins to form the first membership. wall is the wall clock in seconds since 1970, here and
// elsewhere.
func (e *Engine) Start(now clock.Time, wall int32, out *Effects) {
	e.wall = wall
	e.lateness.begin(now, &e.cfg)
	e.memb.Start(now, wall, &e.membOut)
	e.settle(now, out)
}

// Stop tells the other daemons that this one ends. Send what it adds, and do not use the engine any
// more.
func (e *Engine) Stop(now clock.Time, out *Effects) {
	e.memb.Stop(&e.membOut)
	e.membershipEffects(now, out)
}

// Deadline returns the moment at which Advance has something to do, or zero.
func (e *Engine) Deadline() clock.Time {
	d := clock.Earliest(clock.Earliest(e.ring.Deadline(), e.memb.Deadline()), e.resume)
	if e.forcing {
		d = clock.Earliest(d, e.force)
	}
	d = clock.Earliest(clock.Earliest(d, e.stall.deadline(e)), e.lateness.pulse)
	d = clock.Earliest(clock.Earliest(d, e.exchange.deadline(e)), e.exchange.alone)
	return clock.Earliest(d, e.partition.until)
}

// Advance runs the timers that are due.
func (e *Engine) Advance(now clock.Time, wall int32, out *Effects) {
	e.wall = wall
	e.measure(now)
	e.partition.expire(now)
	e.continueGroups(now, out)
	e.ring.Advance(now, &e.ringOut)
	e.settle(now, out)
	e.memb.Advance(now, wall, &e.membOut)
	e.settle(now, out)
	if e.forcing && now >= e.force {
		e.forceMembership(now)
		e.settle(now, out)
	}
	if e.watchExchange(now) {
		e.settle(now, out)
	}
	if d := e.stall.deadline(e); d != 0 && now >= d {
		e.stall.wait *= 2
		e.memb.Probe(now, &e.membOut)
		e.settle(now, out)
	}
}

// HandleRefused takes the report that a host has refused a datagram for a port of its daemon. See
// [membership.Machine.HandleRefused].
func (e *Engine) HandleRefused(now clock.Time, wall int32, id wire.DaemonID, out *Effects) {
	e.wall = wall
	if r := e.cfg.Topology.Rank(id); r >= 0 {
		e.peers[r].Refused = now
	}
	e.memb.HandleRefused(now, wall, id, &e.membOut)
	e.settle(now, out)
}

// LastTime returns the highest time that this daemon has put into the id of a membership. If it has
// changed in a step, the driver stores it before it sends anything, and passes it to Resume
// in the daemon's next life: an id must not name two memberships (membership-protocol §7.1).
func (e *Engine) LastTime() int32 { return e.memb.LastTime() }

// Resume takes the last time of the daemon's life before. Call it before Start.
func (e *Engine) Resume(last int32) { e.memb.Resume(last) }

// TokenFirst reports which port to read when both are readable: the token port, or, normally, the
// data port (ring-protocol §18.3).
func (e *Engine) TokenFirst() bool { return e.ring.TokenFirst() }

// Status is the state of the engine, for monitors and metrics.
type Status struct {
	Membership membership.State
	Groups     groups.State
	NumGroups  int
	// Late is by how much the daemon was descheduled recently.
	Late time.Duration
	// Messages counts the messages between clients that were delivered in the total order, whether
	// or not they had a receiver on this daemon.
	Messages uint64
	Ring     ring.Status
}

// Status returns the present state.
func (e *Engine) Status() Status {
	return Status{
		Membership: e.memb.State(),
		Groups:     e.groups.State(),
		NumGroups:  e.groups.NumGroups(),
		Late:       e.lateness.recent,
		Messages:   e.groups.NumDelivered(),
		Ring:       e.ring.Status(),
	}
}

// Operating reports whether a ring is installed and its token is in use.
func (e *Engine) Operating() bool { return e.memb.CanReconfigure() }

// Groups returns the machine that keeps the groups, for looking at them between two steps.
func (e *Engine) Groups() *groups.Machine { return e.groups }

// Installed returns the id of the ring that is installed or was installed last, and its daemons in
// the order of the token. At the start it is this daemon alone, at time -1.
func (e *Engine) Installed() (wire.MembershipID, []wire.DaemonID) {
	id, ring := e.memb.Installed()
	return id, ring.Members()
}

// RingID names the ring that was installed last. It is zero before the first one.
func (e *Engine) RingID() wire.MembershipID { return e.ring.ID() }

// Formation returns which daemons were heard since a moment while no ring forms, and whom they hear.
func (e *Engine) Formation(since clock.Time) membership.Formation { return e.memb.Formation(since) }

// String returns the status in one line.
func (s Status) String() string {
	return fmt.Sprintf("membership %v, groups %v (%d), ring %v of %d, seq %d, aru %d, %d queued",
		s.Membership, s.Groups, s.NumGroups, s.Ring.State, s.Ring.NumProcs, s.Ring.Highest, s.Ring.Aru, s.Ring.UsersQueued)
}

// Counts are the inputs of the engine and its machines, by what became of them.
type Counts struct {
	// Datagrams counts datagrams by reason.
	Datagrams  [NumReasons]int64
	Ring       ring.Counts
	Membership membership.Stats
}

// Counts returns the counters.
func (e *Engine) Counts() Counts {
	return Counts{Datagrams: e.datagrams, Ring: e.ring.Counts(), Membership: e.memb.Stats()}
}

// Check returns an error if the machines contradict themselves or each other. Tests and the
// simulator call it after each step.
func (e *Engine) Check() error {
	if err := e.memb.Check(); err != nil {
		return err
	}
	if up := e.ring.State() != ring.Down; up != e.memb.TokenAlive() {
		return fmt.Errorf("engine: the ring is %v in state %v of the membership", e.ring.State(), e.memb.State())
	}
	if id, _ := e.memb.Installed(); e.RingID() != (wire.MembershipID{}) && e.RingID() != id {
		return fmt.Errorf("engine: the ring has installed %v, the membership %v", e.RingID(), id)
	}
	return nil
}
