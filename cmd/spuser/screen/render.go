package screen

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/spreadd/spreadd/cmd/spuser/show"
)

// fullHeight is the height from which on the screen has all lists. Below it shows messages only.
const fullHeight = 12

// View renders the screen.
func (m Display) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.WindowTitle = "spuser"
	return v
}

func (m Display) content() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	lines := []string{m.head()}
	room := m.height - 2
	switch {
	case m.help:
		lines = append(lines, fit(m.helpLines(), m.width, room, false)...)
	case m.height < fullHeight:
		lines = append(lines, m.list("Messages", m.messages, room, m.back)...)
	default:
		top := min(max(room/4, 3), max(len(m.groups), m.most())+1)
		middle := max((room-top)/3, 3)
		lines = append(lines, m.top(top)...)
		lines = append(lines, m.list("Views", m.views, middle, 0)...)
		lines = append(lines, m.list("Messages", m.messages, room-top-middle, m.back)...)
	}
	lines = append(lines, m.foot())
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

// most is the number of members of the group under the cursor.
func (m Display) most() int {
	if m.cursor >= len(m.groups) {
		return 2
	}
	return len(m.groups[m.cursor].members)
}

func (m Display) head() string {
	state := m.printer.Style.Good("connected")
	if !m.connected {
		state = m.printer.Style.Bad("NOT CONNECTED")
	}
	if m.frozen {
		state += " " + m.printer.Style.Bad("PAUSED")
	}
	text := m.printer.Style.Strong("spuser") + " " + state
	if m.daemon != "" {
		text += fmt.Sprintf(" to %s as %s", show.Name(m.daemon), show.Name(m.self))
	}
	return left(text, m.width)
}

func (m Display) foot() string {
	text := "j join  l leave  ↑↓ group  enter only this group  p pause  pgup pgdn scroll  ? help  q quit"
	if m.width < ansi.StringWidth(text) {
		text = "q quit  ? help  j join  l leave  p pause"
	}
	switch {
	case m.typing:
		text = "join group: " + m.typed + "_   (Enter joins, Esc cancels)"
	case m.status != "":
		text = m.printer.Style.Bad(m.status)
	}
	return left(text, m.width)
}

// top returns the groups, and beside them the members of one.
func (m Display) top(height int) []string {
	half := m.width / 2
	groups, members := []string{m.title("Groups", half)}, []string{m.title("Members", m.width-half)}
	first := max(0, m.cursor-(height-2))
	for i, g := range m.groups[min(first, len(m.groups)):] {
		mark := "  "
		if first+i == m.cursor {
			mark = "> "
		}
		groups = append(groups, fmt.Sprintf("%s%s  %d members, %d messages, %d views", mark, m.printer.Style.Strong(show.Name(g.name)), len(g.members), g.messages, g.views))
	}
	if len(m.groups) == 0 {
		groups = append(groups, "  none; press j to join one")
	}
	if m.cursor < len(m.groups) {
		for _, name := range m.groups[m.cursor].members {
			self := ""
			if name == m.self {
				self = "  (this screen)"
			}
			members = append(members, show.Name(name)+self)
		}
		if more := len(members) - height; more > 0 {
			members = append(members[:height-1], fmt.Sprintf("and %d more", more+1))
		}
	}
	a, b := fit(groups, half, height, false), fit(members, m.width-half, height, false)
	for i := range a {
		a[i] += b[i]
	}
	return a
}

// list returns the last lines of a list, scrolled back by some.
func (m Display) list(title string, all []entry, height, back int) []string {
	if m.only && m.cursor < len(m.groups) {
		name := m.groups[m.cursor].name
		title += " of " + show.Name(name)
		all = slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return len(e.groups) > 0 && !slices.Contains(e.groups, name) })
	}
	all = all[:max(0, len(all)-back)]
	lines := make([]string, 0, len(all))
	for _, e := range all {
		lines = append(lines, strings.NewReplacer("\n    ", " ", "\t", " ").Replace(strings.TrimRight(e.text, "\n")))
	}
	return append([]string{m.title(title, m.width)}, fit(lines, m.width, height-1, true)...)
}

// title is the line above a list.
func (m Display) title(text string, width int) string {
	return left("── "+m.printer.Style.Strong(text)+" "+strings.Repeat("─", max(0, width-ansi.StringWidth(text)-5)), width)
}

func (m Display) helpLines() []string {
	return strings.Split(`
  j          join a group: type its name
  l          leave the group under the cursor
  up, down   choose a group; its members are on the right
  enter      show only the views and messages of this group, or all again
  p, space   pause, and go on
  pgup, pgdn scroll the messages; end returns to the newest
  q          quit

Views are in the order in which the daemon delivers them, with their cause:
join, leave and disconnect of one member, or a change of the network.

Press a key to go back.`, "\n")
}

// fit brings lines to a size. From lists that are too long it takes the last or the first ones.
func fit(lines []string, width, height int, last bool) []string {
	height = max(height, 0)
	if last {
		lines = lines[max(0, len(lines)-height):]
	}
	out := make([]string, height)
	for i := range out {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out[i] = left(text, width)
	}
	return out
}

// left fits text into a number of cells.
func left(text string, width int) string {
	if width <= 0 {
		return ""
	}
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
}
