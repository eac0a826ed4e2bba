package membership

import (
	"slices"
	"time"

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

	// alive reports that a regular token is in use: in OP and EVS, and in GATHER if this daemon
	// leads a ring that keeps running.
	alive bool
	// installed is the last ring installed, and installedID its id. At the start it is this daemon
	// alone, at time -1, which is never sent to others.
	installed   topology.Ring
	installedID wire.MembershipID
	// members is installed while its token is alive, and otherwise this daemon alone.
	members topology.Ring
	// commit are the daemons that may be committed to the same recovery as this one. The first
	// numTrans come along with it. Only between the commitment and the next installation does
	// commit hold more than this daemon.
	commit   []wire.DaemonID
	numTrans int

	// heard are the daemons of this segment that are heard, this one first. It is empty at a ring
	// leader that gathers.
	heard []wire.DaemonID
	// reps are the representatives gathered, this daemon first. It is used only in GATHER.
	reps repList
	// potential are the addresses that JOINs go to. This daemon's own is never among them.
	potential repList
	// segRep is the daemon that speaks for this one in REPRESENTED, or 0.
	segRep wire.DaemonID

	absences
	// late is for how long this daemon was descheduled recently.
	late time.Duration
	// patient reports that only timers count until the next installation: an attempt to form a ring
	// has failed, or a ring was lost while others wanted to join it. hurries are the times of the last
	// rings that this daemon began to form early, in a circle.
	patient   bool
	hurries   [maxHurries]clock.Time
	nextHurry int
	// since is when the last ring was installed.
	since clock.Time
	// answered are the daemons of this segment that have answered in GATHER. voices are the senders of
	// JOINs, and met the leaders of rings among them that sent one in SEG.
	answered []wire.DaemonID
	voices   []voice
	met      repList

	// attempt is the id of the FORM1 that was last made or forwarded. ownEntry is the entry that
	// this daemon put on it for its ring. entered is false if there was no room for it.
	attempt  wire.MembershipID
	ownEntry wire.RingValue
	entered  bool

	dispute dispute

	// future is set from FORM2 until the installation, or the end of the recovery.
	future       Installation
	futureRing   topology.Ring
	futureCommit []wire.DaemonID

	// lastTime is the highest time ever used in an id, also by earlier lives as far as known.
	lastTime int32
	// used are the ids of the configurations that this daemon has entered, up to maxUsed, in a circle.
	used     [maxUsed]wire.MembershipID
	nextUsed int
	// foreignSeen reports that a foreign packet was relayed in this membership.
	foreignSeen bool

	// hearing and change are for people; the protocol does not use them.
	hearing hearing
	change  change

	// random is the state of spread.
	random    uint64
	deadlines [numTimers]clock.Time
	stats     Stats
	memory    memory
}

// memory is used again and again within a step.
type memory struct {
	event         event  // of a packet
	body          []byte // of a packet to be sent
	listed, heard []wire.DaemonID
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
		random:      cfg.Seed,
	}
	m.installed = cfg.Topology.Ring(m.self())
	m.members = m.installed
	m.commit, m.numTrans = m.self(), 1
	return m, nil
}

// self returns a list of this daemon alone.
func (m *Machine) self() []wire.DaemonID { return []wire.DaemonID{m.cfg.Self} }

// State returns the state.
func (m *Machine) State() State { return m.state }

// TokenAlive reports whether a regular token is expected: in OP and EVS, and in GATHER as the
// leader of a ring that keeps running.
func (m *Machine) TokenAlive() bool { return m.alive }

// Installed returns the last ring installed, and its id. They stay until the next installation,
// even if the ring is lost. The first ring is this daemon alone, at time -1.
func (m *Machine) Installed() (wire.MembershipID, topology.Ring) { return m.installedID, m.installed }

// Members returns the daemons that share a ring with this one now: the installed ring, or this
// daemon alone after the loss of its token.
func (m *Machine) Members() topology.Ring { return m.members }

// Installation returns the configurations that the last FORM2 announced. Read it when the ring has
// installed them, and do not change the lists.
func (m *Machine) Installation() Installation { return m.future }

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Start begins to form a membership. wall is the wall clock in seconds since 1970, here and
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

// startAlone takes the only possible ring, without gathering and form tokens.
func (m *Machine) startAlone(e *event) {
	m.blame(e, CauseAlone)
	m.ownEntry, m.entered = m.newEntry(), true
	v := wire.FormValue{Pending: m.self(), Rings: []wire.RingValue{m.ownEntry}}
	m.enterEVS(e, v, m.mark(), CauseAlone)
}

// HandlePacket takes an ALIVE, a JOIN or a REFER that has passed the checks of all packets
// (membership-protocol §4).
func (m *Machine) HandlePacket(now clock.Time, wall int32, p *wire.Packet, out *Effects) Reason {
	e := &m.memory.event
	*e = event{now: now, wall: wall, out: out, packet: p}
	in, v := m.checkPacket(e)
	if v != Accepted {
		return m.count(v)
	}
	if in == inputRefer && e.reps[0].Daemon == p.Proc && e.reps[0].Kind == wire.RepPotential {
		return m.count(m.handleStop(e))
	}
	m.back(p.Proc)
	return m.dispatch(in, e)
}

// HandleForm takes a FORM1 or FORM2 that has passed the checks of all tokens.
func (m *Machine) HandleForm(now clock.Time, wall int32, t *wire.Token, out *Effects) Reason {
	e := &event{now: now, wall: wall, out: out, token: t}
	if p := m.peer(t.Transmitter); p != nil {
		p.came = now
	}
	in, v := m.checkForm(e)
	if v != Accepted {
		return m.count(v)
	}
	m.hearing.from, m.hearing.fromAt = t.Transmitter, now
	m.hearFrom(e, t.Transmitter)
	return m.dispatch(in, e)
}

// HandleForeign takes a data packet that is not of the installed ring (membership-protocol §10.1).
func (m *Machine) HandleForeign(now clock.Time, wall int32, p *wire.Packet, out *Effects) Reason {
	if m.cfg.Topology.Daemon(p.Proc) == nil {
		return m.count(UnknownDaemon)
	}
	return m.dispatch(inputForeign, &event{now: now, wall: wall, out: out, packet: p})
}

// HandleCommitted takes the ring's report that it has everything the transitional set can give it.
// From now on this daemon is committed to the recovery.
func (m *Machine) HandleCommitted() Reason { return m.dispatch(inputCommitted, &event{}) }

// HandleInstalled takes the ring's report that it has installed the new membership.
func (m *Machine) HandleInstalled(now clock.Time, wall int32, out *Effects) Reason {
	return m.dispatch(inputInstalled, &event{now: now, wall: wall, out: out})
}

// HandleTokenLost takes the loss of the token. Either the ring reports it (CauseTokenTimeout,
// CauseRecoveryTurns, CauseNoProgress), or a layer above wants it (CauseForced, CauseReload) and the ring must stop.
func (m *Machine) HandleTokenLost(now clock.Time, wall int32, cause Cause, out *Effects) Reason {
	return m.dispatch(inputTokenLost, &event{now: now, wall: wall, out: out, cause: cause})
}

// become enters a state. It stops all timers; the caller starts those of the state.
func (m *Machine) become(e *event, s State, c Cause) {
	e.out.Transitions = append(e.out.Transitions, Transition{From: m.state, To: s, Cause: c, At: e.now})
	m.stats.Causes[c]++
	m.state = s
	m.deadlines = [numTimers]clock.Time{}
}

// lose handles the loss of the token (membership-protocol §6.1): it enters SEG with this daemon and
// those heard.
func (m *Machine) lose(e *event, c Cause, heard ...wire.DaemonID) {
	if m.change.cause == 0 || m.alive && m.state != StateEVS {
		m.blame(e, c)
	}
	if m.state == StateOp && e.now.Sub(m.since) >= m.timeout(timerGather) {
		m.hurries = [maxHurries]clock.Time{}
	}
	m.fresh = m.alive
	explained := c == CauseRefused || c == CauseStopped
	switch m.state {
	case StateForm:
		m.patient = m.patient || !explained
		// The form token has filled potential.
	case StateEVS:
		m.patient = m.patient || !explained
		m.askSegmentsOf(m.futureRing, nil)
	case StateGather:
		m.patient = m.patient || len(m.reps) > 1
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

// ofRing reports whether the ring itself found the token lost.
func ofRing(c Cause) bool {
	return c == CauseTokenTimeout || c == CauseRecoveryTurns || c == CauseNoProgress
}

// askSegmentsOf sets the addresses for JOINs: those gathered, and then for each other segment its
// leader in a ring, or its first configured daemon.
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

// LastTime returns the highest time that this daemon has put into an id, for Resume in its next life.
// The caller must have stored it before it sends anything of the step.
func (m *Machine) LastTime() int32 { return m.lastTime }

// Resume makes all ids of this life be above a time: LastTime of the life before. Call it before
// Start.
func (m *Machine) Resume(last int32) { m.lastTime = min(last, maxTime) }

// nextTime returns a time for an id. It is above all earlier ones, even if the wall clock goes back
// (membership-protocol §7.1), and never 0, which means none.
func (m *Machine) nextTime(wall int32) int32 {
	m.lastTime = max(wall, m.lastTime+1, 1)
	return m.lastTime
}
