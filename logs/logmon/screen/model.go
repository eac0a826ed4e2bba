package screen

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// Source provides the views to show. [*logmon.Monitor] implements it.
type Source interface {
	View(traffic.Query) logmon.View
}

const (
	// interval is the time between two views.
	interval = time.Second
	// listRows bounds the rows of a list.
	listRows = 200
)

// Model is the screen. Its zero value is not ready for use; see [New].
type Model struct {
	source        Source
	view          logmon.View
	width, height int
	pane          pane
	orders        [numPanes]traffic.Order
	cursor        [numPanes]int
	first         [numPanes]int // the row at the top
	vhost         string        // show only this virtual host; empty for all
	zoomed        bool
	paused        bool
	help          bool
	helpTop       int // first line of the help that is shown
}

// New returns the screen of a source.
func New(source Source) Model {
	m := Model{source: source, pane: paneVHosts}
	for p := range numPanes {
		if o := p.orders(); o != nil {
			m.orders[p] = o[0]
		}
	}
	m.orders[paneServers], m.orders[paneVHosts], m.orders[panePages] = traffic.ByRate, traffic.ByRate, traffic.ByRate
	return m
}

// Run shows the screen until the user quits or ctx ends.
func Run(ctx context.Context, source Source, in io.Reader, out io.Writer) error {
	return run(ctx, source, in, out)
}

func run(ctx context.Context, source Source, in io.Reader, out io.Writer, more ...tea.ProgramOption) error {
	options := append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}, more...)
	_, err := tea.NewProgram(New(source), options...).Run()
	if ctx.Err() != nil && (errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, ctx.Err())) {
		return nil // this is the way to end it
	}
	return err
}

type (
	tickMsg struct{}
	viewMsg logmon.View
)

// Init requests the first view.
func (m Model) Init() tea.Cmd { return tea.Batch(m.ask(), tick()) }

func tick() tea.Cmd { return tea.Tick(interval, func(time.Time) tea.Msg { return tickMsg{} }) }

// ask requests a view with the current orders and filters.
func (m Model) ask() tea.Cmd {
	q := traffic.Query{
		VHost: m.vhost, Pages: listRows, Sessions: listRows, VHosts: listRows, History: true,
		PageOrder: m.orders[panePages], SessionOrder: m.orders[paneOnline], VHostOrder: m.orders[paneVHosts], ServerOrder: m.orders[paneServers],
	}
	return func() tea.Msg { return viewMsg(m.source.View(q)) }
}

// Update handles a key, a view or a new size of the terminal.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case viewMsg:
		m.view = logmon.View(msg)
	case tickMsg:
		if m.paused {
			return m, tick()
		}
		return m, tea.Batch(m.ask(), tick())
	case tea.KeyPressMsg:
		return m.key(msg.String())
	}
	return m.clamp(), nil
}

// helpKey handles a key while the help is shown: it scrolls, and all others end the help.
func (m Model) helpKey(key string) Model {
	page := max(1, m.height-1)
	switch key {
	case "down", "j":
		m.helpTop++
	case "up", "k":
		m.helpTop--
	case "pgdown":
		m.helpTop += page
	case "pgup":
		m.helpTop -= page
	default:
		m.help = false
	}
	m.helpTop = max(0, min(m.helpTop, strings.Count(helpText, "\n")+1-m.height))
	return m
}

// key handles a key.
func (m Model) key(key string) (tea.Model, tea.Cmd) {
	if m.help && key != "q" && key != "ctrl+c" {
		return m.helpKey(key), nil
	}
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "?", "h", "f1":
		m.help, m.helpTop = true, 0
	case "p", "space":
		m.paused = !m.paused
	case "tab", "right", "l":
		m.pane = (m.pane + 1) % numPanes
	case "shift+tab", "left":
		m.pane = (m.pane + numPanes - 1) % numPanes
	case "1", "2", "3", "4", "5", "6":
		m.pane = pane(key[0] - '1')
	case "z":
		m.zoomed = !m.zoomed
	case "s":
		return m.sort(1)
	case "S", "shift+s":
		return m.sort(-1)
	case "enter":
		return m.enter()
	case "esc", "backspace":
		if m.vhost == "" {
			m.zoomed = false
			return m, nil
		}
		m.vhost = ""
		return m, m.ask()
	default:
		return m.move(key), nil
	}
	return m.clamp(), nil
}

// move moves the cursor.
func (m Model) move(key string) Model {
	c := &m.cursor[m.pane]
	switch key {
	case "up", "k":
		*c--
	case "down", "j":
		*c++
	case "pgup":
		*c -= m.paneHeight()
	case "pgdown":
		*c += m.paneHeight()
	case "home", "g":
		*c = 0
	case "end", "G", "shift+g":
		*c = listRows
	}
	return m.clamp()
}

// clamp keeps the cursor in the list and on the screen.
func (m Model) clamp() Model {
	if m.view.Snapshot == nil {
		return m
	}
	t := m.pane.content(&m.view)
	c, f, h := &m.cursor[m.pane], &m.first[m.pane], max(m.paneHeight(), 1)
	*c = max(0, min(*c, len(t.rows)-1))
	*f = max(0, *c-h+1, min(*f, *c, max(len(t.rows)-h, 0)))
	return m
}

// sort switches to the next order of the pane.
func (m Model) sort(step int) (tea.Model, tea.Cmd) {
	orders := m.pane.orders()
	if orders == nil {
		return m, nil
	}
	i := max(slices.Index(orders, m.orders[m.pane]), 0)
	m.orders[m.pane] = orders[(i+step+len(orders))%len(orders)]
	m.cursor[m.pane], m.first[m.pane] = 0, 0
	return m, m.ask()
}

// enter shows only the virtual host under the cursor, which may be that of a page or a session.
func (m Model) enter() (tea.Model, tea.Cmd) {
	if m.view.Snapshot == nil {
		return m, nil
	}
	i, name := m.cursor[m.pane], ""
	switch {
	case m.pane == paneVHosts && i < len(m.view.VHosts):
		name = m.view.VHosts[i].Name
	case m.pane == panePages && i < len(m.view.Pages):
		name = m.view.Pages[i].VHost
	case m.pane == paneOnline && i < len(m.view.Sessions):
		name = m.view.Sessions[i].VHost
	}
	if name == "" || name == m.vhost {
		return m, nil
	}
	m.vhost = name
	return m, m.ask()
}
