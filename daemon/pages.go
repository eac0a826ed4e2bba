package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/status"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/wire"
)

// PageQuery chooses a page of sessions or groups.
type PageQuery struct {
	// Group and Session choose by name; with a star at the end, by the beginning of the name. For
	// sessions, a group without a star chooses its members; for groups, a session the groups that it
	// is in.
	Group, Session string
	// After is the name behind which the page begins.
	After string
	// Top chooses the sessions for which most waits, and the groups to which most was sent. The other
	// fields but Limit have no effect then.
	Top bool
	// Limit is the most entries of the page. Zero means DefaultPage; more than MaxPage means MaxPage.
	Limit int
}

// Sizes of pages.
const (
	DefaultPage = 100
	MaxPage     = 1000
	// maxNamed is how many names of groups or members an entry has, if the page has several entries.
	maxNamed = 20
	// maxWalk is how many groups the owner looks at in one piece of work.
	maxWalk = 1000
	// maxWalks is how many pieces there are for one page.
	maxWalks = 100
)

func (q *PageQuery) limit() int {
	if q.Limit <= 0 {
		return DefaultPage
	}
	return min(q.Limit, MaxPage)
}

// pattern is a name, or the beginning of one.
type pattern struct {
	text   string
	prefix bool
}

func patternOf(s string) pattern {
	text, prefix := strings.CutSuffix(s, "*")
	return pattern{text, prefix}
}

func (p pattern) match(name string) bool {
	return p.prefix && strings.HasPrefix(name, p.text) || !p.prefix && (p.text == "" || p.text == name)
}

// single reports whether a pattern names one thing.
func (p pattern) single() bool { return !p.prefix && p.text != "" }

// SessionPage returns a page of the sessions.
func (d *Daemon) SessionPage(ctx context.Context, q PageQuery) (*status.Sessions, error) {
	if q.Top {
		infos, total := d.sessions.Waiting(q.limit())
		list, err := ask(ctx, d, func(o *owner) []status.Session { return o.describeSessions(infos, maxNamed) })
		return &status.Sessions{Total: total, List: list}, err
	}
	named := patternOf(q.Session)
	match := named.match
	if q.Group != "" {
		members, err := ask(ctx, d, func(o *owner) map[string]bool { return o.localMembers(q.Group) })
		if err != nil {
			return nil, err
		}
		match = func(name string) bool { return members[name] && named.match(name) }
	}
	infos, more, total := d.sessions.After(q.After, q.limit(), match)
	page := &status.Sessions{Total: total, List: []status.Session{}}
	most := maxNamed
	if named.single() {
		most = MaxPage
	}
	for part := range slices.Chunk(infos, DefaultPage) {
		list, err := ask(ctx, d, func(o *owner) []status.Session { return o.describeSessions(part, most) })
		if err != nil {
			return nil, err
		}
		page.List = append(page.List, list...)
	}
	if more {
		page.Next = page.List[len(page.List)-1].Name
	}
	return page, nil
}

// localMembers returns the private groups of the local members of a group.
func (o *owner) localMembers(group string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range o.engine.Groups().LocalNames(wire.MakeName(group)) {
		set[name.String()] = true
	}
	return set
}

// describeSessions returns sessions with the first of their groups.
func (o *owner) describeSessions(infos []session.Account, most int) []status.Session {
	list := make([]status.Session, 0, len(infos))
	for i := range infos {
		in := &infos[i]
		s := status.Session{
			Name: in.Group.String(), Peer: in.Peer, Version: in.Version,
			Since: in.Since, Memberships: in.Memberships, Groups: []string{},
			WaitingMessages: in.Waiting.Messages, WaitingBytes: in.Waiting.Bytes, Behind: in.Behind, BlockedSeconds: in.Taken.Blocked.Seconds(),
			SentMessages: in.Sent, SentBytes: in.SentBytes, ReceivedMessages: in.Taken.Messages, ReceivedBytes: in.Taken.Bytes,
		}
		names, total := o.engine.Groups().MemberOf(in.Group, wire.Name{}, most)
		s.NumGroups = total
		for _, n := range names {
			s.Groups = append(s.Groups, n.String())
		}
		list = append(list, s)
	}
	return list
}

// GroupPage returns a page of the groups. It looks at up to 100,000 groups that do not match; Next is
// set if there may be more behind these.
func (d *Daemon) GroupPage(ctx context.Context, q PageQuery) (*status.Groups, error) {
	if q.Top {
		return d.busiestGroups(ctx, q.limit())
	}
	page := &status.Groups{List: []status.Group{}}
	named := patternOf(q.Group)
	if named.single() || q.Session != "" {
		return d.chosenGroups(ctx, q, named)
	}
	at := q.After
	if at < named.text {
		at = before(named.text)
	}
	for range maxWalks {
		w, err := ask(ctx, d, func(o *owner) walk { return o.walkGroups(at, named, q.limit()-len(page.List)) })
		if err != nil {
			return nil, err
		}
		page.Total = w.total
		page.List = append(page.List, w.list...)
		at = w.at
		if w.done {
			return page, nil
		}
		if len(page.List) >= q.limit() {
			break
		}
	}
	page.Next = at
	return page, nil
}

// busiestGroups returns the groups to which most was sent, of the first 100,000.
func (d *Daemon) busiestGroups(ctx context.Context, limit int) (*status.Groups, error) {
	type part struct {
		list  []groups.Listing
		total int
	}
	var top []groups.Listing
	page := &status.Groups{List: []status.Group{}}
	at := wire.Name{}
	for range maxWalks {
		p, err := ask(ctx, d, func(o *owner) (p part) {
			m := o.engine.Groups()
			p.total = m.NumGroups()
			for g := range m.After(at) {
				if p.list = append(p.list, g); len(p.list) == maxWalk {
					break
				}
			}
			return p
		})
		if err != nil {
			return nil, err
		}
		page.Total = p.total
		if len(p.list) > 0 {
			at = p.list[len(p.list)-1].Name
		}
		top = append(top, p.list...)
		slices.SortStableFunc(top, func(a, b groups.Listing) int { return cmp.Compare(b.Bytes, a.Bytes) })
		top = top[:min(len(top), limit)]
		if len(p.list) < maxWalk {
			break
		}
	}
	var err error
	page.List, err = ask(ctx, d, func(o *owner) []status.Group {
		list := make([]status.Group, 0, len(top))
		for _, g := range top {
			if g, ok := o.engine.Groups().Find(g.Name); ok {
				list = append(list, describeGroup(o.engine.Groups(), g, maxNamed))
			}
		}
		return list
	})
	return page, err
}

// before returns a name that comes before all that begin with a text.
func before(text string) string {
	if text == "" {
		return ""
	}
	b := []byte(text)
	b[len(b)-1]--
	return string(b) + strings.Repeat("\xff", max(0, wire.NameLen-1-len(b)))
}

// walk is a piece of the list of groups.
type walk struct {
	list  []status.Group
	at    string // the last that was looked at
	done  bool   // there are no more that match
	total int
}

// walkGroups looks at some groups behind a name.
func (o *owner) walkGroups(after string, p pattern, limit int) walk {
	m := o.engine.Groups()
	w := walk{at: after, done: true, total: m.NumGroups()}
	looked := 0
	for g := range m.After(wire.MakeName(after)) {
		name := g.Name.String()
		if p.prefix && name > p.text && !p.match(name) {
			break
		}
		if looked == maxWalk || len(w.list) == min(limit, DefaultPage) {
			w.done = false
			break
		}
		looked++
		w.at = name
		if p.match(name) {
			w.list = append(w.list, describeGroup(m, g, maxNamed))
		}
	}
	return w
}

// chosenGroups returns one group, or the groups of one session.
func (d *Daemon) chosenGroups(ctx context.Context, q PageQuery, named pattern) (*status.Groups, error) {
	return ask(ctx, d, func(o *owner) *status.Groups {
		m := o.engine.Groups()
		page := &status.Groups{Total: m.NumGroups(), List: []status.Group{}}
		names, most := []wire.Name{wire.MakeName(named.text)}, MaxPage
		if q.Session != "" {
			names, page.Total = m.MemberOf(wire.MakeName(q.Session), wire.MakeName(q.After), q.limit()+1)
			most = maxNamed
		}
		for _, n := range names {
			g, ok := m.Find(n)
			switch {
			case !ok || !named.match(n.String()):
			case len(page.List) == q.limit():
				page.Next = page.List[len(page.List)-1].Name
			default:
				page.List = append(page.List, describeGroup(m, g, most))
			}
		}
		return page
	})
}

func describeGroup(m *groups.Machine, g groups.Listing, most int) status.Group {
	out := status.Group{Name: g.Name.String(), NumMembers: g.Members, LocalMembers: g.Local, Members: []string{}, Messages: g.Messages, Bytes: g.Bytes}
	for _, n := range m.Members(g.Name, most) {
		out.Members = append(out.Members, n.String())
	}
	return out
}
