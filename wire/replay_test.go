package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Directions of a connection, as in the vectors.
const (
	c2d = "c2d" // client to daemon
	d2c = "d2c" // daemon to client
)

// unitKind says which format a unit has.
type unitKind uint8

const (
	unitRequest        unitKind = iota // client-protocol §3.1
	unitFirstReply                     // §3.2
	unitChoice                         // §4.1
	unitPassword                       // §4.4
	unitPasswordResult                 // §4.4, one byte
	unitAccept                         // §3.3
	unitMessage                        // §5
)

// unit is one step of the protocol, which a conversation has cut from a stream.
type unit struct {
	kind     unitKind
	dir      string
	raw      []byte // what was decoded
	again    []byte // the value encoded again
	line     string // for people
	hasPatch bool   // of an accept: its version has three bytes
	fault    string // what the format's own rules say against it, if anything
}

// conversation splits the two streams of one connection into units. The next unit of a stream
// depends on what was said before, in the other direction too. Streams may be fed in pieces of any
// size.
type conversation struct {
	half map[string]*half

	request  ConnectRequest
	asked    bool // a request has come
	password bool // the client chose the PWORD method
	group    Name // private group that the daemon gave
}

// half is one direction of a conversation.
type half struct {
	step step
	buf  []byte // not decoded yet
	err  error  // why buf does not decode; nil if it is empty
}

// step is what comes next in one direction.
type step uint8

const (
	stepFirst    step = iota // connect request, or what answers it
	stepChoice               // method choice
	stepPassword             // password request; its result, if there was one
	stepAccept               // accept message
	stepMessages             // messages
	stepClosed               // nothing: the daemon has refused
)

// errClosed is the error for bytes after a rejection, which client-protocol §3.2 says is the last
// byte.
var errClosed = errors.New("bytes behind a rejection")

func newConversation() *conversation {
	return &conversation{half: map[string]*half{c2d: {}, d2c: {}}}
}

// feed adds bytes to one stream and returns the units that are complete now.
func (c *conversation) feed(dir string, b []byte) (units []unit) {
	h := c.half[dir]
	h.buf = append(h.buf, b...)
	if h.err != nil && !errors.Is(h.err, ErrShort) {
		return nil
	}
	for h.err = nil; len(h.buf) > 0; {
		var u unit
		if dir == c2d {
			u, h.err = c.fromClient(h, h.buf)
		} else {
			u, h.err = c.fromDaemon(h, h.buf)
		}
		if h.err != nil {
			break
		}
		u.dir = dir
		units = append(units, u)
		h.buf = h.buf[len(u.raw):]
	}
	return units
}

func (c *conversation) fromClient(h *half, b []byte) (u unit, err error) {
	switch h.step {
	case stepFirst:
		n, err := c.request.Decode(b)
		if err != nil {
			return unit{}, err
		}
		c.asked = true
		h.step = stepMessages
		if c.request.Version.Negotiates() {
			h.step = stepChoice
		}
		r := &c.request
		return unit{
			kind: unitRequest, raw: b[:n], again: r.Append(nil),
			line: fmt.Sprintf("connect request %d.%d.%d flags %#02x name %q", r.Version.Major, r.Version.Minor, r.Version.Patch, r.Flags, r.Name),
		}, nil
	case stepChoice:
		var choice MethodChoice
		if err := choice.Decode(b); err != nil {
			return unit{}, err
		}
		h.step = stepMessages
		var methods []string
		for m := range choice.Methods() {
			methods = append(methods, string(m))
		}
		if slices.Contains(methods, MethodPassword) {
			h.step, c.password = stepPassword, true
		}
		return unit{
			kind: unitChoice, raw: b[:MethodChoiceLen], again: choice.Append(nil),
			line: fmt.Sprintf("method choice %q", methods),
		}, nil
	case stepPassword:
		var r PasswordRequest
		if err := r.Decode(b); err != nil {
			return unit{}, err
		}
		h.step = stepMessages
		return unit{
			kind: unitPassword, raw: b[:PasswordRequestLen], again: r.Append(nil),
			line: fmt.Sprintf("password request %q %q", r.User(), r.Password()),
		}, nil
	default:
		return c.message(b)
	}
}

func (c *conversation) fromDaemon(h *half, b []byte) (u unit, err error) {
	switch h.step {
	case stepFirst:
		if c.asked && !c.request.Version.Negotiates() {
			return c.accept(h, b)
		}
		list, code, n, err := DecodeFirstReply(b)
		if err != nil {
			return unit{}, err
		}
		if code != 0 {
			return refusal(h, unitFirstReply, b, code), nil
		}
		h.step = stepPassword
		return unit{
			kind: unitFirstReply, raw: b[:n], again: list.Append(nil),
			line: fmt.Sprintf("method list %q", []byte(list)),
		}, nil
	case stepPassword:
		// The list was sent before the client chose.
		h.step = stepAccept
		if !c.password {
			return c.accept(h, b)
		}
		return unit{
			kind: unitPasswordResult, raw: b[:1], again: b[:1],
			line: fmt.Sprintf("password result %d", b[0]),
		}, nil
	case stepAccept:
		return c.accept(h, b)
	case stepClosed:
		return unit{}, errClosed
	default:
		return c.message(b)
	}
}

// refusal returns a unit for a code in place of what was expected at the front of b. It is the last
// thing that the daemon sends.
func refusal(h *half, kind unitKind, b []byte, code Code) unit {
	h.step = stepClosed
	return unit{kind: kind, raw: b[:1], again: []byte{byte(code)}, line: "refused " + code.String()}
}

func (c *conversation) accept(h *half, b []byte) (u unit, err error) {
	var a Accept
	hasPatch := !c.asked || c.request.Version.HasPatch()
	code, n, err := a.Decode(b, hasPatch)
	if err != nil {
		return unit{}, err
	}
	if code != AcceptSession {
		u = refusal(h, unitAccept, b, code)
		u.hasPatch = hasPatch
		return u, nil
	}
	h.step = stepMessages
	c.group = MakeName(string(a.Group))
	return unit{
		kind: unitAccept, raw: b[:n], again: a.Append(nil, hasPatch), hasPatch: hasPatch,
		line: fmt.Sprintf("accept %d.%d.%d as %s", a.Version.Major, a.Version.Minor, a.Version.Patch, a.Group),
	}, nil
}

func (c *conversation) message(b []byte) (u unit, err error) {
	var m Message
	n, err := m.Decode(b)
	if err != nil {
		return unit{}, err
	}
	return unit{
		kind: unitMessage, raw: b[:n], again: m.Append(nil), line: Dump(b[:n]),
		fault: strings.Join(c.faults(&m, b[:n]), "; "),
	}, nil
}

// faults checks a message, which was decoded from raw, beyond what its bytes alone show.
func (c *conversation) faults(m *Message, raw []byte) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	var fields []byte
	for i, n := range m.Groups() {
		if i != len(fields)/NameLen {
			fault("group %d is number %d", len(fields)/NameLen, i)
		}
		fields = append(fields, n[:]...)
	}
	if len(fields) != NameLen*int(m.NumGroups) || !bytes.Equal(fields, m.GroupFields) {
		fault("the groups are %x, not %x", fields, m.GroupFields)
	}

	// These are the parts that the daemon reads in place.
	own := bytes.Clone(raw)
	h := m.Header
	h.Normalize(own)
	if t := m.Type &^ byteOrderMarker; TypeOf(own) != t {
		fault("TypeOf is %v, not %v", TypeOf(own), t)
	}
	if SizeOf(own) != len(raw) {
		fault("SizeOf is %d, not %d", SizeOf(own), len(raw))
	}
	if *SenderOf(own) != m.Sender {
		fault("SenderOf is %q, not %q", *SenderOf(own), m.Sender)
	}
	if m.Type&Reject == 0 && !bytes.Equal(GroupsOf(own), m.GroupFields) {
		fault("GroupsOf is %x, not %x", GroupsOf(own), m.GroupFields)
	}

	if m.Type.IsMembership() {
		c.membershipFaults(m, fault)
	}
	return faults
}

// membershipFaults checks what client-protocol §10 says about every membership message.
func (c *conversation) membershipFaults(m *Message, fault func(string, ...any)) {
	var p Membership
	if err := p.Decode(m.Type, m.ByteOrder, m.Payload); err != nil {
		fault("membership: %v", err)
		return
	}
	if again := p.Append(nil, m.Type); !bytes.Equal(again, m.Payload) {
		fault("the membership becomes %x", again)
	}
	if m.Hint != MakeHint(0) {
		fault("hint is %x", m.Hint)
	}
	if m.Type&RegularMembership == 0 {
		if m.NumGroups != 0 || p.NumSets != 0 {
			fault("%d groups and %d sets without a regular membership", m.NumGroups, p.NumSets)
		}
		return
	}

	var sets []byte
	var members []Name
	own := 0
	for _, s := range p.All() {
		var set []Name
		for _, n := range s.Names() {
			set = append(set, *n)
		}
		if len(set) != s.Len() {
			fault("set of %d has %d names", s.Len(), len(set))
		}
		sets = AppendSet(sets, m.ByteOrder, set...)
		members = append(members, set...)
		if s.Own {
			own++
			if m.Type&CausedByNetwork != 0 && !slices.Contains(set, c.group) {
				fault("own set %q is without %s", set, c.group)
			}
		}
	}
	if !bytes.Equal(sets, p.Sets) {
		fault("the sets become %x", sets)
	}
	if own != 1 {
		fault("%d own sets", own)
	}

	changed, ok := p.Changed()
	if m.Type&CausedByNetwork != 0 {
		// §10.1: the sets partition the new member list.
		var listed []Name
		for _, n := range m.Groups() {
			listed = append(listed, *n)
		}
		byName := func(a, b Name) int { return bytes.Compare(a[:], b[:]) }
		slices.SortFunc(members, byName)
		slices.SortFunc(listed, byName)
		if !slices.Equal(members, listed) {
			fault("sets of %q with members %q", members, listed)
		}
		return
	}
	// §10.1: one set of one member, which the message is about.
	if !ok || len(members) != 1 || *changed != members[0] {
		fault("changed member is %v in sets of %q", changed, members)
	}
}
