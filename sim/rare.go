package sim

import (
	"fmt"
	"strings"

	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// Situation is a situation that does not occur in every run. A long series of runs that never met
// one has not tested the code for it.
type Situation int

// The situations, most of which the words at the end of the line explain.
const (
	SocketFull Situation = iota // socket full
	// Rejected: a join beyond the limit of a group's local members.
	Rejected      // join rejected
	SlowClient    // slow client
	SentBeforeEnd // message after the end of its session
	// Holes: a FORM2 with numbers that no daemon on it has.
	Holes // recovery with holes
	// CommitBeyond: a FORM2 with a commit set larger than the transitional set.
	CommitBeyond // commit set beyond the transitional set
	// HolesBeyond: both for one old ring.
	HolesBeyond       // holes and such a commit set
	SeveralRings      // three old rings
	CascadeInForm     // cascade in FORM
	CascadeInEVS      // cascade in EVS
	RecoveryTurns     // recovery given up
	CrashInForm       // crash in FORM
	CrashInEVS        // crash in EVS
	LeaderCrashInForm // leader crashes in FORM
	GatherBesideRing  // gathering beside a ring
	GatherAlone       // gathering that nobody joins
	// Represented: another daemon speaks for this one.
	Represented // represented
	Referred    // REFER
	// ForeignPacket: a packet of another ring leads to a merge.
	ForeignPacket // foreign packet
	// RestartNoticed: a member that has lost the token, or has restarted, ends a ring.
	RestartNoticed // ring ended by a member's ALIVE or JOIN
	// Exchange: the tables of groups are exchanged. ExchangeBroken: another transitional membership
	// interrupts the exchange. ExchangeSaved: the exchange completes in spite of that.
	// ExchangeAgain: the exchange begins again.
	Exchange       // exchange of groups
	ExchangeBroken // transitional in the exchange
	ExchangeSaved  // exchange completed in GGT
	ExchangeAgain  // exchange started again
	// StateInParts: a synced set's tables need several messages.
	StateInParts  // groups sent in several messages
	TokenRepeated // token repeated twice
	// AskedWide, AskedAll: a request for a segment, or for all, because an earlier daemon could not
	// answer.
	AskedWide     // request for a segment
	AskedAll      // request for all
	AskedOldRings // requests of several old rings
	Routed        // routed packet
	Again         // retransmission
	// SentAgain: a message that was sent in part is sent from its beginning in another ring.
	Fragments          // message in fragments
	SentAgain          // message sent again in another ring
	SafeInTransitional // safe in a transitional configuration
	DataInTransitional // data in a transitional configuration
	// ViewInTransitional: a join, leave or disconnect is visible between a signal and the view
	// after it.
	ViewInTransitional // view in a transitional configuration
	Signaled           // signal
	SeveralSets        // view of several sets
	// ReloadHeld: a change of the configuration had to wait for a ring. ClockBehind: a daemon's clock
	// is behind the ids of its former lives.
	Reloaded      // configuration reloaded
	ReloadHeld    // reload held up
	TakenOut      // taken out of the configuration
	ClockBehind   // restart behind the own ids
	AllAnswered   // all answered
	StopAnnounced // stop announced
	PortRefused   // port refused
	NumSituations
)

// Rare counts situations.
type Rare [NumSituations]int

// Add adds the counts of another run.
func (r *Rare) Add(o *Rare) {
	for i := range r {
		r[i] += o[i]
	}
}

// Missing returns the situations that never occurred.
func (r *Rare) Missing() (list []Situation) {
	for s, n := range r {
		if n == 0 {
			list = append(list, Situation(s))
		}
	}
	return list
}

// String returns one line for each situation.
func (r *Rare) String() string {
	var b strings.Builder
	for s, n := range r {
		fmt.Fprintf(&b, "%10d %v\n", n, Situation(s))
	}
	return b.String()
}

func (h *host) transition(t membership.Transition) {
	w := h.w
	switch {
	case t.From == membership.StateForm && t.To == membership.StateSeg:
		w.rare[CascadeInForm]++
	case t.From == membership.StateEVS && t.To == membership.StateSeg:
		w.rare[CascadeInEVS]++
	}
	switch t.Cause {
	case membership.CauseRecoveryTurns:
		w.rare[RecoveryTurns]++
	case membership.CauseLookup, membership.CauseNewcomer, membership.CauseForeign:
		w.rare[GatherBesideRing]++
		if t.Cause == membership.CauseForeign {
			w.rare[ForeignPacket]++
		}
	case membership.CauseAnswered:
		w.rare[AllAnswered]++
	case membership.CauseStopped:
		w.rare[StopAnnounced]++
	case membership.CauseRefused:
		w.rare[PortRefused]++
	case membership.CauseNobody:
		w.rare[GatherAlone]++
	case membership.CauseRepresentative:
		w.rare[Represented]++
	case membership.CauseAlive, membership.CauseJoin:
		w.rare[RestartNoticed]++
	default:
	}
	w.pull(h, t.To, 0)
	if t.To == membership.StateOp || t.To == membership.StateGather {
		return
	}
	w.losses++
	if w.settled {
		w.fail("C8", "%s leaves its ring in a calm network: %v", h.life.Name, t)
	}
}

func (h *host) groupsTransition(to groups.State) {
	w := h.w
	if to == groups.StateGather {
		w.rare[Exchange]++
	}
	w.pull(h, 0, to)
}

func (h *host) countCrash() {
	st := h.engine.Status()
	switch st.Membership {
	case membership.StateForm:
		h.w.rare[CrashInForm]++
		if up := h.w.living(); up[0] == h {
			h.w.rare[LeaderCrashInForm]++
		}
	case membership.StateEVS:
		h.w.rare[CrashInEVS]++
	default:
	}
}

func (h *host) countPacket(p *wire.Packet) {
	r := &h.w.rare
	switch {
	case p.Type&wire.PacketRouted != 0:
		r[Routed]++
	case p.Type&wire.PacketMemberships == wire.PacketRefer:
		r[Referred]++
	}
	if p.Type.Kind() == wire.KindData {
		if p.Transmitter != p.Proc {
			r[Again]++
		}
		if p.First.Index > 1 {
			r[Fragments]++
		}
	}
}

func isForm(b []byte) bool {
	var t wire.Token
	return t.Decode(b) == nil && t.Type&wire.TokenForms != 0
}

func isData(b []byte) bool {
	var p wire.Packet
	return p.Decode(b) == nil && p.Type.Kind() == wire.KindData
}

func (h *host) countToken(b []byte) {
	var t wire.Token
	if err := t.Decode(b); err != nil {
		h.w.fail("wire", "%s sends a token that cannot be decoded: %v", h.life.Name, err)
		return
	}
	r := &h.w.rare
	switch {
	case t.Type&wire.TokenForms == 0:
		if t.Type.Retrans() > 1 {
			r[TokenRepeated]++
		}
		h.countRequests(&t)
	case t.Type&wire.TokenForm2 != 0:
		var f wire.Form
		if f.Decode(&t) != nil {
			return
		}
		if f.Members.Len() > 0 {
			h.w.hist.Formed = append(h.w.hist.Formed, Formed{h.w.now, f.ID, t.Membership})
		}
		if f.NumRings > 2 {
			r[SeveralRings]++
		}
		for _, e := range f.Rings() {
			if e.NumHoles() > 0 {
				r[Holes]++
			}
			if e.Commit.Len() > e.NumTrans {
				r[CommitBeyond]++
				if e.NumHoles() > 0 {
					r[HolesBeyond]++
				}
			}
		}
	}
}

func (h *host) countRequests(t *wire.Token) {
	n := 0
	it := t.Requests()
	for q, ok := it.Next(); ok; q, ok = it.Next() {
		n++
		switch {
		case q.Proc != wire.NoDaemon:
		case q.Segment != wire.NoSegment:
			h.w.rare[AskedWide]++
		default:
			h.w.rare[AskedAll]++
		}
	}
	if n > 1 {
		h.w.rare[AskedOldRings]++
	}
}

// countEntry counts what is delivered. The state of the groups is that before the step.
func (h *host) countEntry(e *Entry) {
	r := &h.w.rare
	switch e.Kind {
	case EntryTransitional:
		h.inTransitional = true
		if h.groups == groups.StateGather {
			r[ExchangeBroken]++
		}
	case EntryRegular:
		h.inTransitional = false
	case EntryData:
		if h.inTransitional {
			r[DataInTransitional]++
			if e.Message.Type&wire.Safe != 0 {
				r[SafeInTransitional]++
			}
		}
	case EntryView:
		switch {
		case e.View.signal():
			r[Signaled]++
		case h.inTransitional && h.groups == groups.StateGather:
			r[ExchangeSaved]++ // no view could come otherwise
		case h.inTransitional && e.View.regular():
			r[ViewInTransitional]++
		case len(e.View.Sets) > 1:
			r[SeveralSets]++
		}
	case EntrySent, EntryStarted, EntryEnded:
	}
}
