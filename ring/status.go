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
		Aru:               r.seq.aru,
		MyAru:             r.seq.myAru,
		Highest:           r.seq.highest,
		LastDiscarded:     r.seq.lastDiscarded,
		TokenRounds:       r.token.turns,
		Window:            r.cfg.Window,
		PersonalWindow:    r.cfg.PersonalWindow,
		AcceleratedWindow: r.cfg.AcceleratedWindow,
		Accelerated:       r.cfg.Accelerated,
		UsersQueued:       r.sending.users.len(),
		GroupsQueued:      r.sending.groups.len(),
		Rounds:            r.rounds.times,
	}
}

// Aru returns the number up to which every member is known to have all packets
// of the installed ring.
func (r *Ring) Aru() int32 { return r.seq.aru }

// MyAru returns the number up to which this daemon has all.
func (r *Ring) MyAru() int32 { return r.seq.myAru }

// Highest returns the largest number that is known to exist.
func (r *Ring) Highest() int32 { return r.seq.highest }

// LastDiscarded returns the number up to which packets are delivered and
// forgotten.
func (r *Ring) LastDiscarded() int32 { return r.seq.lastDiscarded }

// Has reports whether this daemon has a packet, or had it until everybody did.
func (r *Ring) Has(seq int32) bool {
	return seq > 0 && seq <= r.seq.lastDiscarded || r.table.find(seq).isPacket()
}

// AppendMissing appends to dst the numbers from first to last, both included,
// that this daemon does not have.
func (r *Ring) AppendMissing(dst []int32, first, last int32) []int32 {
	for n := int64(max(first, r.seq.lastDiscarded+1)); n <= int64(last); n++ {
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
func (r *Ring) TokenFirst() bool { return r.token.first }
