package wire

import (
	"fmt"
	"strings"
)

// Dump returns one line of text for the message at the start of b, from
// either direction: order, type, sender, groups, hint, and the payload's
// length or, for membership messages, its content. What does not decode is
// said with the reason. For example:
//
//	le AGREED from #alice#alpha to [grp] type 7 data 5
//	le REG_MEMB|CAUSED_BY_JOIN of grp members [#alice#alpha] id -1358244047 1795234723 1 set*[#alice#alpha]
func Dump(b []byte) string {
	var m Message
	if _, err := m.Decode(b); err != nil {
		return fmt.Sprintf("undecodable, %d bytes: %v", len(b), err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%v %v ", m.Order, m.Type)
	if m.Type.IsMembership() {
		fmt.Fprintf(&s, "of %s", m.Sender)
		dumpMembership(&s, &m)
		return s.String()
	}
	fmt.Fprintf(&s, "from %s to ", m.Sender)
	dumpNames(&s, m.GroupFields)
	fmt.Fprintf(&s, " type %d", m.Hint.MessType())
	if m.Hint.Order() != m.Order {
		fmt.Fprintf(&s, " hint %v", m.Hint.Order())
	}
	if m.Type&Reject != 0 {
		fmt.Fprintf(&s, " was %v", m.OldType)
	}
	fmt.Fprintf(&s, " data %d", len(m.Payload))
	return s.String()
}

func dumpMembership(s *strings.Builder, m *Message) {
	var p Membership
	if err := p.Decode(m.Type, m.Order, m.Payload); err != nil {
		fmt.Fprintf(s, " payload of %d bytes: %v", len(m.Payload), err)
		return
	}
	if m.Type&RegularMembership != 0 {
		s.WriteString(" members ")
		dumpNames(s, m.GroupFields)
	}
	if !m.Type.IsSelfLeave() {
		fmt.Fprintf(s, " id %v", p.ID)
	}
	for _, set := range p.All() {
		s.WriteString(" set")
		if set.Own {
			s.WriteByte('*')
		}
		dumpNames(s, set.Members)
	}
}

func dumpNames(s *strings.Builder, fields []byte) {
	s.WriteByte('[')
	for i, n := range names(fields) {
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(s, "%s", n.Bytes())
	}
	s.WriteByte(']')
}
