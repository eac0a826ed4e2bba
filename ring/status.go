package ring

import "github.com/spreadd/spreadd/wire"

// Stats are the counters that grow over all rings (ring-protocol §23).
type Stats struct {
	// PacketsSent counts new packets made, PacketsReceived packets stored on receipt, and
	// PacketsDelivered packets delivered.
	PacketsSent, PacketsReceived, PacketsDelivered int64
	// Retrans counts retransmitted packets. The others split it by receiver: one daemon, one
	// segment, or all.
	Retrans, RetransDaemon, RetransSegment, RetransAll int64
	// TokenHurries counts a leader's token repeats, and at other daemons the accepted tokens that
	// were repeats.
	TokenHurries int64
	// MembershipChanges counts installed rings.
	MembershipChanges int64
}

// Status is the state of the ring, for monitors and metrics.
type Status struct {
	Stats
	State State
	Level Level
	// ID names the installed ring.
	ID wire.MembershipID
	// Leader, NumProcs and NumSegments describe the ring whose token circulates, or circulated
	// last.
	Leader                wire.DaemonID
	NumProcs, NumSegments int

	Aru, MyAru, Highest int32
	LastDiscarded       int32
	TokenRounds         int32

	Window, PersonalWindow, AcceleratedWindow int
	Accelerated                               bool
	// UsersQueued and GroupsQueued count the messages that wait to be sent.
	UsersQueued, GroupsQueued int
	// Rounds is a histogram of round times.
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

// State returns whether there is a ring.
func (r *Ring) State() State { return r.state }

// ID names the ring that was installed last. It is zero before the first one.
func (r *Ring) ID() wire.MembershipID { return r.id }

// Aru returns the number up to which every member is known to have all packets of the installed
// ring.
func (r *Ring) Aru() int32 { return r.seq.aru }

// MyAru returns the number up to which this daemon has all packets.
func (r *Ring) MyAru() int32 { return r.seq.myAru }

// Highest returns the largest number that is known to exist.
func (r *Ring) Highest() int32 { return r.seq.highest }

// LastDiscarded returns the number up to which packets are delivered and forgotten.
func (r *Ring) LastDiscarded() int32 { return r.seq.lastDiscarded }

// HasAsked reports whether this daemon asked for a packet that it does not have yet: all that it
// lacked below a number were asked for together.
func (r *Ring) HasAsked(seq int32) bool { return seq <= r.seq.asked }

// Has reports whether this daemon has a packet, or had it until every member did.
func (r *Ring) Has(seq int32) bool {
	return seq > 0 && seq <= r.seq.lastDiscarded || r.table.find(seq).isPacket()
}

// AppendMissing appends to dst the numbers from first to last, both included, that this daemon does
// not have.
func (r *Ring) AppendMissing(dst []int32, first, last int32) []int32 {
	for n := int64(max(first, r.seq.lastDiscarded+1)); n <= int64(last); n++ {
		if seq := int32(n); !r.table.find(seq).isPacket() {
			dst = append(dst, seq)
		}
	}
	return dst
}

// TokenFirst reports which port to read when both are readable. Normally it is the data port, so
// that all packets before a token are read before it. On an accelerated ring it is the token port,
// once the predecessor sends packets that follow its token (ring-protocol §18.3).
func (r *Ring) TokenFirst() bool { return r.token.first }
