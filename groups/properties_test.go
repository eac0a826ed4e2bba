package groups

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// properties checks the properties of groups-protocol §12 while a cluster runs. It sees what
// clients receive and what is in the order of the rings. It looks at the machines' tables only for
// G10.
//
// Ids of groups that vanish and are made again within one membership start over (client-protocol
// §10.3), so equal ids may mean different views. Such ids are left out where ids are compared.
type properties struct {
	c   *cluster
	met map[string]int

	views    map[viewText]string               // G2
	tables   map[place]string                  // G10
	told     map[headKey]string                // what those of one synced set hold
	members  map[*client]map[string]bool       // G7: groups of local clients
	clients  map[*client]map[string]*following // by group
	reused   map[reuseKey]bool                 // ids that began anew
	previous map[*node]map[string]wire.GroupID
	synchro  map[arrival][]interval // G5
	states   map[*node]State        // before the step
}

type (
	viewKey struct {
		group string
		id    wire.GroupID
	}
	// viewID is a view and its cause: a message in an order, or a membership.
	viewID struct {
		viewKey
		stream *stream
		index  int
	}
	// arrival is a view as the daemons of one membership have it.
	arrival struct {
		viewID
		in wire.MembershipID // the transitional membership in which a request caused it
	}
	viewText struct {
		viewID
		what string
	}
	place struct {
		stream *stream
		at     int
	}
	headKey struct {
		stream *stream
		head   int
	}
	reuseKey struct {
		group string
		id    wire.MembershipID
	}
)

// following is what a client has seen of a group since it joined.
type following struct {
	view    *received // the last one
	id      viewID
	members []string
	data    []int
	// signalled reports a signal since the last view, and ggt that the daemon was in GGT since
	// then.
	signalled, ggt bool
}

// interval is the time between two views at one client.
type interval struct {
	c    *client
	from viewID
	own  []string // with whom it moved
	data []int
}

func newProperties(c *cluster, met map[string]int) *properties {
	return &properties{
		c: c, met: met,
		views: make(map[viewText]string), tables: make(map[place]string), told: make(map[headKey]string),
		members: make(map[*client]map[string]bool), clients: make(map[*client]map[string]*following),
		reused: make(map[reuseKey]bool), previous: make(map[*node]map[string]wire.GroupID),
		synchro: make(map[arrival][]interval), states: make(map[*node]State),
	}
}

func (p *properties) fail(format string, args ...any) {
	p.c.t.Helper()
	p.c.t.Fatalf(format, args...)
}

func (p *properties) step(n *node, what string, e *entry) {
	p.trace(n, what, e)
	if n.m.State() == StateGatherTrans {
		for _, cl := range n.clients {
			for _, f := range p.clients[cl] {
				f.ggt = true
			}
		}
	}
	before := p.states[n]
	p.states[n] = n.m.State()
	for _, note := range n.out.Refused {
		switch note.Reason {
		case AlreadyMember, NotMember:
		default:
			p.fail("%s, %s: %v (%s, %s)", n.name(), what, note.Reason, note.Member, note.Group)
		}
	}
	if e != nil {
		switch t := wireType(e); {
		case t&wire.Requests != 0:
			if t&wire.Join != 0 && n.m.State() == StateTrans && !n.m.transitional.has(e.maker.rank) && len(n.out.Refused) == 0 {
				p.met["partitioned join"]++
			}
			p.request(n, t, e)
		case t&wire.Groups == 0:
			p.receivers(n, e) // G7
		}
	}
	p.noteReuse(n, e)
	p.agreement(n, what)
	if what == "deliver" && slices.ContainsFunc(n.out.RingCommands, func(o RingCommand) bool { return o.Kind == EndExchange }) {
		p.oneSender(e)
		if slices.ContainsFunc(slices.Collect(n.m.byName.all()), func(g *group) bool { return membershipOf(g.id) != n.m.regular }) {
			p.met["group unchanged by a merge"]++
		}
		if before == StateGatherTrans {
			p.met["exchange completed in GGT"]++
		}
	}
	if before == StateGatherTrans && what == "regular" {
		switch {
		case len(n.m.synced) > 1 && p.hadOwn(n):
			p.met["sets merged in GGT"]++
		default:
			p.met["own set not told in GGT"]++
		}
	}
}

// hadOwn reports whether a daemon's synced set grew in the last regular membership, so that it
// holds daemons with different views of a group.
func (p *properties) hadOwn(n *node) bool {
	for g := range n.m.byName.all() {
		first := g.origin(g.members[0].rank)
		for d := range g.daemons() {
			if d.view != first.view {
				return true
			}
		}
	}
	return false
}

// request tracks the joins, leaves and disconnects of local clients. Nothing else adds a client to
// a group or removes it.
func (p *properties) request(n *node, t wire.Type, e *entry) {
	var m wire.Message
	if _, err := m.Decode(e.data); err != nil {
		p.fail("%v", err)
	}
	name := m.Sender.Clean()
	if t&wire.Kill != 0 {
		for g := range n.m.byName.all() {
			if slices.ContainsFunc(g.members, func(p *member) bool { return p.name == name }) {
				p.fail("G12: %s is in %s after its end", name, g.name)
			}
		}
	}
	for _, cl := range n.clients {
		if cl.name != name || cl.ended {
			continue
		}
		in := p.members[cl]
		if in == nil {
			in = make(map[string]bool)
			p.members[cl] = in
		}
		switch {
		case t&wire.Kill != 0:
			clear(in)
			delete(p.clients, cl)
		case t&wire.Join != 0:
			in[groupName(&m)] = true
		default:
			delete(in, groupName(&m))
			delete(p.clients[cl], groupName(&m))
		}
	}
}

func groupName(m *wire.Message) string { return (*wire.Name)(m.GroupFields).String() }

// receivers checks G7: who gets a message.
func (p *properties) receivers(n *node, e *entry) {
	var m wire.Message
	if _, err := m.Decode(e.data); err != nil {
		p.fail("%v", err)
	}
	want := make(map[SessionID]bool)
	for _, cl := range n.clients {
		if cl.ended || m.Type&wire.SelfDiscard != 0 && cl.name == m.Sender {
			continue
		}
		for _, g := range m.Groups() {
			if p.members[cl][g.String()] || *g == cl.name {
				want[cl.id] = true
			}
		}
	}
	got := make(map[SessionID]bool)
	for _, d := range n.out.Deliveries {
		for _, id := range n.out.Receivers(d) {
			if got[id] {
				p.fail("G7: a message goes twice to %s", n.clients[id].name)
			}
			got[id] = true
		}
	}
	if !maps.Equal(got, want) {
		p.fail("G7: message %d at %s goes to %v, want %v", e.number, n.name(), got, want)
	}
}

// noteReuse finds groups that a request has emptied or made.
func (p *properties) noteReuse(n *node, e *entry) {
	now := make(map[string]wire.GroupID)
	for g := range n.m.byName.all() {
		now[g.name.String()] = g.id
	}
	if e != nil && wireType(e)&wire.Requests != 0 {
		for name, id := range p.previous[n] {
			if _, ok := now[name]; !ok {
				p.reused[reuseKey{name, membershipOf(id)}] = true
			}
		}
	}
	p.previous[n] = now
}

// agreement checks G10, and that daemons with a common head could all send in its place.
func (p *properties) agreement(n *node, what string) {
	switch n.m.State() {
	case StateOp:
		if !slices.Equal(n.m.synced, n.m.members) {
			p.fail("G10: %s is in GOP with synced set %v of %v", n.name(), n.m.synced, n.m.members)
		}
		for g := range n.m.byName.all() {
			if g.changed {
				p.fail("G10: %s is changed in GOP", g.name)
			}
		}
		text := n.m.tablesText("", false)
		if before, ok := p.tables[place{n.stream, n.at}]; ok && before != text {
			p.fail("G10: %s has\n%sothers\n%s", n.name(), text, before)
		}
		p.tables[place{n.stream, n.at}] = text
	case StateGather:
		if what != "regular" {
			return
		}
		key := headKey{n.stream, n.m.synced[0]}
		text := fmt.Sprintf("synced %v\n%s", n.m.synced, n.m.tablesText("", true))
		if before, ok := p.told[key]; ok && before != text {
			p.fail("%s has\n%s, others of its synced set\n%s", n.name(), text, before)
		}
		p.told[key] = text
	case StateTrans, StateGatherTrans:
	}
}

// oneSender checks G13 of the exchange that has ended with e.
func (p *properties) oneSender(e *entry) {
	var all daemonSet
	for _, e := range e.stream.log[:e.index+1] {
		var m wire.Message
		var s wire.GroupState
		if _, err := m.Decode(e.data); err != nil || m.Type&wire.Groups == 0 || m.Type&wire.Agreed == 0 {
			continue
		}
		if err := s.Decode(&m); err != nil || s.Membership != e.stream.id {
			p.fail("G13: state message for %v in %v (%v)", s.Membership, e.stream.id, err)
		}
		var set daemonSet
		for _, id := range s.Synced.All() {
			set = append(set, int(id)-1)
		}
		if len(all.intersect(set)) > 0 || int(s.NumSynced) != len(set) {
			p.fail("G13: %v is told beside %v, for %d", set, all, s.NumSynced)
		}
		all = all.union(set)
	}
	if !slices.Equal(all, e.stream.members) {
		p.fail("G13: the exchange of %v ends with %v told", e.stream.members, all)
	}
}

func (p *properties) received(c *client, r *received) {
	t := r.msg.Type
	if !t.IsMembership() {
		p.data(c, r)
		return
	}
	group := r.msg.Sender.String()
	if t.IsSelfLeave() {
		if p.members[c][group] {
			p.fail("%s gets a self-leave of %s and is in it", c.name, group)
		}
		return
	}
	if !p.members[c][group] {
		p.fail("%s gets %s of %s and is not in it", c.name, t, group)
	}
	if p.clients[c] == nil {
		p.clients[c] = make(map[string]*following)
	}
	f := p.clients[c][group]
	if f == nil {
		f = &following{}
		p.clients[c][group] = f
	}
	if t&wire.Transitional != 0 {
		p.signal(c, group, f, r)
		return
	}
	p.view(c, group, f, r)
}

func (p *properties) data(c *client, r *received) {
	seen := make(map[string]bool)
	for _, g := range r.msg.Groups() {
		f := p.clients[c][g.String()]
		if f == nil || f.view == nil || seen[g.String()] || !p.members[c][g.String()] {
			continue
		}
		seen[g.String()] = true
		if r.msg.Type&wire.SelfDiscard == 0 { // which its sender does not get
			f.data = append(f.data, r.entry.number)
		}
		// G8: a client that gets a message in a transitional membership knows that not all members
		// of its view are still there.
		if r.state == StateTrans && !f.signalled && p.lost(c, f.members) {
			p.fail("G8: %s gets message %d of %s without a signal", c.name, r.entry.number, g)
		}
	}
}

// lost reports whether one of the members is outside the transitional membership of a client's
// daemon.
func (p *properties) lost(c *client, members []string) bool {
	return slices.ContainsFunc(members, func(name string) bool {
		_, daemon, _ := strings.Cut(name[1:], "#")
		return !c.n.m.transitional.has(slices.Index(p.c.names, daemon))
	})
}

func (p *properties) signal(c *client, group string, f *following, r *received) {
	p.met["signal"]++
	if f.view == nil {
		p.fail("%s gets a signal of %s before a view", c.name, group)
	}
	if r.state != StateTrans {
		p.fail("%s gets a signal of %s in %v", c.name, group, r.state)
	}
	if f.view.memb.ID != r.memb.ID {
		p.fail("%s gets a signal for %v of %s, the last view was %v", c.name, r.memb.ID, group, f.view.memb.ID)
	}
	// After a request, the signal is only repeated.
	if (r.entry == nil || wireType(r.entry)&wire.Requests == 0) && !p.lost(c, f.members) {
		p.fail("G8: %s gets a signal of %s without loss", c.name, group)
	}
	f.signalled = true
}

func (p *properties) view(c *client, group string, f *following, r *received) {
	var members []string
	for _, n := range r.msg.Groups() {
		members = append(members, n.String())
	}
	if !slices.Contains(members, c.name.String()) {
		p.fail("G1: %s is not in its view %s", c.name, wire.Dump(r.data))
	}
	key := viewKey{group, r.memb.ID}
	id := viewID{viewKey: key, stream: c.n.stream, index: -1}
	if r.entry != nil {
		id.stream, id.index = r.entry.stream, r.entry.index
	}
	reused := p.reused[reuseKey{group, membershipOf(r.memb.ID)}]
	network := r.msg.Type&wire.CausedByNetwork != 0
	own := members
	if network {
		own = p.sets(c, r, members)
	}
	if !reused {
		p.sameView(c, id, r, network)
		p.ids(c, key, f)
	}
	if network && f.view != nil {
		p.silence(c, group, f, own, members, r)
	}
	if f.view != nil && !reused && !p.reused[reuseKey{group, membershipOf(f.view.memb.ID)}] {
		a := arrival{viewID: id}
		if r.state == StateTrans && r.entry != nil && wireType(r.entry)&wire.Requests != 0 {
			a.in = c.n.m.transitionalID
		}
		p.synchro[a] = append(p.synchro[a], interval{c: c, from: f.id, own: own, data: f.data})
	}
	*f = following{view: r, id: id, members: members}
}

// sets checks G4 and returns the own set.
func (p *properties) sets(c *client, r *received, members []string) (own []string) {
	if r.memb.NumSets > 1 {
		p.met["network view with several sets"]++
	}
	var all []string
	for _, set := range r.memb.All() {
		var names []string
		for _, n := range set.Names() {
			names = append(names, n.String())
		}
		if len(names) == 0 {
			p.met["empty set"]++
		}
		if set.Own {
			own = names
		}
		all = append(all, names...)
	}
	if !slices.Contains(own, c.name.String()) {
		p.fail("G4: %s is not in its own set: %s", c.name, wire.Dump(r.data))
	}
	want := slices.Sorted(slices.Values(members))
	slices.Sort(all)
	if !slices.Equal(all, want) {
		p.fail("G4: the sets are not the members: %s", wire.Dump(r.data))
	}
	return own
}

// sameView checks G2: members are equal whatever the cause, which differs for those that see a
// joiner as lost. Network-caused views are equal in everything but the own set's offset.
//
// Views are compared if they have the same cause: a message in the order, or a membership. Daemons
// that part may arrive at the same id by different messages, if one side delivered messages of the
// old order that the other did not, and the group was on one side only.
func (p *properties) sameView(c *client, id viewID, r *received, network bool) {
	check := func(what, text string) {
		k := viewText{id, what}
		if before, ok := p.views[k]; ok && before != text {
			p.fail("G2: %s gets %s; another client's %s were %s", c.name, wire.Dump(r.data), what, before)
		}
		p.views[k] = text
	}
	check("members", fmt.Sprintf("%x", r.msg.GroupFields))
	if network {
		check("sets", fmt.Sprintf("%d %x", r.memb.NumSets, r.memb.Sets))
	} else {
		check("changes", fmt.Sprintf("%v %x", r.msg.Type, r.memb.Sets))
	}
}

// ids checks G3.
func (p *properties) ids(c *client, key viewKey, f *following) {
	if f.view == nil {
		return
	}
	before := f.view.memb.ID
	if membershipOf(before) == membershipOf(key.id) && key.id.Index != before.Index+1 {
		p.fail("G3: %s gets view %v of %s after %v", c.name, key.id, key.group, before)
	}
}

// silence checks G9: a network-caused view has a change, or follows a signal. Where an exchange was
// interrupted, a group may have met members that were lost again before any client heard of them.
func (p *properties) silence(c *client, group string, f *following, own, members []string, r *received) {
	if f.ggt || f.signalled {
		return
	}
	if slices.Equal(f.members, members) && len(own) == len(members) {
		p.fail("G9: %s gets a view of %s that nothing has changed: %s", c.name, group, wire.Dump(r.data))
	}
}

// finish checks G5, when everything is known. A view that a request causes in a transitional
// membership is compared only with those there: a daemon that was to come along, and then left its
// old ring with others, may have the request in the regular membership, behind other messages. What
// came of it shows in the next network-caused view.
func (p *properties) finish() {
	for key, list := range p.synchro {
		for i, a := range list {
			for _, b := range list[i+1:] {
				if a.from != b.from || !slices.Contains(a.own, b.c.name.String()) {
					continue
				}
				p.met["virtually synchronous pair"]++
				if !slices.Equal(a.data, b.data) {
					p.fail("G5: from %v to %v %s got %v, %s %v", a.from.viewKey, key.viewKey, a.c.name, a.data, b.c.name, b.data)
				}
			}
		}
	}
}
