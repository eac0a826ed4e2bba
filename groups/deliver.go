package groups

import (
	"slices"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Deliver takes a message at its place in the total order, as its maker put it there: in the
// maker's byte order, with nothing checked. Clients get it with a little-endian header. The machine
// keeps no reference to data.
func (m *Machine) Deliver(data buf.Slice, out *Effects) {
	m.settle(out)
	b := data.Bytes()
	var h wire.Header
	if err := h.Decode(b); err != nil {
		out.refuse(Malformed, wire.Name{}, wire.Name{})
		return
	}
	if h.Type&(wire.Requests|wire.Groups) == wire.Groups {
		m.receiveState(b, out)
		return
	}
	// A daemon that checks what its clients send never orders a reject. A receiver would look for a
	// field in it that is not there.
	if n, err := h.Size(); err != nil || n != len(b) || h.Type&wire.Reject != 0 {
		out.refuse(Malformed, h.Sender.Clean(), wire.Name{})
		return
	}
	if h.ByteOrder != wire.LittleEndian {
		b = slices.Clone(b) // the ring may have to send the original again
		h.Normalize(b)
		data = whole(b)
	}
	if h.Type&wire.Join != 0 {
		m.joined(h.Sender.Clean())
	}
	in := inData
	if h.Type&wire.Requests != 0 {
		in = inRequest
	}
	if decisions[m.state][in] == ignored {
		out.refuse(InExchange, h.Sender.Clean(), wire.Name{})
		return
	}
	switch {
	case h.Type&wire.Join != 0:
		m.join(b, out)
	case h.Type&wire.Leave != 0:
		m.leave(b, out)
	case h.Type&wire.Kill != 0:
		m.kill(b, out)
	default:
		m.deliver(h.Type, data, b, out)
	}
}

// deliver finds the local receivers of a message between clients (client-protocol §11).
func (m *Machine) deliver(t wire.Type, data buf.Slice, b []byte, out *Effects) {
	m.deliveryCount++
	first := len(out.receivers)
	if t&wire.SelfDiscard != 0 {
		if s := m.sessions[wire.SenderOf(b).Clean()]; s != nil {
			s.mark = m.deliveryCount // as if it had it already
		}
	}
	size := uint64(len(b) - wire.HeaderLen - len(wire.GroupsOf(b)))
	for fields := wire.GroupsOf(b); len(fields) >= wire.NameLen; fields = fields[wire.NameLen:] {
		name := (*wire.Name)(fields).Clean()
		if name.IsPrivate() {
			if s := m.sessions[name]; s != nil {
				m.receive(s, out)
			}
			continue
		}
		if g := m.group(&name); g != nil {
			x := g.extra()
			x.messages++
			x.bytes += size
			for _, p := range g.of(m.self) {
				m.receive(p.session, out)
			}
		}
	}
	out.deliver(data, first)
}

func (m *Machine) receive(s *session, out *Effects) {
	if s.mark != m.deliveryCount {
		s.mark = m.deliveryCount
		out.receivers = append(out.receivers, s.id)
	}
}
