package traffic

import (
	"slices"
	"strings"
	"time"
)

// Query selects the contents of a snapshot.
type Query struct {
	// VHost restricts the numbers to a virtual host; empty means all.
	VHost string
	// Pages, Sessions and VHosts bound the lists; 0 leaves them out. Servers, codes and groups are
	// always included.
	Pages, Sessions, VHosts int
	// The orders of the lists.
	PageOrder, SessionOrder, VHostOrder, ServerOrder Order
	// Since leaves out points that end at this time or earlier, in seconds since 1970. It needs
	// History.
	Since   int64
	History bool
}

// Row has the counts of one thing since the start, or since it entered its table, and its rates per
// second over the last RateSeconds full seconds.
type Row struct {
	Name         string `json:"name"`
	VHost        string `json:"vhost,omitempty"` // of a page
	Requests     int64  `json:"requests"`
	Bytes        int64  `json:"bytes"`
	ClientErrors int64  `json:"client_errors"` // status 4xx
	ServerErrors int64  `json:"server_errors"` // status 5xx
	// MayMiss is, for a page, how many requests at most came before it entered the list. They are
	// not counted.
	MayMiss int64 `json:"may_miss,omitempty"`
	// Online are the sessions, for a virtual host.
	Online int `json:"online,omitempty"`

	RequestsPerSecond     float64 `json:"requests_per_second"`
	BytesPerSecond        float64 `json:"bytes_per_second"`
	ClientErrorsPerSecond float64 `json:"client_errors_per_second"`
	ServerErrorsPerSecond float64 `json:"server_errors_per_second"`
}

// ClientErrorShare is the share of status 4xx in the requests of the last seconds, 0 to 1.
func (r *Row) ClientErrorShare() float64 { return share(r.ClientErrorsPerSecond, r.RequestsPerSecond) }

// ServerErrorShare is the share of status 5xx.
func (r *Row) ServerErrorShare() float64 { return share(r.ServerErrorsPerSecond, r.RequestsPerSecond) }

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// Code is a status code.
type Code struct {
	Status            int     `json:"status"` // 0 for "-"
	Requests          int64   `json:"requests"`
	Bytes             int64   `json:"bytes"`
	RequestsPerSecond float64 `json:"requests_per_second"`
}

// Group has the counts of a group.
type Group struct {
	Name     string `json:"name"`
	Messages int64  `json:"messages"`
	Bytes    int64  `json:"bytes"` // of the messages
	Lines    int64  `json:"lines"`
	Odd      int64  `json:"odd"`
}

// Session is a client with a user agent that is online at a virtual host.
type Session struct {
	Client   string    `json:"client"`
	Agent    string    `json:"agent"`
	User     string    `json:"user,omitempty"` // authenticated in the last request
	VHost    string    `json:"vhost"`
	Page     string    `json:"page"` // the last
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Requests int64     `json:"requests"`
	Bytes    int64     `json:"bytes"`
	Errors   int64     `json:"errors"` // status 4xx and 5xx
}

// Point is one full second.
type Point struct {
	Unix    int64             `json:"t"`       // when it began
	Classes [NumClasses]int32 `json:"classes"` // requests by [Class]
	Bytes   int64             `json:"bytes"`
	Online  int32             `json:"online"` // sessions at its end
}

// Snapshot is the traffic at a moment. Its text is [Clean].
type Snapshot struct {
	Time  time.Time `json:"time"`
	Start time.Time `json:"start"`
	// VHost is that of the query. Known reports whether it exists.
	VHost string `json:"vhost"`
	Known bool   `json:"known"`

	// Total, Classes, Codes, Servers, Pages, Online, Sessions and History are those of the virtual
	// host, or of all.
	Total    Row               `json:"total"`
	Classes  [NumClasses]int64 `json:"classes"`
	Codes    []Code            `json:"codes"`   // by status
	Servers  []Row             `json:"servers"` // daemons of the senders
	Pages    []Row             `json:"pages"`
	Sessions []Session         `json:"sessions"`
	Online   int               `json:"online"`
	History  []Point           `json:"history,omitempty"`

	// PageError bounds what the table of pages misses: no page outside it had more requests than
	// this.
	PageError int64 `json:"page_error"`

	// The rest covers everything, whatever the query.

	VHosts         []Row `json:"vhosts"`
	NumVHosts      int   `json:"num_vhosts"`
	VHostsReplaced int64 `json:"vhosts_replaced"` // quiet ones that made room; their counts are with (other)
	// OnlineAtLeast means that sessions ended for lack of room within the last timeout: more may be
	// online.
	OnlineAtLeast   bool    `json:"online_at_least"`
	SessionsEvicted int64   `json:"sessions_evicted"`
	Groups          []Group `json:"groups"` // by name
	Messages        int64   `json:"messages"`
	MessageBytes    int64   `json:"message_bytes"`
	Lines           int64   `json:"lines"`
	OddLines        int64   `json:"odd_lines"` // and odd messages
	Odd             Odds    `json:"odd"`
	Repeated        int64   `json:"repeated_lines"` // came before, by their envelopes, and were not counted
	// Missing are lines whose numbers were skipped, by their envelopes; of these, Late came later.
	Missing int64 `json:"missing_lines"`
	Late    int64 `json:"late_lines"`
}

// Odds are odd lines by reason.
type Odds map[string]int64

// Snapshot returns the numbers at a time.
func (t *Traffic) Snapshot(now time.Time, q Query) *Snapshot {
	t.Advance(now)
	s := &Snapshot{Time: now, Start: t.start, VHost: q.VHost, Known: true, Online: len(t.sessions.index)}
	sc := t.all
	if q.VHost != "" {
		sc = t.vhosts.named(q.VHost)
		if s.Known = sc != nil; !s.Known {
			sc = newScope(q.VHost, t.second, &t.cfg)
		}
		s.Online = sc.online
	}
	s.Total = sc.tally.row(Clean(sc.name), t.second)
	t.codes(s, sc)
	servers := top[*Row]{limit: maxServers + 1, compare: q.ServerOrder.compare}
	for name, tally := range sc.servers {
		row := tally.row(Clean(name), t.second)
		servers.add(&row)
	}
	s.Servers = rows(servers.kept)
	t.pages(s, sc, q)
	t.online(s, sc, q)
	if q.History {
		s.History = sc.history.since(q.Since-t.start.Unix(), t.start.Unix())
	}
	t.everything(s, q)
	return s
}

func rows(in []*Row) []Row {
	out := make([]Row, len(in))
	for i, r := range in {
		out[i] = *r
	}
	return out
}

func (v *vhosts) named(name string) *scope {
	if name == Other {
		return v.other
	}
	return v.index[name]
}

func (t *Traffic) codes(s *Snapshot, sc *scope) {
	s.Codes = []Code{}
	for status, tally := range sc.codes {
		if tally == nil {
			continue
		}
		r := tally.row("", t.second)
		s.Classes[ClassOf(status)] += r.Requests
		s.Codes = append(s.Codes, Code{status, r.Requests, r.Bytes, r.RequestsPerSecond})
	}
}

func (t *Traffic) pages(s *Snapshot, sc *scope, q Query) {
	if len(sc.pages.heap) == sc.pages.limit {
		s.PageError = sc.pages.heap[0].count
	}
	list := top[*Row]{limit: q.Pages, compare: q.PageOrder.compare}
	for _, e := range sc.pages.heap {
		row := e.row(e.key, t.second)
		row.MayMiss = e.err
		if q.PageOrder == ByRequests && len(list.kept) == list.limit && list.limit > 0 && row.Requests < list.kept[list.limit-1].Requests {
			continue
		}
		list.add(&row)
	}
	s.Pages = rows(list.kept)
	for i := range s.Pages {
		p := &s.Pages[i]
		if q.VHost == "" {
			p.VHost, p.Name, _ = strings.Cut(p.Name, "\x00")
		} else {
			p.VHost = q.VHost
		}
		p.VHost, p.Name = Clean(p.VHost), Clean(p.Name)
	}
}

func (t *Traffic) online(s *Snapshot, sc *scope, q Query) {
	list := top[*session]{limit: q.Sessions, compare: q.SessionOrder.compareSessions}
	for x := t.sessions.newest; x != nil && q.Sessions > 0; x = x.older {
		if sc != t.all && x.scope != sc {
			continue
		}
		if q.SessionOrder == ByRecent && len(list.kept) == list.limit && x.last < list.kept[list.limit-1].last {
			break // the others are older still
		}
		list.add(x)
	}
	s.Sessions = make([]Session, len(list.kept))
	for i, x := range list.kept {
		s.Sessions[i] = Session{
			Client: Clean(x.client()), Agent: Clean(x.agent()), User: Clean(string(x.user)), VHost: Clean(x.vhost()), Page: Clean(string(x.page)),
			First: t.at(x.first), Last: t.at(x.last), Requests: x.requests, Bytes: x.bytes, Errors: x.fails,
		}
	}
}

func (t *Traffic) at(second int64) time.Time {
	return t.start.Add(time.Duration(second) * time.Second)
}

func (t *Traffic) everything(s *Snapshot, q Query) {
	list := top[*Row]{limit: q.VHosts, compare: q.VHostOrder.compare}
	if q.VHostOrder == ByOnline {
		list.compare = func(a, b *Row) int {
			if a.Online != b.Online {
				return b.Online - a.Online
			}
			return ByRequests.compare(a, b)
		}
	}
	add := func(x *scope) {
		row := x.tally.row(Clean(x.name), t.second)
		row.Online = x.online
		list.add(&row)
	}
	for x := t.vhosts.newest; x != nil; x = x.older {
		add(x)
	}
	if o := t.vhosts.other; o.tally.total.requests > 0 || o.online > 0 {
		add(o)
	}
	s.VHosts, s.NumVHosts, s.VHostsReplaced = rows(list.kept), len(t.vhosts.index), t.vhosts.replaced
	s.OnlineAtLeast, s.SessionsEvicted = t.sessions.full >= 0, t.sessions.evicted
	s.Messages, s.MessageBytes, s.Lines = t.total.messages, t.total.bytes, t.total.lines
	s.Repeated, s.Missing, s.Late = t.streams.repeated, t.streams.missing, t.streams.late
	s.Odd = make(Odds, NumOdds)
	for i, n := range t.odd {
		s.Odd[Odd(i).String()] = n
		s.OddLines += n
	}
	s.Groups = []Group{}
	for name, g := range t.groups {
		s.Groups = append(s.Groups, Group{Clean(name), g.messages, g.bytes, g.lines, g.odd})
	}
	slices.SortFunc(s.Groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
}

// Text returns the status in three digits, as in lines.
func (c *Code) Text() string {
	if c.Status == 0 {
		return "-"
	}
	return string([]byte{'0' + byte(c.Status/100%10), '0' + byte(c.Status/10%10), '0' + byte(c.Status%10)})
}
