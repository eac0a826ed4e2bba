package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// exchange is what has arrived of the state messages of one regular membership
// (groups-protocol §7.5). Synced sets are told by their heads, each by one or several
// messages; when those that are told make up the membership it is over.
type exchange struct {
	// sets by the arrival of their first messages. Those that are told have no
	// daemon in common, and only daemons of the membership.
	sets []*syncedSet
	// represented is the number of daemons of the sets that are told.
	represented int
	// ownTold: the set that this daemon belongs to is told.
	ownTold bool
	// spoiled: a message had to be refused. The exchange cannot be completed,
	// and a new membership has been asked for.
	spoiled bool
}

// syncedSet is what a head has told of its set.
type syncedSet struct {
	head int // its place in the configuration
	// messages by arrival, which is last built first.
	messages []*wire.GroupState
	told     bool
	daemons  daemonSet // when told
}

// find returns the set that a head tells, if one of its messages has arrived.
func (x *exchange) find(head int) *syncedSet {
	if i := slices.IndexFunc(x.sets, func(s *syncedSet) bool { return s.head == head }); i >= 0 {
		return x.sets[i]
	}
	return nil
}

// begin starts an exchange: the gates close, and the head of the synced set
// tells its tables.
func (m *Machine) begin(out *Effects) {
	m.state = StateGather
	m.exchange = exchange{}
	out.command(BeginExchange)
	if m.synced[0] != m.self {
		return
	}
	for _, msg := range slices.Backward(m.buildStates()) {
		out.RingCommands = append(out.RingCommands, RingCommand{Kind: SendState, State: msg})
	}
}

// receiveState takes a GROUPS message (groups-protocol §7.5). What it decides
// depends on the message, on those before it in the order, and on the membership, so
// that all daemons decide alike.
func (m *Machine) receiveState(b []byte, out *Effects) {
	var msg wire.Message
	if n, err := msg.Decode(b); err != nil || n != len(b) {
		out.refuse(Malformed, wire.Name{}, wire.Name{})
		if decisions[m.state][inState] == handled {
			m.spoil(out)
		}
		return
	}
	var head wire.GroupState
	err := head.DecodeHead(&msg)
	daemon := wire.MakeName(string(head.Daemon))
	switch {
	case err == nil && head.Membership != m.regular:
		out.refuse(OutdatedState, daemon, wire.Name{})
		return
	case decisions[m.state][inState] == ignored:
		out.refuse(UnexpectedState, daemon, wire.Name{})
		return
	}
	sender, ok := m.rankByName[string(head.Daemon)]
	if !ok {
		out.refuse(UnknownStateSender, daemon, wire.Name{})
		return
	}
	if m.exchange.spoiled {
		return
	}
	if reason, group := m.addState(sender, b); reason != Accepted {
		out.refuse(reason, daemon, group)
		m.spoil(out)
		return
	}
	if m.exchange.represented == len(m.members) {
		m.finish(out)
	}
}

// spoil gives the exchange up, and what has been told. Without the message that
// was refused the tables of daemons could come to differ for good, so a new
// membership is needed, in which all tell theirs again (groups-protocol §11). In
// StateGatherTrans that is on its way already.
func (m *Machine) spoil(out *Effects) {
	if !m.exchange.spoiled && m.state == StateGather {
		out.command(ForceMembership)
	}
	m.exchange = exchange{spoiled: true}
}

// addState adds a message to what a head has told. With the last one the set is
// checked as a whole.
func (m *Machine) addState(head int, b []byte) (Reason, wire.Name) {
	var msg wire.Message
	state := new(wire.GroupState)
	if _, err := msg.Decode(slices.Clone(b)); err != nil {
		return BadStateForm, wire.Name{}
	}
	if err := state.Decode(&msg); err != nil {
		return BadStateForm, wire.Name{}
	}
	service := msg.Type & wire.Services
	last := service == wire.Agreed
	if !last && service != wire.Reliable || last != state.First {
		return BadStateForm, wire.Name{}
	}
	s := m.exchange.find(head)
	if s == nil {
		s = &syncedSet{head: head}
		m.exchange.sets = append(m.exchange.sets, s)
	}
	if s.told {
		return BadStateRepeated, wire.Name{}
	}
	s.messages = append(s.messages, state)
	if !last {
		return Accepted, wire.Name{}
	}
	if reason, group := m.checkSet(s); reason != Accepted {
		return reason, group
	}
	s.told = true
	m.exchange.represented += len(s.daemons)
	if head == m.synced[0] {
		m.exchange.ownTold = true
	}
	return Accepted, wire.Name{}
}

// finish ends the exchange: everything is told (groups-protocol §8).
func (m *Machine) finish(out *Effects) {
	out.command(EndExchange)
	m.mergeTold()
	m.exchange = exchange{}
	m.renewChanged(out)
	cascade := m.state == StateGatherTrans
	m.state = StateOp
	if cascade {
		m.lose(out)
	}
}
