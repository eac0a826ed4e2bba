package screen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
)

const (
	// kept bounds the views and the messages that the screen remembers.
	kept = 500
	// maxPayload bounds the bytes of a payload that it remembers.
	maxPayload = 500
	// maxGroup is the number of bytes of a group's name that can be typed.
	maxGroup = 31
)

// Source is the connection. Its methods may be called by different goroutines.
type Source interface {
	// Next waits for an event.
	Next(ctx context.Context) (recording.Event, error)
	Join(ctx context.Context, group string) error
	Leave(ctx context.Context, group string) error
}

// group is what the screen knows of a group.
type group struct {
	name     string
	members  []string
	messages int
	views    int
}

// entry is a line of a list.
type entry struct {
	groups []string // that it belongs to; none: it is of the connection
	text   string
}

// Display is the screen. Its zero value is not ready for use; see [New].
type Display struct {
	source        Source
	printer       *show.Printer
	width, height int
	groups        []group
	cursor        int
	only          bool // show only the group under the cursor
	views         []entry
	messages      []entry
	back          int // lines that the messages are scrolled back
	frozen        bool
	status        string
	connected     bool
	daemon, self  string
	help, typing  bool
	typed         string
}

// New returns the screen of a source.
func New(source Source, printer *show.Printer) Display {
	return Display{source: source, printer: printer}
}

// Run shows the screen until the user quits or ctx ends.
func Run(ctx context.Context, source Source, printer *show.Printer, in io.Reader, out io.Writer) error {
	return run(ctx, source, printer, in, out)
}

func run(ctx context.Context, source Source, printer *show.Printer, in io.Reader, out io.Writer, more ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}, more...)
	program := tea.NewProgram(New(source, printer), options...)
	done := make(chan error, 1)
	go func() {
		for {
			e, err := source.Next(ctx)
			if err != nil {
				done <- err
				program.Quit()
				return
			}
			program.Send(eventMsg(e))
		}
	}()
	_, err := program.Run()
	ended := ctx.Err() != nil
	cancel()
	failed := <-done
	switch {
	case ended && (errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, context.Canceled)):
		return nil // this is the way to end it
	case err == nil && !errors.Is(failed, context.Canceled):
		return failed
	}
	return err
}

type (
	eventMsg  recording.Event
	failedMsg struct{ err error }
)

// Init does nothing: events come by themselves.
func (m Display) Init() tea.Cmd { return nil }

// Update handles a key, an event or a new size of the terminal.
func (m Display) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case eventMsg:
		return m.event(recording.Event(msg)), nil
	case failedMsg:
		m.status = show.Name(msg.err.Error())
	case tea.KeyPressMsg:
		return m.key(msg)
	}
	return m, nil
}

// event takes an event in.
func (m Display) event(e recording.Event) Display {
	if e.Event == recording.Message {
		if recording.IsControl(e.Data()) {
			return m
		}
		e.Cut(maxPayload)
	}
	line := entry{e.In(), m.printer.Event(&e)}
	switch e.Event {
	case recording.Connected:
		m.connected, m.daemon, m.self = true, e.Daemon, e.PrivateGroup
	case recording.Disconnected:
		m.connected = false
		for i := range m.groups {
			m.groups[i].members = nil
		}
	case recording.Membership:
		m = m.membership(&e)
	case recording.Message:
		for i := range m.groups {
			if slices.Contains(e.Groups, m.groups[i].name) {
				m.groups[i].messages++
			}
		}
		m.messages = keep(m.messages, line)
		if m.frozen {
			m.back++
		}
		return m
	}
	m.views = keep(m.views, line)
	return m
}

// membership changes a group.
func (m Display) membership(e *recording.Event) Display {
	i := slices.IndexFunc(m.groups, func(g group) bool { return g.name == e.Group })
	switch {
	case e.ID == nil && i >= 0: // left
		m.groups = slices.Delete(slices.Clone(m.groups), i, i+1)
		m.cursor = max(0, min(m.cursor, len(m.groups)-1))
	case e.View() && i < 0:
		m.groups = append(slices.Clone(m.groups), group{name: e.Group, members: e.Members, views: 1})
	case e.View():
		m.groups[i].members = e.Members
		m.groups[i].views++
	}
	return m
}

func keep(list []entry, e entry) []entry {
	list = append(list, e)
	return slices.Delete(list, 0, max(0, len(list)-kept))
}

// key handles a key.
func (m Display) key(k tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	name := k.String()
	if name == "ctrl+c" {
		return m, tea.Quit
	}
	if m.typing {
		return m.input(k)
	}
	if m.help && name != "q" {
		m.help = false
		return m, nil
	}
	switch name {
	case "q":
		return m, tea.Quit
	case "?", "h", "f1":
		m.help = true
	case "up", "k":
		m.cursor = max(0, m.cursor-1)
	case "down":
		m.cursor = max(0, min(m.cursor+1, len(m.groups)-1))
	case "enter":
		m.only = !m.only
	case "p", "space":
		m.frozen = !m.frozen
		m.back = 0
	case "pgup":
		m.back, m.frozen = min(m.back+5, len(m.messages)), true
	case "pgdown":
		m.back = max(0, m.back-5)
		m.frozen = m.back > 0
	case "end":
		m.back, m.frozen = 0, false
	case "j":
		m.typing, m.typed, m.status = true, "", ""
	case "l":
		if m.cursor < len(m.groups) {
			return m, m.request("leave", m.groups[m.cursor].name, m.source.Leave)
		}
	}
	return m, nil
}

// input handles a key while the name of a group is typed.
func (m Display) input(k tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	switch k.String() {
	case "esc":
		m.typing = false
	case "backspace":
		m.typed = m.typed[:max(0, len(m.typed)-1)]
	case "enter":
		m.typing = false
		if m.typed != "" {
			return m, m.request("join", m.typed, m.source.Join)
		}
	default:
		for _, r := range k.Text {
			if r > ' ' && r < 0x7f && len(m.typed) < maxGroup {
				m.typed += string(r)
			}
		}
	}
	return m, nil
}

// request does something with a group.
func (m Display) request(what, name string, do func(context.Context, string) error) tea.Cmd {
	return func() tea.Msg {
		if err := do(context.Background(), name); err != nil {
			return failedMsg{fmt.Errorf("cannot %s %q: %w", what, name, err)}
		}
		return nil
	}
}
