package membership

import (
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Machine forms memberships. It is not safe for concurrent use.
type Machine struct {
	cfg     Config
	segment int // index of the own segment
	table   table
	state   State
	started bool

	// alive: a regular token is used; in OP and EVS, and in GATHER if this
	// daemon leads a ring that goes on.
	alive bool
	// installed is the ring that was installed last, and its id. At the start
	// it is this daemon alone, at time -1, and nobody else is ever told that.
	installed   topology.Ring
	installedID wire.MembershipID
	// members is installed while its token is alive, else this daemon alone.
	members topology.Ring
	// commit are the daemons that may be bound to the same recovery as this one;
	// the first numTrans go along with it. Only between committing and the next
	// installation it is more than this daemon.
	commit   []wire.DaemonID
	numTrans int

	// heard are the daemons of the own segment that are heard, this one first. A
	// ring leader that gathers has nobody here.
	heard []wire.DaemonID
	// reps are the representatives gathered, this daemon first; only in GATHER.
	reps repList
	// potential are the addresses that JOINs go to, never this daemon's own.
	potential repList
	// segRep speaks for this daemon in REPRESENTED, or 0.
	segRep wire.DaemonID

	// attempt is the id of the FORM1 that was sent or passed on last, boarded the
	// own ring's entry as it was put on it; aboard is false if it was not.
	attempt  wire.MembershipID
	ownEntry wire.RingValue
	entered  bool

	// future is set from FORM2 to the installation, or to the end of the
	// recovery.
	future       Installation
	futureRing   topology.Ring
	futureCommit []wire.DaemonID

	// lastTime is the highest time ever put into an id.
	lastTime int32
	// foreignSeen: a foreign packet was relayed in this membership.
	foreignSeen bool

	deadlines [numTimers]clock.Time
	stats     Stats
}

// New returns a machine that has not started.
func New(cfg Config) (*Machine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		cfg:         cfg,
		segment:     cfg.Topology.Daemon(cfg.Self).Segment,
		table:       newTable(),
		state:       StateSeg,
		installedID: wire.MembershipID{Daemon: cfg.Self, Time: -1},
		heard:       []wire.DaemonID{cfg.Self},
		lastTime:    -1,
	}
	m.installed = cfg.Topology.Ring(m.self())
	m.members = m.installed
	m.commit, m.numTrans = m.self(), 1
	return m, nil
}

// self returns this daemon as a list of its own.
func (m *Machine) self() []wire.DaemonID { return []wire.DaemonID{m.cfg.Self} }

// State returns the state.
func (m *Machine) State() State { return m.state }

// TokenAlive reports whether a regular token is expected: in OP and EVS, and in GATHER
// as the leader of a ring that goes on.
func (m *Machine) TokenAlive() bool { return m.alive }

// Installed returns the ring that was installed last and its id. It stays until the
// next installation, even if the ring is lost. The first is this daemon alone, at time -1.
func (m *Machine) Installed() (wire.MembershipID, topology.Ring) { return m.installedID, m.installed }

// Members returns those that share a ring with this daemon now: the installed
// ring, or this daemon alone after the loss of its token.
func (m *Machine) Members() topology.Ring { return m.members }

// Installation returns the configurations that the last FORM2 announced. It is to be
// read when the ring has installed them; the lists are not to be changed.
func (m *Machine) Installation() Installation { return m.future }

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Start begins. wall is the wall clock in seconds since 1970, here and
// elsewhere.
func (m *Machine) Start(now clock.Time, wall int32, out *Effects) {
	if m.started {
		panic("membership: started twice")
	}
	m.started = true
	e := &event{now: now, wall: wall, out: out}
	if m.alone() {
		m.startAlone(e)
		return
	}
	m.lose(e, CauseStart)
}

// alone reports whether this daemon is the only one that is configured.
func (m *Machine) alone() bool { return len(m.cfg.Topology.Daemons()) == 1 }

// startAlone takes the only ring there can be, without the waits of a gathering
// and the form tokens.
func (m *Machine) startAlone(e *event) {
	m.ownEntry, m.entered = m.newEntry(), true
	v := wire.FormValue{Pending: m.self(), Rings: []wire.RingValue{m.ownEntry}}
	m.enterEVS(e, v, m.mark(), CauseAlone)
}

// HandlePacket takes an ALIVE, a JOIN or a REFER that has passed the checks of all
// packets (membership-protocol §4).
func (m *Machine) HandlePacket(now clock.Time, wall int32, p *wire.Packet, out *Effects) Reason {
	e := &event{now: now, wall: wall, out: out, packet: p}
	in, v := m.checkPacket(e)
	if v != Accepted {
		return m.count(v)
	}
	return m.dispatch(in, e)
}

// HandleForm takes a FORM1 or FORM2 that has passed the checks of all tokens.
func (m *Machine) HandleForm(now clock.Time, wall int32, t *wire.Token, out *Effects) Reason {
	e := &event{now: now, wall: wall, out: out, token: t}
	in, v := m.checkForm(e)
	if v != Accepted {
		return m.count(v)
	}
	return m.dispatch(in, e)
}

// HandleForeign takes a packet with data that is not of the installed ring
// (membership-protocol §10.1).
func (m *Machine) HandleForeign(now clock.Time, wall int32, p *wire.Packet, out *Effects) Reason {
	if m.cfg.Topology.Daemon(p.Proc) == nil {
		return m.count(UnknownDaemon)
	}
	return m.dispatch(inputForeign, &event{now: now, wall: wall, out: out, packet: p})
}

// HandleCommitted takes the ring's report that it has all that the transitional
// set can give it: from now on this daemon is bound to the recovery.
func (m *Machine) HandleCommitted() Reason { return m.dispatch(inputCommitted, &event{}) }

// HandleInstalled takes the ring's report that it has installed the new
// membership.
func (m *Machine) HandleInstalled(now clock.Time, wall int32, out *Effects) Reason {
	return m.dispatch(inputInstalled, &event{now: now, wall: wall, out: out})
}

// HandleTokenLost takes the loss of the token: reported by the ring
// (CauseTokenTimeout, CauseRecoveryTurns), or wanted by a layer above
// (CauseForced, CauseReload); then the ring is told to stop.
func (m *Machine) HandleTokenLost(now clock.Time, wall int32, cause Cause, out *Effects) Reason {
	return m.dispatch(inputTokenLost, &event{now: now, wall: wall, out: out, cause: cause})
}

// become enters a state. All timers end; the caller arms those of the state.
func (m *Machine) become(e *event, s State, c Cause) {
	e.out.Transitions = append(e.out.Transitions, Transition{From: m.state, To: s, Cause: c, At: e.now})
	m.stats.Causes[c]++
	m.state = s
	m.deadlines = [numTimers]clock.Time{}
}

// lose takes the loss of the token (membership-protocol §6.1) and goes on to
// SEG with this daemon and others that have been heard.
func (m *Machine) lose(e *event, c Cause, heard ...wire.DaemonID) {
	switch m.state {
	case StateForm:
		// The form token has filled potential.
	case StateEVS:
		m.askSegmentsOf(m.futureRing, nil)
	case StateGather:
		m.askSegmentsOf(m.members, m.reps)
	case StateOp, StateSeg, StateRepresented:
		m.askSegmentsOf(m.members, nil)
	}
	if m.alive && !ofRing(c) {
		e.out.RingCommands = append(e.out.RingCommands, RingCommand{Kind: StopRing})
	}
	m.alive = false
	m.members = m.cfg.Topology.Ring(m.self())
	m.enterSeg(e, c, heard...)
}

// ofRing reports whether it is the ring that has found the token lost.
func ofRing(c Cause) bool { return c == CauseTokenTimeout || c == CauseRecoveryTurns }

// askSegmentsOf sets the addresses for JOINs: those gathered, then for each other
// segment its leader in a ring, or else its first configured daemon.
func (m *Machine) askSegmentsOf(r topology.Ring, gathered repList) {
	m.potential = gathered.without(m.cfg.Self)
	for i, s := range m.cfg.Topology.Segments() {
		if i == m.segment || len(s.Daemons) == 0 {
			continue
		}
		id, ok := r.SegmentLeader(i)
		if !ok {
			id = s.Daemons[0].ID
		}
		m.potential.insert(m.cfg.Topology, wire.Rep{Daemon: id})
	}
}

// hear adds a daemon to those heard.
func (m *Machine) hear(id wire.DaemonID) {
	if !slices.Contains(m.heard, id) {
		m.heard = append(m.heard, id)
	}
}

// leads reports whether this daemon leads the installed ring.
func (m *Machine) leads() bool { return m.installed.Leader() == m.cfg.Self }

// nextTime returns a time for an id, above all earlier ones even if the wall
// clock goes back (membership-protocol §7.1). It is never 0, which stands for none.
func (m *Machine) nextTime(wall int32) int32 {
	m.lastTime = max(wall, m.lastTime+1, 1)
	return m.lastTime
}
