package screen

import (
	"net/http"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=pane -linecomment

// pane is one of the lists of the screen.
type pane int

// The panes, in the order of their keys, from 1.
const (
	paneCodes   pane = iota // Status codes
	paneServers             // Servers
	paneVHosts              // Virtual hosts
	panePages               // Pages
	paneOnline              // Online
	paneGroups              // Groups
	numPanes
)

// short returns a title for small screens.
func (p pane) short() string {
	switch p {
	case paneCodes:
		return "codes"
	case paneVHosts:
		return "hosts"
	default:
		return strings.ToLower(p.String())
	}
}

// orders returns the orders of a pane, or nil if it cannot be sorted.
func (p pane) orders() []traffic.Order {
	switch p {
	case paneServers, panePages:
		return traffic.RowOrders()
	case paneVHosts:
		return traffic.VHostOrders()
	case paneOnline:
		return traffic.SessionOrders()
	default:
		return nil
	}
}

// content returns the table of a pane.
func (p pane) content(v *logmon.View) table {
	switch p {
	case paneCodes:
		return codesTable(v)
	case paneServers:
		return rowsTable("server", v.Servers, nil)
	case paneVHosts:
		return rowsTable("host", v.VHosts, &column{head: "online", width: 6, keep: 6})
	case panePages:
		return pagesTable(v)
	case paneOnline:
		return onlineTable(v)
	default:
		return groupsTable(v)
	}
}

func codesTable(v *logmon.View) table {
	t := table{columns: []column{
		{head: "status", flex: 1, width: 10},
		{head: "req/s", width: 6, keep: 9},
		{head: "requests", width: 8, keep: 8},
		{head: "share", width: 5, keep: 5},
		{head: "bytes", width: 7, keep: 4},
	}}
	for _, c := range v.Codes {
		style := noStyle
		switch traffic.ClassOf(c.Status) {
		case traffic.Class4xx:
			style = warn
		case traffic.Class5xx:
			style = bad
		default:
		}
		share := float64(c.Requests) / float64(max(v.Total.Requests, 1))
		t.rows = append(t.rows, []string{c.Text() + " " + http.StatusText(c.Status), rate(c.RequestsPerSecond), count(c.Requests), percent(share), size(float64(c.Bytes))})
		t.styles = append(t.styles, style)
	}
	return t
}

// rowsTable returns the table of servers, virtual hosts or, with two names, pages.
func rowsTable(name string, rows []traffic.Row, extra *column) table {
	t := table{columns: []column{
		{head: name, flex: 1, width: 10},
		{head: "req/s", width: 6, keep: 9},
		{head: "4xx", width: 5, keep: 7},
		{head: "5xx", width: 5, keep: 8},
		{head: "B/s", width: 7, keep: 4},
		{head: "requests", width: 8, keep: 5},
		{head: "bytes", width: 7, keep: 3},
	}}
	if extra != nil {
		t.columns = append(t.columns, *extra)
	}
	for i := range rows {
		r := &rows[i]
		cells := []string{
			r.Name, rate(r.RequestsPerSecond), percent(r.ClientErrorShare()), percent(r.ServerErrorShare()),
			size(r.BytesPerSecond), count(r.Requests), size(float64(r.Bytes)),
		}
		if extra != nil {
			cells = append(cells, count(int64(r.Online)))
		}
		t.rows = append(t.rows, cells)
		t.styles = append(t.styles, errorStyle(r))
	}
	return t
}

// errorStyle marks rows with current errors.
func errorStyle(r *traffic.Row) func(string) string {
	switch {
	case r.ServerErrorShare() >= 0.01:
		return bad
	case r.ClientErrorShare() >= 0.05:
		return warn
	default:
		return noStyle
	}
}

func pagesTable(v *logmon.View) table {
	t := rowsTable("page", v.Pages, nil)
	t.columns[0].flex = 2
	if v.VHost != "" {
		return t
	}
	t.columns = append([]column{{head: "host", flex: 1, width: 8, keep: 6}}, t.columns...)
	for i := range t.rows {
		if v.Pages[i].MayMiss > 0 {
			t.rows[i][5] = "≥" + t.rows[i][5]
		}
		t.rows[i] = append([]string{v.Pages[i].VHost}, t.rows[i]...)
	}
	return t
}

func onlineTable(v *logmon.View) table {
	t := table{columns: []column{
		{head: "client", flex: 2, width: 10},
		{head: "idle", width: 6, keep: 8},
		{head: "since", width: 6, keep: 5},
		{head: "requests", width: 8, keep: 7},
		{head: "errors", width: 6, keep: 3},
		{head: "bytes", width: 7, keep: 4},
		{head: "last page", flex: 2, width: 8, keep: 6},
		{head: "user agent", flex: 2, width: 8, keep: 2},
	}}
	for i := range v.Sessions {
		s := &v.Sessions[i]
		client, page := s.Client, s.Page
		if s.User != "" {
			client = s.User + "@" + client
		}
		if v.VHost == "" {
			page = s.VHost + page
		}
		t.rows = append(t.rows, []string{
			client, ago(v.Time, s.Last), ago(v.Time, s.First), count(s.Requests), count(s.Errors), size(float64(s.Bytes)), page, s.Agent,
		})
		t.styles = append(t.styles, noStyle)
	}
	return t
}

func ago(now, then time.Time) string { return span(now.Sub(then)) }

func groupsTable(v *logmon.View) table {
	t := table{columns: []column{
		{head: "group", flex: 1, width: 10},
		{head: "messages", width: 8, keep: 5},
		{head: "lines", width: 7, keep: 7},
		{head: "odd", width: 6, keep: 8},
		{head: "bytes", width: 7, keep: 4},
	}}
	for _, g := range v.Groups {
		style := noStyle
		if g.Odd > 0 {
			style = warn
		}
		t.rows = append(t.rows, []string{g.Name, count(g.Messages), count(g.Lines), count(g.Odd), size(float64(g.Bytes))})
		t.styles = append(t.styles, style)
	}
	return t
}
