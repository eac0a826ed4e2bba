package wire

import (
	"fmt"
	"iter"
)

// Payload of membership messages (client-protocol §10.1); integers in the order of the message's
// type:
//
//	offset  size  field
//	     0     4  group id: daemon part of the daemons' membership id
//	     4     4  group id: time part of it, seconds
//	     8     4  group id: index
//	    12     4  number of virtual synchrony sets
//	    16     4  offset of the receiver's own set, counted from 20
//	    20     …  the sets: number of members (4), then their names (32 each)
//
// A transitional message ends after 12 bytes, a self-leave has no payload.
const (
	offGroupIDDaemon = 0
	offGroupIDTime   = 4
	offGroupIDIndex  = 8
	groupIDLen       = 12
	offNumSets       = 12
	offOwnSet        = 16
	offSets          = 20
)

// GroupID names a view of a group. Ids are compared for equality only (client-protocol §10.3).
type GroupID struct {
	Daemon uint32 // id of the daemon that leads the daemons' membership
	Time   uint32 // its time, seconds since 1970
	Index  uint32 // counts changes within that membership
}

// String returns the three words as signed numbers, as Spread's programs print them.
func (g GroupID) String() string {
	return fmt.Sprintf("%d %d %d", int32(g.Daemon), int32(g.Time), int32(g.Index))
}

// Append appends the id to b.
func (g GroupID) Append(b []byte, o ByteOrder) []byte {
	b = o.AppendUint32(b, g.Daemon)
	b = o.AppendUint32(b, g.Time)
	return o.AppendUint32(b, g.Index)
}

func decodeGroupID(b []byte, o ByteOrder) GroupID {
	return GroupID{
		Daemon: o.Uint32(b[offGroupIDDaemon:]),
		Time:   o.Uint32(b[offGroupIDTime:]),
		Index:  o.Uint32(b[offGroupIDIndex:]),
	}
}

// Membership is the decoded payload of a membership message.
type Membership struct {
	ByteOrder ByteOrder
	ID        GroupID
	// NumSets is the number of virtual synchrony sets. It is 0 for transitional messages.
	NumSets int
	// OwnSet is the offset in Sets of the receiver's own set.
	OwnSet int
	// Sets are the encoded sets; see [Membership.All].
	Sets []byte
}

// Decode reads the payload of a membership message of the given type and byte order. It checks that
// the sets fill the payload to its last byte, and that the own set's offset points to one of them.
func (m *Membership) Decode(t Type, o ByteOrder, b []byte) error {
	*m = Membership{ByteOrder: o}
	if t.IsSelfLeave() {
		if len(b) != 0 {
			return &DecodeError{"self-leave message", 0, ErrForm}
		}
		return nil
	}
	if len(b) < groupIDLen {
		return &DecodeError{"group id", len(b), ErrShort}
	}
	m.ID = decodeGroupID(b, o)
	if t&RegularMembership == 0 {
		if len(b) != groupIDLen {
			return &DecodeError{"transitional message", groupIDLen, ErrForm}
		}
		return nil
	}
	if len(b) < offSets {
		return &DecodeError{"virtual synchrony sets", len(b), ErrShort}
	}
	count, own := o.Int32(b[offNumSets:]), o.Int32(b[offOwnSet:])
	sets := b[offSets:]
	found, at := int32(0), 0
	ownFound := false
	for at < len(sets) {
		ownFound = ownFound || int(own) == at
		if len(sets)-at < 4 {
			return &DecodeError{"member count of a set", offSets + at, ErrShort}
		}
		n := o.Int32(sets[at:])
		if n < 0 || int(n) > (len(sets)-at-4)/NameLen {
			return &DecodeError{"member count of a set", offSets + at, ErrLength}
		}
		at += 4 + NameLen*int(n)
		found++
	}
	if count != found {
		return &DecodeError{"number of virtual synchrony sets", offNumSets, ErrLength}
	}
	if !ownFound {
		return &DecodeError{"offset of own set", offOwnSet, ErrForm}
	}
	m.NumSets, m.OwnSet, m.Sets = int(count), int(own), sets
	return nil
}

// Append appends the payload of a message of type t to b.
func (m *Membership) Append(b []byte, t Type) []byte {
	if t.IsSelfLeave() {
		return b
	}
	b = m.ID.Append(b, m.ByteOrder)
	if t&RegularMembership == 0 {
		return b
	}
	b = m.ByteOrder.AppendUint32(b, uint32(m.NumSets))
	b = m.ByteOrder.AppendUint32(b, uint32(m.OwnSet))
	return append(b, m.Sets...)
}

// AppendSet appends one virtual synchrony set to b, the encoded sets of a payload.
func AppendSet(b []byte, o ByteOrder, members ...Name) []byte {
	b = o.AppendUint32(b, uint32(len(members)))
	for i := range members {
		b = append(b, members[i][:]...)
	}
	return b
}

// Set is one virtual synchrony set: members that came together from the view before.
type Set struct {
	Own     bool   // it is the receiver's own
	Members []byte // name fields, 32 bytes each
}

// Names yields the members of the set in order.
func (s Set) Names() iter.Seq2[int, *Name] { return names(s.Members) }

// Len returns the number of members of the set.
func (s Set) Len() int { return len(s.Members) / NameLen }

// All yields the sets of a value that Decode accepted, in order.
func (m *Membership) All() iter.Seq2[int, Set] {
	return func(yield func(int, Set) bool) {
		for i, at := 0, 0; i < m.NumSets; i++ {
			n := int(m.ByteOrder.Int32(m.Sets[at:]))
			end := at + 4 + NameLen*n
			if !yield(i, Set{Own: at == m.OwnSet, Members: m.Sets[at+4 : end]}) {
				return
			}
			at = end
		}
	}
}

// Changed returns the member that a join, leave or disconnect is about: the only member of the only
// set.
func (m *Membership) Changed() (*Name, bool) {
	if m.NumSets != 1 || len(m.Sets) != 4+NameLen {
		return nil, false
	}
	return (*Name)(m.Sets[4:]), true
}
