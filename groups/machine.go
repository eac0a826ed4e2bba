package groups

import (
	"fmt"

	"github.com/spreadd/spreadd/wire"
)

// MaxLocalMembers is the largest number of members that one group may have on one daemon. More do
// not fit into a message between daemons (groups-protocol §7.4).
const MaxLocalMembers = 3121

// Daemon is one daemon of the configuration.
type Daemon struct {
	ID   wire.DaemonID
	Name string
}

// SessionID is the driver's handle of a local session. The driver never reuses one.
type SessionID uint64

// Config holds the settings of the machine.
type Config struct {
	// Daemons are in configuration order.
	Daemons []Daemon
	// Self is the daemon that the machine runs in, one of Daemons.
	Self wire.DaemonID
}

// session is a local client.
type session struct {
	id SessionID
	// name is the private group, clean.
	name wire.Name
	// memberships reports that the session wants membership messages.
	memberships bool
	// joins counts the joins that are on their way through the order.
	joins int
	// mark is the delivery that last chose the session as a receiver.
	mark uint64
}

// Machine keeps the groups of one daemon. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	// self is this daemon's rank, its index in the configuration.
	self       int
	ranks      map[wire.DaemonID]int
	rankByName map[string]int
	// next is a machine of the configuration that takes effect next, or nil.
	next *Machine

	state State
	// regular and members are the last regular membership. members is empty before the first.
	regular wire.MembershipID
	members daemonSet
	// transitionalID and transitional are the last transitional membership, in StateTrans and
	// StateGatherTrans.
	transitionalID wire.MembershipID
	transitional   daemonSet
	// synced are the daemons known to have the same tables. The first one, the head, sends them to
	// others.
	synced daemonSet
	// exchange is under way in StateGather and StateGatherTrans.
	exchange exchange
	// spoiled is how many exchanges in a row were spoiled.
	spoiled int

	sessions     map[wire.Name]*session
	sessionsByID map[SessionID]*session
	// byName is all groups, sorted by name.
	byName groupList
	// clients are those in groups, of all daemons.
	clients map[wire.Name]*member
	// ending is the disconnect that is being carried out, or nil.
	ending *ending
	// deliveryCount numbers the messages between clients.
	deliveryCount uint64
}

// New returns a machine without sessions and groups, which waits for its first membership.
func New(cfg Config) (*Machine, error) {
	m := &Machine{
		cfg:          cfg,
		ranks:        make(map[wire.DaemonID]int, len(cfg.Daemons)),
		rankByName:   make(map[string]int, len(cfg.Daemons)),
		state:        StateOp,
		sessions:     make(map[wire.Name]*session),
		sessionsByID: make(map[SessionID]*session),
		clients:      make(map[wire.Name]*member),
	}
	for i, d := range cfg.Daemons {
		if _, twice := m.ranks[d.ID]; twice {
			return nil, fmt.Errorf("groups: daemon id %d is configured twice", d.ID)
		}
		if _, twice := m.rankByName[d.Name]; twice {
			return nil, fmt.Errorf("groups: daemon name %q is configured twice", d.Name)
		}
		m.ranks[d.ID], m.rankByName[d.Name] = i, i
	}
	self, ok := m.ranks[cfg.Self]
	if !ok {
		return nil, fmt.Errorf("groups: own id %d is not among the %d configured daemons", cfg.Self, len(cfg.Daemons))
	}
	m.self = self
	return m, nil
}

// State returns the state.
func (m *Machine) State() State { return m.state }

// NumGroups returns the number of groups that have members.
func (m *Machine) NumGroups() int { return m.byName.len() }

// NumDelivered returns the number of messages between clients that reached their place in the order,
// whether or not they had a receiver here.
func (m *Machine) NumDelivered() uint64 { return m.deliveryCount }

// LocalMembers returns how many local sessions are members of a group.
func (m *Machine) LocalMembers(group wire.Name) int {
	if g := m.group(&group); g != nil {
		return len(g.of(m.self))
	}
	return 0
}

// ViewCost returns about how many bytes all members of a group together receive when one joins or
// leaves: each gets a view with the names of all.
func (m *Machine) ViewCost(group wire.Name) int64 {
	g := m.group(&group)
	if g == nil {
		return 0
	}
	n := int64(len(g.members))
	return n * (wire.HeaderLen + wire.NameLen*n)
}

// MayJoin reports whether a local session may join a group, by two bounds: groups for each session,
// counting joins on their way, and all groups that any daemon has. A join of a member is always
// allowed, because it changes nothing.
func (m *Machine) MayJoin(id SessionID, group wire.Name, maxOfSession, maxGroups int) (session, all bool) {
	s, g := m.sessionsByID[id], m.group(&group)
	if s == nil || g != nil && g.has(m.self, &s.name) {
		return true, true
	}
	n := s.joins
	if p := m.clients[s.name]; p != nil {
		n += p.in.len()
	}
	return n < maxOfSession, g != nil || m.byName.len() < maxGroups
}

// Joining notes that a local session's join is on its way.
func (m *Machine) Joining(id SessionID) {
	if s := m.sessionsByID[id]; s != nil {
		s.joins++
	}
}

// joined notes that a local session's join has arrived.
func (m *Machine) joined(member wire.Name) {
	if s := m.sessions[member]; s != nil && s.joins > 0 {
		s.joins--
	}
}

// Connect adds a local session under its private group. The driver guarantees that the name is
// free.
func (m *Machine) Connect(id SessionID, private wire.Name, memberships bool) {
	private = private.Clean()
	if m.sessions[private] != nil || m.sessionsByID[id] != nil {
		panic(fmt.Sprintf("groups: session %d (%s) connects twice", id, private))
	}
	s := &session{id: id, name: private, memberships: memberships}
	m.sessions[private] = s
	m.sessionsByID[id] = s
}

// Private returns the private group of a local session.
func (m *Machine) Private(id SessionID) (wire.Name, bool) {
	s := m.sessionsByID[id]
	if s == nil {
		return wire.Name{}, false
	}
	return s.name, true
}

// HandleTransitional takes a transitional membership: the daemons that come along from the last
// regular one, which must contain them. It panics if the state cannot get such a membership,
// because that is a bug in the engine.
func (m *Machine) HandleTransitional(id wire.MembershipID, daemons []wire.DaemonID, out *Effects) {
	m.settle(out)
	m.expect(inTransitional)
	m.renumber()
	set := m.setOf(daemons)
	if len(m.members) == 0 {
		m.synced = set // the first one: like this daemon, its daemons have no groups
	} else if !set.within(m.members) {
		panic("groups: a transitional membership with daemons that were not in the regular one")
	}
	m.transitionalID, m.transitional = id, set
	if m.state == StateGather {
		m.loseInExchange()
		return
	}
	m.lose(out)
}

// HandleRegular takes the regular membership that follows a transitional one and must contain its
// daemons. It panics if the state cannot get such a membership, because that is a bug in the
// engine.
func (m *Machine) HandleRegular(id wire.MembershipID, daemons []wire.DaemonID, out *Effects) {
	m.settle(out)
	m.expect(inRegular)
	set := m.setOf(daemons)
	if !m.transitional.within(set) {
		panic("groups: a regular membership without daemons of the transitional one before it")
	}
	m.regular, m.members = id, set
	if m.state == StateGatherTrans {
		m.exchangeAgain(out)
		return
	}
	m.install(out)
}

// current returns the membership in force, which is the transitional one in StateTrans.
func (m *Machine) current() wire.MembershipID {
	if m.state == StateTrans {
		return m.transitionalID
	}
	return m.regular
}

// groupID returns the id of a group's view within a membership of daemons.
func groupID(id wire.MembershipID, index uint32) wire.GroupID {
	return wire.GroupID{Daemon: uint32(id.Daemon), Time: uint32(id.Time), Index: index}
}

// membershipOf returns the daemons' membership that a group id names.
func membershipOf(id wire.GroupID) wire.MembershipID {
	return wire.MembershipID{Daemon: wire.DaemonID(id.Daemon), Time: int32(id.Time)}
}
