package wire

import (
	"bytes"
	"iter"
)

// GROUPS message, by which daemons exchange their groups (groups-protocol §7). Its header is a
// message header whose sender field is overlaid:
//
//	offset  size  field
//	     4    28  name of the sending daemon, zero-padded
//	    32     4  number of daemons in its synced set, in the order of type
//
// Body, packed without alignment; offsets from its start:
//
//	 0     8  id of the daemons' regular membership
//	 8     1  1 = first message of a set, with the two fields that follow
//	 9     4  number of daemons s in the synced set (flag 1 only)
//	13   4 s  their ids, in the order of the configuration (flag 1 only)
//	 …        group entries
//
// Group entry: name 32, group id 12, changed 2, number of daemon entries 2, then these: daemon id
// 4, membership id 8, number of members m 2, their names 32 m.
const (
	offStateSynced   = 32
	stateNameLen     = 28
	stateHeaderLen   = 9
	offGroupChanged  = 44
	offGroupNumHosts = 46
	// GroupEntryLen is the size of a group entry without its daemons.
	GroupEntryLen = 48
	// GroupDaemonLen is the size of a daemon entry without its members.
	GroupDaemonLen = 14
	// MaxGroupState is the maximum length of a GROUPS message, header included.
	MaxGroupState = 100_000
)

// GroupState is a GROUPS message.
type GroupState struct {
	ByteOrder ByteOrder
	// Daemon is the name of the sender.
	Daemon []byte
	// NumSynced is the number of daemons that the sender speaks for.
	NumSynced  int32
	Membership MembershipID
	// First says that the message has the synced set.
	First  bool
	Synced DaemonList
	groups []byte
}

// DecodeHead reads the maker and the membership of a GROUPS message. They decide whether the rest
// is of interest.
func (s *GroupState) DecodeHead(m *Message) error {
	o := m.ByteOrder
	*s = GroupState{ByteOrder: o}
	s.Daemon, _, _ = bytes.Cut(m.Sender[:stateNameLen], []byte{0})
	s.NumSynced = o.Int32(m.Sender[stateNameLen:])
	if len(m.Payload) < stateHeaderLen {
		return &DecodeError{"GROUPS message", HeaderLen + len(m.Payload), ErrShort}
	}
	s.Membership = o.membershipID(m.Payload)
	return nil
}

// Decode reads a GROUPS message, to its last byte.
func (s *GroupState) Decode(m *Message) error {
	if err := s.DecodeHead(m); err != nil {
		return err
	}
	o, b := m.ByteOrder, m.Payload
	switch {
	case m.NumGroups != 0:
		return &DecodeError{"GROUPS message with group names", offNumGroups, ErrForm}
	case HeaderLen+len(b) > MaxGroupState:
		return &DecodeError{"GROUPS message", MaxGroupState, ErrLength}
	}
	at := stateHeaderLen
	switch b[8] {
	case 0:
	case 1:
		s.First = true
		if len(b) < at+4 {
			return &DecodeError{"synced set", HeaderLen + at, ErrShort}
		}
		n := o.Int32(b[at:])
		at += 4
		if n < 0 || n > MaxMembersOfList || len(b) < at+4*int(n) {
			return &DecodeError{"size of the synced set", HeaderLen + at - 4, ErrLength}
		}
		s.Synced = DaemonList{o, b[at : at+4*int(n)]}
		at += 4 * int(n)
	default:
		return &DecodeError{"flag of a GROUPS message", HeaderLen + 8, ErrForm}
	}
	s.groups = b[at:]
	for rest := s.groups; len(rest) > 0; {
		_, n, err := decodeGroupEntry(o, rest)
		if err != nil {
			return &DecodeError{"group entry", HeaderLen + len(b) - len(rest), err}
		}
		rest = rest[n:]
	}
	return nil
}

// Groups yields the group entries of a value that Decode accepted.
func (s *GroupState) Groups() iter.Seq[GroupEntry] {
	return func(yield func(GroupEntry) bool) {
		for rest := s.groups; len(rest) > 0; {
			e, n, err := decodeGroupEntry(s.ByteOrder, rest)
			if err != nil || !yield(e) {
				return
			}
			rest = rest[n:]
		}
	}
}

// GroupEntry is one group of a GROUPS message.
type GroupEntry struct {
	Name      *Name
	ID        GroupID
	Changed   bool
	byteOrder ByteOrder
	daemons   []byte
}

func decodeGroupEntry(o ByteOrder, b []byte) (e GroupEntry, n int, err error) {
	if len(b) < GroupEntryLen {
		return e, 0, ErrShort
	}
	e = GroupEntry{
		Name:      (*Name)(b),
		ID:        decodeGroupID(b[NameLen:], o),
		Changed:   o.Uint16(b[offGroupChanged:]) != 0,
		byteOrder: o,
	}
	n = GroupEntryLen
	for range o.Uint16(b[offGroupNumHosts:]) {
		if len(b) < n+GroupDaemonLen {
			return e, 0, ErrShort
		}
		n += GroupDaemonLen + NameLen*int(o.Uint16(b[n+12:]))
		if len(b) < n {
			return e, 0, ErrShort
		}
	}
	e.daemons = b[GroupEntryLen:n]
	return e, n, nil
}

// Daemons yields the daemons of a group, with its members there.
func (e GroupEntry) Daemons() iter.Seq[GroupDaemon] {
	return func(yield func(GroupDaemon) bool) {
		for b := e.daemons; len(b) >= GroupDaemonLen; {
			n := GroupDaemonLen + NameLen*int(e.byteOrder.Uint16(b[12:]))
			d := GroupDaemon{
				Daemon:     DaemonID(e.byteOrder.Uint32(b)),
				Membership: e.byteOrder.membershipID(b[4:]),
				members:    b[GroupDaemonLen:n],
			}
			if !yield(d) {
				return
			}
			b = b[n:]
		}
	}
}

// GroupDaemon is one daemon of a group entry.
type GroupDaemon struct {
	Daemon     DaemonID
	Membership MembershipID
	members    []byte
}

// Len returns the number of members.
func (d GroupDaemon) Len() int { return len(d.members) / NameLen }

// Members yields the private groups of the members.
func (d GroupDaemon) Members() iter.Seq2[int, *Name] { return names(d.members) }

// AppendStateHeader appends the body of a GROUPS message, up to its group entries, to b. synced is
// nil for a message that is not the first of its set.
func AppendStateHeader(b []byte, o ByteOrder, id MembershipID, synced []DaemonID) []byte {
	b = o.appendMembershipID(b, id)
	if synced == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	b = o.AppendUint32(b, uint32(len(synced)))
	for _, d := range synced {
		b = o.AppendUint32(b, uint32(d))
	}
	return b
}

// AppendGroupEntry appends the fixed part of a group entry to b. The daemon entries follow by
// [AppendGroupDaemon].
func AppendGroupEntry(b []byte, o ByteOrder, name *Name, id GroupID, changed bool, daemons int) []byte {
	b = append(b, name[:]...)
	b = id.Append(b, o)
	flag := uint16(0)
	if changed {
		flag = 1
	}
	b = o.AppendUint16(b, flag)
	return o.AppendUint16(b, uint16(daemons))
}

// SetGroupDaemons changes the number of daemons in the group entry at the start of b.
func SetGroupDaemons(b []byte, o ByteOrder, daemons int) {
	o.PutUint16(b[offGroupNumHosts:], uint16(daemons))
}

// AppendGroupDaemon appends a daemon entry to b.
func AppendGroupDaemon(b []byte, o ByteOrder, id DaemonID, view MembershipID, members ...Name) []byte {
	b = o.AppendUint32(b, uint32(id))
	b = o.appendMembershipID(b, view)
	b = o.AppendUint16(b, uint16(len(members)))
	for i := range members {
		b = append(b, members[i][:]...)
	}
	return b
}

// StateSender returns the sender field of a GROUPS message.
func StateSender(o ByteOrder, daemon string, synced int) (n Name) {
	copy(n[:stateNameLen], daemon)
	o.PutUint32(n[offStateSynced-offSender:], uint32(synced))
	return n
}
