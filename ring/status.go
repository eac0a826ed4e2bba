package ring

import "github.com/spreadd/spreadd/wire"

// Stats are the counters that grow over all rings (ring-protocol §23).
type Stats struct {
	// PacketsSent counts the new packets made, PacketsReceived those stored
	// on receipt, PacketsDelivered those delivered.
	PacketsSent, PacketsReceived, PacketsDelivered int64
	// Retrans counts the packets that were sent again; by whom they were for: one
	// daemon, one segment, all.
	Retrans, RetransDaemon, RetransSegment, RetransAll int64
	// TokenHurries counts, at a leader, its repeats, else the tokens accepted
	// that were repeats.
	TokenHurries int64
	// MembershipChanges counts the rings installed.
	MembershipChanges int64
}

// Status is what a monitor or a metric wants to know of the ring.
type Status struct {
	Stats
	State State
	Level Level
	// ID names the installed ring.
	ID wire.MembershipID
	// Leader, NumProcs and NumSegments are of the ring whose token goes
	// round, or went round last.
	Leader                wire.DaemonID
	NumProcs, NumSegments int

	Aru, MyAru, Highest int32
	LastDiscarded       int32
	TokenRounds         int32

	Window, PersonalWindow, AcceleratedWindow int
	Accelerated                               bool
	// UsersQueued and GroupsQueued are the messages that wait to be sent.
	UsersQueued, GroupsQueued int
	// Rounds is how long rounds took.
	Rounds RoundTimes
}

// Status returns the present state.
func (r *Ring) Status() Status {
	return Status{
		Stats:             r.stats,
		State:             r.state,
		Level:             r.level,
		ID:                r.id,
		Leader:            r.route.leader,
		NumProcs:          r.route.ring.Len(),
		NumSegments:       r.route.segments,
		Aru:               r.aru,
		MyAru:             r.myAru,
		Highest:           r.highest,
		LastDiscarded:     r.lastDiscarded,
		TokenRounds:       r.tokenRounds,
		Window:            r.cfg.Window,
		PersonalWindow:    r.cfg.PersonalWindow,
		AcceleratedWindow: r.cfg.AcceleratedWindow,
		Accelerated:       r.cfg.Accelerated,
		UsersQueued:       r.users.len(),
		GroupsQueued:      r.groups.len(),
		Rounds:            r.rounds.times,
	}
}
