package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// made is what a daemon has sent of its own messages.
type made struct {
	ring wire.MembershipID
	seq  int32
	// open is a message that is begun but not complete.
	open *Message
	// begun is the first part of a message, if it is too short to say which that is.
	begun []byte
}

func (h *host) record(e Entry) {
	if e.Conf != nil {
		h.in = e.Conf.ID
		if e.Kind == EntryRegular {
			h.members = e.Conf.Daemons
			if h.w.complete && len(h.members) < len(h.w.hosts) {
				h.w.fail("refusal", "%s forms a ring of %d, and all are alive", h.life.Name, len(h.members))
			}
		}
	}
	e.At, e.In = h.w.now, h.in
	h.life.Stream = append(h.life.Stream, e)
}

// observeSend looks at a datagram that is sent: which messages of this daemon's clients it carries,
// and in which ring.
func (h *host) observeSend(to topology.Target, b []byte) {
	if to.Token {
		h.countToken(b)
		return
	}
	var p wire.Packet
	if p.Decode(b) != nil {
		h.w.fail("wire", "%s sends what cannot be decoded: %x", h.life.Name, b)
		return
	}
	h.countPacket(&p)
	if p.Type.Kind() != wire.KindData || p.Proc != h.d.ID || p.Membership == h.made.ring && p.Seq <= h.made.seq {
		return
	}
	if p.Membership != h.engine.RingID() {
		return // its own packet of an old ring, which has come back, for the leader to see
	}
	if p.Membership != h.made.ring {
		h.made.open, h.made.begun = nil, nil
	}
	h.made.ring, h.made.seq = p.Membership, p.Seq
	f := p.Fragments()
	for frag, ok := f.Next(); ok; frag, ok = f.Next() {
		data := frag.Data
		first := frag.Index == 1 || frag.Index == -1
		if !first && h.made.begun != nil { // The first part was shorter than what messageOf needs.
			data, first = append(h.made.begun, data...), true
		}
		h.made.begun = nil
		if first {
			h.made.open = h.w.messageOf(data)
			if h.made.open == nil && frag.Index > 0 && lacksNumber(data) {
				h.made.begun = slices.Clone(data)
			}
			if t := wire.TypeOf(data); t&wire.Groups != 0 && t&wire.Reliable != 0 {
				h.w.rare[StateInParts]++
			}
			if h.made.open != nil {
				h.record(Entry{Kind: EntryStarted, Message: h.made.open, Ring: p.Membership})
				if h.made.open.started++; h.made.open.started > 1 {
					h.w.rare[SentAgain]++
				}
			}
		}
		if frag.Index < 0 && h.made.open != nil {
			h.record(Entry{Kind: EntrySent, Message: h.made.open, Ring: p.Membership})
			h.made.open = nil
		}
	}
}

// lacksNumber reports whether some bytes begin a client's message and end before its number, which
// is behind its groups.
func lacksNumber(b []byte) bool {
	var hd wire.Header
	return hd.Decode(b) == nil && hd.Type.IsRegular() && len(b) < wire.HeaderLen+wire.NameLen*int(hd.NumGroups)+numberLen
}

// messageOf returns the client's message that some bytes begin, or nil.
func (w *world) messageOf(b []byte) *Message {
	var hd wire.Header
	if hd.Decode(b) != nil || !hd.Type.IsRegular() {
		return nil
	}
	at := wire.HeaderLen + wire.NameLen*int(hd.NumGroups)
	if len(b) < at+numberLen {
		return nil
	}
	n := binary.LittleEndian.Uint64(b[at:])
	if n >= uint64(len(w.hist.Messages)) {
		return nil
	}
	return w.hist.Messages[n]
}

// observe records what the engine delivers, in order with the configurations.
func (h *host) observe() {
	g := &h.out.Groups
	confs := h.out.Configurations
	entries := h.entries[:0]
	for i := 0; ; i++ {
		for len(confs) > 0 && confs[0].Deliveries == i {
			entries = append(entries, entryOf(&confs[0]))
			confs = confs[1:]
		}
		if i == len(g.Deliveries) {
			break
		}
		d := g.Deliveries[i]
		e := h.delivered(d.Data.Bytes())
		to := g.Receivers(d)
		e.To = h.w.clients.take(len(to))
		for _, id := range to {
			if s := h.byID[id]; s != nil {
				e.To = append(e.To, s.Client)
				h.receive(s)
			} else {
				h.w.fail("G12", "%s delivers to the session %d, which has ended", h.life.Name, id)
			}
		}
		entries = append(entries, e)
	}
	h.entries = entries
	if h.w.tamper.stream != nil {
		entries = h.w.tamper.stream(h, entries)
	}
	for i := range entries {
		e := &entries[i]
		h.traceEntry(e)
		h.countEntry(e)
		h.record(*e)
		if e.Kind == EntryData && e.Message.From.Life == h.life {
			h.pending--
		}
	}
	for _, r := range h.out.Rejects {
		h.w.rare[Rejected]++
		h.w.tracef("%s rejects a request of session %d", h.life.Name, r.Session)
	}
	h.observeEnded(g)
}

func (h *host) observeEnded(g *groups.Effects) {
	for _, id := range g.Ended {
		s := h.byID[id]
		if s == nil {
			h.w.fail("G12", "%s ends the session %d a second time", h.life.Name, id)
			continue
		}
		h.w.tracef("%s ends %v", h.life.Name, s)
		h.record(Entry{Kind: EntryEnded, To: []*Client{s.Client}})
		h.ended(s)
	}
}

func entryOf(c *engine.Configuration) Entry {
	e := Entry{Kind: EntryRegular, Conf: &Conf{ID: c.ID, Daemons: c.Daemons}}
	if c.Transitional {
		e.Kind = EntryTransitional
	}
	return e
}

func (h *host) delivered(b []byte) Entry {
	var m wire.Message
	n, err := m.Decode(b)
	if err != nil || n != len(b) {
		h.w.fail("M1", "%s delivers what cannot be decoded: %v, %d of %d bytes", h.life.Name, err, n, len(b))
		return Entry{Kind: EntryView, View: &View{}}
	}
	if m.Type.IsMembership() {
		v, err := viewOf(&m)
		if err != nil {
			h.w.fail("G4", "%s delivers a membership message that cannot be decoded: %v", h.life.Name, err)
		}
		return Entry{Kind: EntryView, View: v}
	}
	msg := h.w.messageOf(b)
	if msg == nil || !isCopy(&m, msg) {
		h.w.fail("M1", "%s delivers what nobody has sent: %s", h.life.Name, wire.Dump(b))
		return Entry{Kind: EntryView, View: &View{}}
	}
	return Entry{Kind: EntryData, Message: msg}
}

func isCopy(m *wire.Message, sent *Message) bool {
	if m.Type != sent.Type || m.Sender.Clean() != sent.From.Private || len(m.Payload) != sent.Size {
		return false
	}
	for i, g := range sent.Groups {
		if !bytes.Equal(g[:], m.GroupFields[wire.NameLen*i:][:wire.NameLen]) {
			return false
		}
	}
	return bytes.Equal(m.Payload, sent.payload)
}

func viewOf(m *wire.Message) (*View, error) {
	v := &View{Type: m.Type, Group: m.Sender.Clean()}
	var p wire.Membership
	if err := p.Decode(m.Type, m.ByteOrder, m.Payload); err != nil {
		return v, err
	}
	v.ID = p.ID
	for _, n := range m.Groups() {
		v.Members = append(v.Members, n.Clean())
	}
	for i, s := range p.All() {
		var set []wire.Name
		for _, n := range s.Names() {
			set = append(set, n.Clean())
		}
		if s.Own {
			v.Own = i
		}
		v.Sets = append(v.Sets, set)
	}
	return v, nil
}

// String returns a view as timelines print it.
func (v *View) String() string {
	id := fmt.Sprintf("%v.%v", v.Group, v.ID)
	switch {
	case v.signal():
		return "signal in " + id
	case !v.regular():
		return fmt.Sprintf("end of its membership of %v", v.Group)
	}
	cause := v.Type &^ wire.RegularMembership
	if v.network() {
		return fmt.Sprintf("view %s %v sets %v own %d", id, cause, v.Sets, v.Own)
	}
	return fmt.Sprintf("view %s %v %v members %v", id, cause, v.Sets, v.Members)
}
