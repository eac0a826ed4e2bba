package engine

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// rejectMessage builds what the requester gets back (client-protocol §9.3): the type of the request
// in an extra word, its groups followed by the requester's private group, and its payload. Unlike a
// C daemon, we also send the reject of a request with SELF_DISCARD.
func rejectMessage(t wire.Type, private wire.Name, request []byte) []byte {
	var m wire.Message
	if _, err := m.Decode(request); err != nil {
		// The session layer has checked the lengths.
		panic("engine: rejecting an undecodable request: " + err.Error())
	}
	old := t
	switch {
	case t&wire.Join != 0:
		old = t&^wire.Join | wire.CausedByJoin
	case t&wire.Leave != 0:
		old = t&^wire.Leave | wire.CausedByLeave
	}
	fields := slices.Clone(m.GroupFields)
	if len(fields) == wire.MaxGroups*wire.NameLen {
		fields = fields[:len(fields)-wire.NameLen]
	}
	r := wire.Message{
		Header: wire.Header{
			Type:   wire.Reject | t&wire.SelfDiscard,
			Sender: private,
			Hint:   m.Hint,
		},
		OldType:     old,
		GroupFields: append(fields, private[:]...),
		Payload:     m.Payload,
	}
	return r.Append(nil)
}
