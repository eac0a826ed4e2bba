package groups

import "github.com/spreadd/spreadd/wire"

// stateRoom is the maximum length of the body of a GROUPS message (groups-protocol §7.4).
const stateRoom = wire.MaxGroupState - wire.HeaderLen

// buildStates returns the GROUPS messages for the synced set and its tables, each at most
// wire.MaxGroupState bytes long, in the order in which they are built. They are sent in the
// opposite order: the service of the one that has the set says that it is the last.
//
// C daemons write the membership of the group's id for each of the group's daemons. We write each
// daemon's own. The two differ only after sets were merged without the rest of their membership
// (§6.5). There, members of the merged set would otherwise get other virtual synchrony sets than
// the daemons that learn of them.
func (m *Machine) buildStates() [][]byte {
	b := stateBuilder{m: m}
	b.open()
	for g := range m.byName.all() {
		b.group(g)
	}
	b.close()
	return b.done
}

// stateBuilder fills one message body after another.
type stateBuilder struct {
	m    *Machine
	done [][]byte
	body []byte
	// entry is the offset of the last group entry in body, and daemons the number of its daemons.
	entry, daemons int
	names          []wire.Name // of one daemon's members
}

// open begins a message.
func (b *stateBuilder) open() {
	var synced []wire.DaemonID
	if len(b.done) == 0 {
		for _, rank := range b.m.synced {
			synced = append(synced, b.m.cfg.Daemons[rank].ID)
		}
	}
	b.body = wire.AppendStateHeader(nil, wire.LittleEndian, b.m.regular, synced)
}

// close ends a message.
func (b *stateBuilder) close() {
	service := wire.Reliable
	if len(b.done) == 0 {
		service = wire.Agreed
	}
	msg := wire.Message{
		Header: wire.Header{
			Type:   wire.Groups | service,
			Sender: wire.StateSender(wire.LittleEndian, b.m.cfg.Daemons[b.m.self].Name, len(b.m.synced)),
			Hint:   wire.MakeHint(0),
		},
		Payload: b.body,
	}
	b.done = append(b.done, msg.Append(make([]byte, 0, wire.HeaderLen+len(b.body))))
}

// need makes room for a piece, in a new message if necessary, and reports whether it began one.
func (b *stateBuilder) need(n int) bool {
	if len(b.body)+n <= stateRoom {
		return false
	}
	b.close()
	b.open()
	return true
}

// group appends an entry for each message in which the group has daemons. An entry without daemons,
// at the end of a message, is possible; C daemons send those too.
func (b *stateBuilder) group(g *group) {
	b.need(wire.GroupEntryLen)
	b.openGroup(g)
	for d := range g.daemons() {
		if b.need(wire.GroupDaemonLen + wire.NameLen*len(d.members)) {
			b.openGroup(g)
		}
		b.daemons++
		wire.SetGroupDaemons(b.body[b.entry:], wire.LittleEndian, b.daemons)
		b.names = names(b.names[:0], d.members)
		b.body = wire.AppendGroupDaemon(b.body, wire.LittleEndian, b.m.cfg.Daemons[d.rank].ID, d.view, b.names...)
	}
}

func (b *stateBuilder) openGroup(g *group) {
	b.entry, b.daemons = len(b.body), 0
	b.body = wire.AppendGroupEntry(b.body, wire.LittleEndian, &g.name, g.id, g.changed, 0)
}
