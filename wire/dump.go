package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Dump returns one line of text for the message at the start of b, from either direction: byte
// order, type, sender, groups, hint, and the payload's length or, for membership messages, its
// content. Names are printed as they are, or in Go's quotes if their bytes would break the line or
// hide in it. For bytes that do not decode, the line has the reason. For example:
//
//	le AGREED from #alice#alpha to [grp] type 7 data 5
//	le REG_MEMB|CAUSED_BY_JOIN of grp members [#alice#alpha] id -1358244047 1795234723 1 set*[#alice#alpha]
func Dump(b []byte) string {
	var m Message
	if _, err := m.Decode(b); err != nil {
		return fmt.Sprintf("undecodable, %d bytes: %v", len(b), err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%v %v ", m.ByteOrder, m.Type)
	if m.Type.IsMembership() {
		s.WriteString("of ")
		dumpName(&s, &m.Sender)
		dumpMembership(&s, &m)
		return s.String()
	}
	s.WriteString("from ")
	dumpName(&s, &m.Sender)
	s.WriteString(" to ")
	dumpNames(&s, m.GroupFields)
	fmt.Fprintf(&s, " type %d", m.Hint.MessType())
	if m.Hint.ByteOrder() != m.ByteOrder {
		fmt.Fprintf(&s, " hint %v", m.Hint.ByteOrder())
	}
	if m.Type&Reject != 0 {
		fmt.Fprintf(&s, " was %v", m.OldType)
	}
	fmt.Fprintf(&s, " data %d", len(m.Payload))
	return s.String()
}

func dumpMembership(s *strings.Builder, m *Message) {
	var p Membership
	if err := p.Decode(m.Type, m.ByteOrder, m.Payload); err != nil {
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
		dumpName(s, n)
	}
	s.WriteByte(']')
}

// dumpName quotes a name that is empty or has bytes other than those of an ASCII word, the brackets
// around lists, or quotes.
func dumpName(s *strings.Builder, n *Name) {
	name := n.Bytes()
	plain := len(name) > 0
	for _, c := range name {
		plain = plain && c > ' ' && c <= '~' && c != '[' && c != ']' && c != '"'
	}
	if plain {
		s.Write(name)
		return
	}
	s.WriteString(strconv.QuoteToASCII(string(name)))
}
