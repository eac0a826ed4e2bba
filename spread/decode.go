package spread

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// decodeMessage fills m from a message of the wire, except for the payload.
func (r *receiver) decodeMessage(m *Message, w *wire.Message, t wire.Type) {
	m.Service = Service(t & wire.Services)
	m.SelfDiscard = t&wire.SelfDiscard != 0
	m.Sender = r.names.name(&w.Sender)
	m.Groups = r.names.list(w.GroupFields)
	m.Type = w.Hint.MessType()
	m.EndianMismatch = w.Hint.ByteOrder() != wire.LittleEndian
}

// decodeEvent returns the event of anything but a regular message, in memory of its own.
func (r *receiver) decodeEvent(w *wire.Message) (Event, error) {
	switch t := w.Type; {
	case t&wire.Reject != 0:
		return r.decodeRejected(w), nil
	case t.IsMembership() && (t.IsSelfLeave() || t&(wire.RegularMembership|wire.Transitional) != 0):
		return r.decodeMembership(w)
	default:
		return &Unknown{
			Kind:    uint32(t),
			Sender:  r.names.name(&w.Sender),
			Groups:  r.names.list(w.GroupFields),
			Type:    w.Hint.MessType(),
			Payload: append([]byte(nil), w.Payload...),
		}, nil
	}
}

func (r *receiver) decodeMembership(w *wire.Message) (Event, error) {
	m := &Membership{Group: r.names.name(&w.Sender), Index: -1}
	var p wire.Membership
	if err := p.Decode(w.Type, w.ByteOrder, w.Payload); err != nil {
		// Its end is known, so the connection stays good.
		return nil, errorf(opReceive, m.Group, ErrIllegalMessage, "membership message: %w", err)
	}
	m.ID = GroupID(p.ID)
	switch t := w.Type; {
	case t.IsSelfLeave():
		m.Cause = SelfLeave
		return m, nil
	case t&wire.RegularMembership == 0:
		m.Cause = Transitional
		return m, nil
	case t&wire.CausedByJoin != 0:
		m.Cause = CauseJoin
	case t&wire.CausedByLeave != 0:
		m.Cause = CauseLeave
	case t&wire.CausedByDisconnect != 0:
		m.Cause = CauseDisconnect
	default:
		m.Cause = CauseNetwork
	}
	m.Members = r.names.members(w.GroupFields)
	m.Index = slices.Index(m.Members, r.self)
	m.Sets = make([]VSSet, 0, p.NumSets)
	for _, set := range p.All() {
		m.Sets = append(m.Sets, VSSet{Own: set.Own, Members: r.names.members(set.Members)})
	}
	if changed, ok := p.Changed(); ok && m.Cause != CauseNetwork {
		m.Changed = r.names.name(changed)
	}
	return m, nil
}

func (r *receiver) decodeRejected(w *wire.Message) Event {
	e := &Rejected{OldType: uint32(w.OldType)}
	switch {
	case w.OldType&(wire.CausedByJoin|wire.Join) != 0:
		e.Request = RequestJoin
	case w.OldType&(wire.CausedByLeave|wire.Leave) != 0:
		e.Request = RequestLeave
	default:
		e.Request = RequestMulticast
	}
	r.decodeMessage(&e.Message, w, w.OldType)
	// The daemon appends the name of this connection to the groups of the request.
	if n := len(e.Message.Groups); n > 0 && e.Message.Groups[n-1] == r.self {
		e.Message.Groups = e.Message.Groups[: n-1 : n-1]
	}
	e.Message.Payload = append([]byte(nil), w.Payload...)
	return e
}
