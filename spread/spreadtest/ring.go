package spreadtest

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Ring is several daemons that order messages together. The network between them can be split
// ([Ring.Split]). Any number of goroutines may call its methods.
type Ring struct {
	daemons []*Daemon

	mu     sync.Mutex
	groups map[wire.Name]*group
	time   uint32 // of the latest part
	delay  func() time.Duration
}

// part are the daemons that hear each other.
type part struct{ time uint32 }

// group is the state of one group, which exists while it has members.
type group struct {
	members []*session // in all parts, by name
	index   uint32     // of the group id
}

// request is what a client asked for and the ring has not ordered.
type request struct {
	do  func()
	end bool // of a session
}

// daemonID and startTime stand for the id of a real ring.
const (
	daemonID  = 2936723249
	startTime = 1_700_000_000
)

// NewRing returns running daemons with these names, as for [New].
func NewRing(names ...string) *Ring {
	r := &Ring{groups: make(map[wire.Name]*group), time: startTime}
	whole := &part{r.time}
	for _, name := range names {
		if !wire.LegalDaemonName(name) {
			panic(fmt.Sprintf("spreadtest: illegal daemon name %q", name))
		}
		d := &Daemon{name: name, ring: r, part: whole, sessions: make(map[wire.Name]*session), conns: make(map[net.Conn]struct{})}
		d.changed.L = &r.mu
		r.daemons = append(r.daemons, d)
	}
	return r
}

// Daemons returns the daemons in the order of their names in [NewRing].
func (r *Ring) Daemons() []*Daemon { return slices.Clone(r.daemons) }

// Close closes all daemons.
func (r *Ring) Close() {
	for _, d := range r.daemons {
		d.Close()
	}
}

// SetDelay makes each daemon wait before what its clients send becomes part of the order. delay is
// called once for what comes meanwhile, and must not call the ring. If the daemon goes down, these
// messages are lost. Nil, the default, orders at once.
func (r *Ring) SetDelay(delay func() time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = delay
}

// Split splits the network into parts. Daemons that are in none of them form one more. So Split()
// makes the network whole.
func (r *Ring) Split(parts ...[]*Daemon) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.network(func() {
		rest := r.newPart()
		for _, d := range r.daemons {
			d.part = rest
		}
		for _, daemons := range parts {
			p := r.newPart()
			for _, d := range daemons {
				d.part = p
			}
		}
	})
}

// newPart returns a part with an id of its own. It needs r.mu, as all below do.
func (r *Ring) newPart() *part {
	r.time++
	return &part{r.time}
}

// members returns the members of a group in a part.
func (r *Ring) members(name wire.Name, p *part) (list []*session) {
	if g := r.groups[name]; g != nil {
		for _, s := range g.members {
			if s.d.part == p {
				list = append(list, s)
			}
		}
	}
	return list
}

// session returns the session with a private group in a part, or nil.
func (r *Ring) session(name wire.Name, p *part) *session {
	for _, d := range r.daemons {
		if s := d.sessions[name]; s != nil && !s.lost && d.part == p {
			return s
		}
	}
	return nil
}

// names returns the names of all groups in order.
func (r *Ring) names() (names []wire.Name) {
	for name := range r.groups {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b wire.Name) int { return bytes.Compare(a[:], b[:]) })
	return names
}

// network changes which daemons hear each other, and sends the new views.
func (r *Ring) network(change func()) {
	type membership struct {
		name wire.Name
		s    *session
	}
	before := make(map[membership][]*session)
	for name, g := range r.groups {
		for _, s := range g.members {
			before[membership{name, s}] = r.members(name, s.d.part)
		}
	}
	change()
	for _, name := range r.names() {
		g := r.groups[name]
		if len(g.members) == 0 {
			delete(r.groups, name)
			continue
		}
		seen := make(map[*part]bool)
		for _, s := range g.members {
			if seen[s.d.part] {
				continue
			}
			seen[s.d.part] = true
			now := r.members(name, s.d.part)
			was := func(s *session) []*session { return before[membership{name, s}] }
			if slices.Equal(was(now[0]), now) {
				continue
			}
			r.announceNetwork(g, name, now, was)
		}
	}
}

// announceNetwork sends a view that the network caused. was returns the view before, of each member.
func (r *Ring) announceNetwork(g *group, name wire.Name, now []*session, was func(*session) []*session) {
	var sets [][]*session // members that come from one view
	of := make(map[*session]int)
	for _, s := range now {
		i := slices.IndexFunc(sets, func(set []*session) bool { return slices.Equal(was(set[0]), was(s)) })
		if i < 0 {
			i = len(sets)
			sets = append(sets, nil)
		}
		sets[i] = append(sets[i], s)
		of[s] = i
	}
	g.index++
	p := wire.Membership{ID: wire.GroupID{Daemon: daemonID, Time: now[0].d.part.time, Index: g.index}, NumSets: len(sets)}
	offsets := make([]int, len(sets))
	for i, set := range sets {
		offsets[i] = len(p.Sets)
		var names []wire.Name
		for _, s := range set {
			names = append(names, s.group)
		}
		p.Sets = wire.AppendSet(p.Sets, wire.LittleEndian, names...)
	}
	for _, s := range now {
		if !s.membership {
			continue
		}
		before := was(s)
		if slices.ContainsFunc(before, func(o *session) bool { return !slices.Contains(sets[of[s]], o) }) {
			m := wire.Message{Header: wire.Header{Type: wire.Transitional, Sender: name, Hint: wire.MakeHint(0)}}
			m.Payload = p.Append(nil, m.Type)
			s.send(m.Append(nil))
		}
		p.OwnSet = offsets[of[s]]
		s.send(viewOf(name, now, wire.CausedByNetwork, &p))
	}
}

// viewOf encodes a regular membership message.
func viewOf(name wire.Name, members []*session, cause wire.Type, p *wire.Membership) []byte {
	m := wire.Message{Header: wire.Header{
		Type: wire.RegularMembership | cause, Sender: name, Hint: wire.MakeHint(0),
	}}
	m.Payload = p.Append(nil, m.Type)
	for _, s := range members {
		m.GroupFields = append(m.GroupFields, s.group[:]...)
	}
	return m.Append(nil)
}

// submit does what a client asked for when the ring has ordered it.
func (d *Daemon) submit(q request) {
	if !q.end && (d.down || d.closed) {
		return
	}
	var delay time.Duration
	if len(d.waiting) == 0 && d.ring.delay != nil && !d.down && !d.closed {
		delay = d.ring.delay()
	}
	if len(d.waiting) == 0 && delay <= 0 {
		q.do()
		return
	}
	if d.waiting = append(d.waiting, q); len(d.waiting) == 1 {
		time.AfterFunc(delay, d.order)
	}
}

// order does what waits.
func (d *Daemon) order() {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	waiting := d.waiting
	d.waiting = nil
	for _, q := range waiting {
		q.do()
	}
}

// forget drops what waits, except the ends of sessions.
func (d *Daemon) forget() {
	waiting := d.waiting
	d.waiting = nil
	for _, q := range waiting {
		if q.end {
			q.do()
		}
	}
}
