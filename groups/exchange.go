package groups

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// exchange is what has arrived of the state messages of one regular membership (groups-protocol
// §7.5). The head of each synced set sends its set in one or several messages. The exchange is over
// when the complete sets make up the membership.
type exchange struct {
	// sets are in the order of their first messages. Complete sets have no daemon in common, and
	// only daemons of the membership.
	sets []*syncedSet
	// represented is the number of daemons of the complete sets.
	represented int
	// ownComplete reports that the set of this daemon is complete.
	ownComplete bool
	// spoiled reports that a message was refused. The exchange cannot be completed, and the machine
	// has asked for a new membership.
	spoiled bool
}

// syncedSet is what a head has sent of its set.
type syncedSet struct {
	head int // its place in the configuration
	// messages are in the order of arrival; the last one was built first.
	messages []*wire.GroupState
	complete bool
	daemons  daemonSet // once complete
}

// find returns the set of a head, if one of its messages has arrived.
func (x *exchange) find(head int) *syncedSet {
	if i := slices.IndexFunc(x.sets, func(s *syncedSet) bool { return s.head == head }); i >= 0 {
		return x.sets[i]
	}
	return nil
}

// NumStates returns how many state messages of the present exchange have come.
func (m *Machine) NumStates() int {
	n := 0
	for _, s := range m.exchange.sets {
		n += len(s.messages)
	}
	return n
}

// begin starts an exchange: clients are held back, and the head of the synced set sends its tables.
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

// receiveState takes a GROUPS message (groups-protocol §7.5). Its decision depends only on the
// message, on those before it in the order, and on the membership, so all daemons decide alike.
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

// spoil gives up the exchange and what has arrived. Without the message that was refused, the
// daemons' tables could differ forever, so a new membership is needed, in which all send theirs
// again (groups-protocol §11). In StateGatherTrans, a new membership is already on its way.
func (m *Machine) spoil(out *Effects) {
	if !m.exchange.spoiled {
		m.spoiled++
		if m.state == StateGather {
			out.command(ForceMembership)
		}
	}
	m.exchange = exchange{spoiled: true}
}

// addState adds a message to the set of its head. The last message has the set checked as a whole.
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
	if s.complete {
		return BadStateRepeated, wire.Name{}
	}
	s.messages = append(s.messages, state)
	if !last {
		return Accepted, wire.Name{}
	}
	if reason, group := m.checkSet(s); reason != Accepted {
		return reason, group
	}
	s.complete = true
	m.exchange.represented += len(s.daemons)
	if head == m.synced[0] {
		m.exchange.ownComplete = true
	}
	return Accepted, wire.Name{}
}

// finish ends the exchange, when all sets are complete (groups-protocol §8).
func (m *Machine) finish(out *Effects) {
	out.command(EndExchange)
	m.mergeComplete()
	m.exchange, m.spoiled = exchange{}, 0
	m.renewChanged(out)
	cascade := m.state == StateGatherTrans
	m.state = StateOp
	if cascade {
		m.lose(out)
	}
}
