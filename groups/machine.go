package groups

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// MaxLocalMembers is the largest number of members that one group may have on
// one daemon: more do not fit into a message between daemons (groups-protocol
// §7.4).
const MaxLocalMembers = 3121

// Daemon is one daemon of the configuration.
type Daemon struct {
	ID   wire.DaemonID
	Name string
}

// SessionID is the driver's handle of a local session. The driver does not use
// one again.
type SessionID uint64

// Config says where the machine stands.
type Config struct {
	// Daemons in the order of the configuration.
	Daemons []Daemon
	// Self is the daemon that the machine runs in, one of Daemons.
	Self wire.DaemonID
}

// State of the group layer; the numbers are those of the monitor protocol
// (groups-protocol §5).
type State uint8

// The states.
const (
	// StateOp: tables agreed with the whole regular membership.
	StateOp State = 1
	// StateTrans: a transitional membership was delivered, the regular one
	// not yet.
	StateTrans State = 2
)

// String returns the name that operators know.
func (s State) String() string {
	switch s {
	case StateOp:
		return "GOP"
	case StateTrans:
		return "GTRANS"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// session is a local client.
type session struct {
	id          SessionID
	name        wire.Name // private group, clean
	memberships bool      // wants membership messages
	mark        uint64    // the delivery that last chose it as a receiver
}

// Machine keeps the groups of one daemon. It is not safe for concurrent use.
type Machine struct {
	cfg    Config
	ranks  map[wire.DaemonID]int // place in the configuration
	byName map[string]int        // daemon name to place

	state State
	// current is the membership in force: the regular one in StateOp, the
	// transitional one in StateTrans.
	current       wire.MembershipID
	transitional  []wire.DaemonID // sorted by rank; in StateTrans
	sessions      map[wire.Name]*session
	sessionsByID  map[SessionID]*session
	groups        map[wire.Name]*group
	order         []*group               // all groups by name
	memberOf      map[wire.Name][]*group // member to its groups by name
	deliveryCount uint64
}

// New returns a machine that has no sessions and no groups and waits for its
// first membership.
func New(cfg Config) (*Machine, error) {
	m := &Machine{
		cfg:          cfg,
		ranks:        make(map[wire.DaemonID]int, len(cfg.Daemons)),
		byName:       make(map[string]int, len(cfg.Daemons)),
		state:        StateOp,
		sessions:     make(map[wire.Name]*session),
		sessionsByID: make(map[SessionID]*session),
		groups:       make(map[wire.Name]*group),
		memberOf:     make(map[wire.Name][]*group),
	}
	for i, d := range cfg.Daemons {
		if _, twice := m.ranks[d.ID]; twice {
			return nil, fmt.Errorf("groups: daemon id %d is configured twice", d.ID)
		}
		if _, twice := m.byName[d.Name]; twice {
			return nil, fmt.Errorf("groups: daemon name %q is configured twice", d.Name)
		}
		m.ranks[d.ID], m.byName[d.Name] = i, i
	}
	if _, ok := m.ranks[cfg.Self]; !ok {
		return nil, fmt.Errorf("groups: own id %d is not among the %d configured daemons", cfg.Self, len(cfg.Daemons))
	}
	return m, nil
}

// State returns the state.
func (m *Machine) State() State { return m.state }

// NumGroups returns the number of groups that have members.
func (m *Machine) NumGroups() int { return len(m.groups) }

// LocalMembers returns how many local sessions are members of a group.
func (m *Machine) LocalMembers(group wire.Name) int {
	if g := m.groups[group]; g != nil {
		return len(g.local)
	}
	return 0
}

// Connect adds a local session under its private group. The driver has made
// sure that the name is free.
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

// Deliver takes a message at its place in the order. data is a whole message
// in little-endian order whose lengths have been checked. The machine keeps no
// reference to it.
func (m *Machine) Deliver(data buf.Slice, out *Effects) {
	b := data.Bytes()
	switch t := wire.TypeOf(b); {
	case t&wire.Join != 0:
		m.join(b, out)
	case t&wire.Leave != 0:
		m.leave(b, out)
	case t&wire.Kill != 0:
		m.kill(b, out)
	default:
		m.regular(t, data, b, out)
	}
}

// regular finds the local receivers of a message between clients
// (client-protocol §11).
func (m *Machine) regular(t wire.Type, data buf.Slice, b []byte, out *Effects) {
	m.deliveryCount++
	first := len(out.receivers)
	if t&wire.SelfDiscard != 0 {
		if s := m.sessions[wire.SenderOf(b).Clean()]; s != nil {
			s.mark = m.deliveryCount // as if it had it already
		}
	}
	for fields := wire.GroupsOf(b); len(fields) >= wire.NameLen; fields = fields[wire.NameLen:] {
		name := (*wire.Name)(fields).Clean()
		if name.IsPrivate() {
			if s := m.sessions[name]; s != nil {
				m.receive(s, out)
			}
			continue
		}
		if g := m.groups[name]; g != nil {
			for _, s := range g.local {
				m.receive(s, out)
			}
		}
	}
	out.deliver(data, first)
}

func (m *Machine) receive(s *session, out *Effects) {
	if s.mark != m.deliveryCount {
		s.mark = m.deliveryCount
		out.receivers = append(out.receivers, s.id)
	}
}

// request is what a join, leave or kill is about.
type request struct {
	member wire.Name
	rank   int // of the member's daemon
	group  wire.Name
}

// readRequest decodes the member and the first group of a request. A member
// that is not of a configured daemon is refused with a note.
func (m *Machine) readRequest(b []byte, out *Effects) (r request, ok bool) {
	r.member = wire.SenderOf(b).Clean()
	_, daemon, ok := r.member.SplitPrivate()
	if !ok {
		out.note(IgnoredIllegalMember, r.member, wire.Name{})
		return r, false
	}
	r.rank, ok = m.byName[string(daemon)]
	if !ok {
		out.note(IgnoredUnknownDaemon, r.member, wire.Name{})
		return r, false
	}
	if g := wire.GroupsOf(b); len(g) >= wire.NameLen {
		r.group = (*wire.Name)(g).Clean()
	}
	return r, true
}

func (m *Machine) isLocal(rank int) bool { return m.cfg.Daemons[rank].ID == m.cfg.Self }

// join adds a member (groups-protocol §9).
func (m *Machine) join(b []byte, out *Effects) {
	r, ok := m.readRequest(b, out)
	if !ok {
		return
	}
	var local *session
	if m.isLocal(r.rank) {
		if local = m.sessions[r.member]; local == nil {
			out.note(IgnoredNoSession, r.member, r.group)
			return
		}
	}
	g := m.groups[r.group]
	if g != nil && g.has(r.rank, r.member) {
		out.note(IgnoredMember, r.member, r.group)
		return
	}
	if g == nil {
		g = m.create(r.group)
	}
	id := m.cfg.Daemons[r.rank].ID
	d := g.daemon(r.rank)
	if d == nil {
		d = g.addDaemon(r.rank, membershipOf(g.id))
		if m.state == StateTrans && !slices.Contains(m.transitional, id) {
			d.partitioned = true
			g.changed = true
		}
	}
	d.add(r.member)
	g.id.Index++
	m.index(r.member, g)
	if local != nil {
		g.local = append(g.local, local)
	}
	m.announce(g, wire.CausedByJoin, r, out)
}

// leave removes a member at its own wish (groups-protocol §9).
func (m *Machine) leave(b []byte, out *Effects) {
	r, ok := m.readRequest(b, out)
	if !ok {
		return
	}
	g := m.groups[r.group]
	if g == nil || !g.has(r.rank, r.member) {
		out.note(IgnoredNotMember, r.member, r.group)
		return
	}
	if s := m.sessions[r.member]; s != nil && s.memberships {
		out.deliverTo(s.id, selfLeave(g.name))
	}
	m.unindex(r.member, g)
	m.remove(g, wire.CausedByLeave, r, out)
}

// kill removes a member from all its groups, in their order by name, and ends
// its session if that is local (groups-protocol §9).
func (m *Machine) kill(b []byte, out *Effects) {
	r, ok := m.readRequest(b, out)
	if !ok {
		return
	}
	in := m.memberOf[r.member]
	delete(m.memberOf, r.member)
	for _, g := range in {
		m.remove(g, wire.CausedByDisconnect, r, out)
	}
	s := m.sessions[r.member]
	if s == nil {
		if m.isLocal(r.rank) {
			out.note(IgnoredNoSession, r.member, wire.Name{})
		}
		return
	}
	delete(m.sessions, r.member)
	delete(m.sessionsByID, s.id)
	out.Ended = append(out.Ended, s.id)
}

// remove takes a member out of a group and tells those who stay.
func (m *Machine) remove(g *group, cause wire.Type, r request, out *Effects) {
	d := g.daemon(r.rank)
	d.remove(r.member)
	if len(d.members) == 0 {
		g.dropDaemon(d)
	}
	g.local = slices.DeleteFunc(g.local, func(s *session) bool { return s.name == r.member })
	g.id.Index++
	if len(g.daemons) == 0 {
		m.drop(g)
		return
	}
	m.announce(g, cause, r, out)
}

// announce tells the local members of a change. In a changed group, which is
// between its transitional and its regular view, the change takes the form of
// a network-caused view and another transitional signal (client-protocol
// §10.5).
func (m *Machine) announce(g *group, cause wire.Type, r request, out *Effects) {
	if !g.changed {
		first := len(out.receivers)
		for _, s := range g.local {
			if s.memberships {
				out.receivers = append(out.receivers, s.id)
			}
		}
		if len(out.receivers) > first {
			out.deliver(whole(lightView(g, cause, r.member)), first)
		}
		return
	}
	joiner := wire.Name{}
	if cause == wire.CausedByJoin {
		joiner = r.member
	}
	m.announceNetwork(g, joiner, r.rank, out)
	m.signal(g, g.id, out)
}

// announceNetwork sends a network-caused view. A joiner, if there is one, gets
// its own copy that points to its own set.
func (m *Machine) announceNetwork(g *group, joiner wire.Name, joinerRank int, out *Effects) {
	self := m.ranks[m.cfg.Self]
	view := networkView(g, joiner, joinerRank)
	first := len(out.receivers)
	var local *session
	for _, s := range g.local {
		switch {
		case !s.memberships:
		case s.name == joiner:
			local = s
		default:
			out.receivers = append(out.receivers, s.id)
		}
	}
	if len(out.receivers) > first {
		out.deliver(whole(view.encode(g, view.ownSet(self))), first)
	}
	if local != nil {
		out.deliverTo(local.id, view.encode(g, view.lastSet()))
	}
}

// signal sends the transitional signal with the id that it ends.
func (m *Machine) signal(g *group, id wire.GroupID, out *Effects) {
	first := len(out.receivers)
	for _, s := range g.local {
		if s.memberships {
			out.receivers = append(out.receivers, s.id)
		}
	}
	if len(out.receivers) > first {
		out.deliver(whole(transitionalSignal(g.name, id)), first)
	}
}

// create adds an empty group. Its id begins at the membership in force with
// index 0; the join that makes it raises that to 1 (client-protocol §10.3).
func (m *Machine) create(name wire.Name) *group {
	g := &group{
		name: name,
		id:   groupID(m.current, 0),
	}
	m.groups[name] = g
	m.order = insertGroup(m.order, g)
	return g
}

// drop forgets a group that has no members.
func (m *Machine) drop(g *group) {
	delete(m.groups, g.name)
	m.order = removeGroup(m.order, g)
}

// index records that a member is in a group.
func (m *Machine) index(member wire.Name, g *group) {
	m.memberOf[member] = insertGroup(m.memberOf[member], g)
}

func (m *Machine) unindex(member wire.Name, g *group) {
	if in := removeGroup(m.memberOf[member], g); len(in) > 0 {
		m.memberOf[member] = in
	} else {
		delete(m.memberOf, member)
	}
}

func compareGroups(a, b *group) int { return bytes.Compare(a.name[:], b.name[:]) }

func insertGroup(list []*group, g *group) []*group {
	i, _ := slices.BinarySearchFunc(list, g, compareGroups)
	return slices.Insert(list, i, g)
}

func removeGroup(list []*group, g *group) []*group {
	if i, ok := slices.BinarySearchFunc(list, g, compareGroups); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}
