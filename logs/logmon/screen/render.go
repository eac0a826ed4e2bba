package screen

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// The smallest sizes in cells at which the screen shows more.
const (
	gridWidth   = 110 // two panes beside each other, three rows of them
	gridHeight  = 26
	besideWidth = 70 // two panes beside each other, below the current one
	chartHeight = 14 // a chart above the panes
	headLines   = 3
	chartLines  = 4
)

// View renders the screen.
func (m Model) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.WindowTitle = "logmon"
	return v
}

func (m Model) content() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	var lines []string
	switch {
	case m.view.Snapshot == nil:
		lines = []string{left("logmon: waiting for the first data", m.width)}
	case m.help:
		lines = m.helpLines()
	default:
		lines = append(m.head(), m.chart()...)
		room := m.height - len(lines) - 1
		if m.grid() {
			lines = append(lines, m.gridLines(room)...)
		} else {
			lines = append(lines, m.smallLines(room)...)
		}
		lines = append(lines, m.foot())
	}
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

// grid reports whether the screen shows all panes.
func (m Model) grid() bool { return !m.zoomed && m.width >= gridWidth && m.height >= gridHeight }

// paneHeight returns the number of rows that the current pane shows.
func (m Model) paneHeight() int {
	room := m.height - headLines - 1
	if m.height >= chartHeight {
		room -= chartLines
	}
	if m.grid() {
		room = gridRow(room, int(m.pane)/2)
	}
	return room - 2 // title and heads
}

// gridRow returns the height of one of the three rows of panes.
func gridRow(room, row int) int { return room*(row+1)/3 - room*row/3 }

// head returns the lines at the top: the source, the rates and the totals.
func (m Model) head() []string {
	v := &m.view
	where := strings.Join(v.State.Groups, " ")
	if m.vhost != "" {
		where = "host " + traffic.Clean(m.vhost) + " (esc for all) of " + where
	}
	state := good("connected")
	if !v.State.Connected {
		state = bad("NOT CONNECTED")
	}
	if m.paused {
		state = warn("PAUSED") + " " + state
	}
	state += " " + span(v.Time.Sub(v.State.Since)) + "  " + v.Time.Format("15:04:05")
	first := strong("logmon ") + where + " @ " + v.State.Daemon
	if !v.State.Connected && v.State.Error != "" {
		first += ": " + v.State.Error
	}
	t := &v.Total
	online := count(int64(v.Online))
	if v.OnlineAtLeast {
		online = "≥" + online
	}
	now := fmt.Sprintf("now    %s requests/s  %s/s  4xx %s  5xx %s  online %s", strong(rate(t.RequestsPerSecond)), strong(size(t.BytesPerSecond)),
		level(t.ClientErrorShare(), 0.05, warn), level(t.ServerErrorShare(), 0.01, bad), strong(online))
	sum := fmt.Sprintf("since %s: %s requests  %s  4xx %s  5xx %s", v.Start.Format("Jan _2 15:04:05"),
		count(t.Requests), size(float64(t.Bytes)), count(t.ClientErrors), count(t.ServerErrors))
	return []string{m.spread(first, state), left(now, m.width), left(sum+m.doubts(), m.width)}
}

// doubts returns what limits the accuracy of the numbers.
func (m Model) doubts() string {
	v, out := &m.view, ""
	for _, d := range []struct {
		what string
		n    int64
	}{
		{"odd lines", v.OddLines}, {"repeats", v.Repeated}, {"missing", v.Missing - v.Late}, {"not counted", v.State.Dropped["queue_full"]},
	} {
		if d.n > 0 {
			out += "  " + warn(d.what+" "+count(d.n))
		}
	}
	return out
}

// level colors a high share.
func level(share, high float64, style func(string) string) string {
	if share >= high {
		return style(percent(share))
	}
	return percent(share)
}

// spread puts two texts at the two ends of a line. Only the first is cut.
func (m Model) spread(a, b string) string {
	w := ansi.StringWidth(b)
	if w+1 >= m.width {
		return left(b, m.width)
	}
	return left(a, m.width-w-1) + " " + b
}

// chart draws the requests per second.
func (m Model) chart() []string {
	if m.height < chartHeight {
		return nil
	}
	values, _ := perSecond(m.view.History)
	width := m.width - 7
	shown := values[max(0, len(values)-max(width, 0)):]
	most := 0.0
	for _, n := range shown {
		most = max(most, n)
	}
	if width < 1 {
		return []string{"", "", "", ""}
	}
	lines := chart(shown, width, chartLines-1)
	for i := range lines {
		label := ""
		switch i {
		case 0:
			label = rate(most)
		case len(lines) - 1:
			label = "0"
		}
		lines[i] = faint(right(label, 6)) + " " + title(lines[i])
	}
	return append(lines, faint(m.spread("       requests per second", "now")))
}

// gridLines returns all panes.
func (m Model) gridLines(height int) []string {
	var out []string
	for row := range 3 {
		out = append(out, m.beside(pane(2*row), pane(2*row+1), gridRow(height, row))...)
	}
	return out
}

// smallLines returns the current pane, and in the lines that it leaves empty other panes.
func (m Model) smallLines(height int) []string {
	used := 2 + len(m.pane.content(&m.view).rows)
	if m.zoomed || used+3 > height {
		return m.paneLines(m.pane, m.width, height)
	}
	others := slices.DeleteFunc([]pane{paneCodes, paneServers, paneVHosts}, func(p pane) bool { return p == m.pane })
	out := m.paneLines(m.pane, m.width, used)
	if m.width < besideWidth {
		return append(out, m.paneLines(others[0], m.width, height-used)...)
	}
	return append(out, m.beside(others[0], others[1], height-used)...)
}

// beside returns two panes beside each other.
func (m Model) beside(p, q pane, height int) []string {
	half := (m.width - 2) / 2
	out, right := m.paneLines(p, half, height), m.paneLines(q, m.width-half-2, height)
	for i := range out {
		out[i] += "  " + right[i]
	}
	return out
}

// paneLines returns the title and rows of a pane.
func (m Model) paneLines(p pane, width, height int) []string {
	if height <= 0 {
		return nil
	}
	t := p.content(&m.view)
	name := fmt.Sprintf("%d %s", p+1, p)
	if p.orders() != nil {
		name += " by " + m.orders[p].String()
	}
	if n := m.number(p); n > 0 {
		name += fmt.Sprintf(" (%s)", count(n))
	}
	cursor := -1
	rule := left(name+" "+strings.Repeat("─", max(width-ansi.StringWidth(name)-1, 0)), width)
	if p == m.pane {
		rule, cursor = title(rule), m.cursor[p]
	} else {
		rule = faint(rule)
	}
	return append([]string{rule}, t.lines(width, height-1, m.first[p], cursor)...)
}

// number returns how many rows a pane would have without its bound, or 0 if all are shown.
func (m Model) number(p pane) int64 {
	switch p {
	case paneVHosts:
		return int64(m.view.NumVHosts)
	case paneOnline:
		return int64(m.view.Online)
	default:
		return 0
	}
}

// foot returns the line of keys.
func (m Model) foot() string {
	keys := "q quit  ? help  tab pane  s sort  ↑↓ move  enter this host  p pause"
	switch {
	case m.grid():
		keys += "  z zoom"
	case m.width < 2*ansi.StringWidth(keys):
		var names []string
		for p := range numPanes {
			names = append(names, fmt.Sprintf("%d %s", p+1, p.short()))
		}
		keys = "q quit  ? help  " + strings.Join(names, "  ")
	}
	return faint(left(keys, m.width))
}

// helpText is the text that "?" shows.
const helpText = `logmon: keys
  q, ctrl+c        quit
  tab, ←, →, 1-6   switch to another list
  s, S             sort by the next order, or the previous one
  ↑ ↓ PgUp PgDn    move; also home and end
  enter            show only the virtual host under the cursor
  esc              show all virtual hosts
  z                show only this list, or more (all: 110x26 or larger)
  p, space         pause the screen; counting continues

Rates (req/s, B/s, 4xx, 5xx) are averages of the last 10 full seconds.
4xx and 5xx are shares of all requests. Requests and bytes are totals
since the start. Those of pages start when the page enters the list; ≥
means that there were requests before.
A server is a host that runs logpub. A client with a user agent is online
at a virtual host until it makes no request for the time of -session.
Odd lines are not access log lines. Missing and repeated lines are known
only of publishers with envelopes. Messages that arrived too fast are
"not counted".

press any key to go back`

func (m Model) helpLines() []string {
	var out []string
	for l := range strings.SplitSeq(helpText, "\n") {
		out = append(out, left(l, m.width))
	}
	out[0] = title(out[0])
	if m.height > 1 && len(out) > m.height {
		top := min(m.helpTop, len(out)-m.height)
		out = slices.Clone(out[top : top+m.height])
		out[m.height-1] = faint(left("↑↓ scroll, any other key to go back", m.width))
		if top+m.height == strings.Count(helpText, "\n")+1 {
			out[m.height-1] = left("press any key to go back", m.width)
		}
	}
	return out
}

// Line returns a view in one line, for logs: rates, and totals since the start.
func Line(v *logmon.View) string {
	t := &v.Total
	s := fmt.Sprintf("%s requests/s %s bandwidth %s/s 4xx %s 5xx %s online %d requests %d bytes %d odd %d",
		v.Time.Format("2006-01-02T15:04:05Z07:00"), rate(t.RequestsPerSecond), size(t.BytesPerSecond),
		percent(t.ClientErrorShare()), percent(t.ServerErrorShare()), v.Online, t.Requests, t.Bytes, v.OddLines)
	if !v.State.Connected {
		s += " not connected: " + v.State.Error
	}
	return s
}

// reportRows bounds the lists of a report.
const reportRows = 20

// Report returns a view as one page of text, with a width in cells.
func Report(v *logmon.View, width int) string {
	m := New(nil)
	m.view, m.width, m.height, m.vhost = *v, width, 1000, v.VHost
	lines := m.head()
	for p := range numPanes {
		t := p.content(v)
		lines = append(lines, "", p.String())
		lines = append(lines, t.lines(width, 1+min(len(t.rows), reportRows), 0, -1)...)
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(ansi.Strip(l), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
