package screen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/cmd/spuser/show"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/spread"
)

// fake is a source with events.
type fake struct {
	events chan recording.Event

	mu   sync.Mutex
	done []string
	err  error
}

func (f *fake) Next(ctx context.Context) (recording.Event, error) {
	select {
	case e := <-f.events:
		return e, nil
	case <-ctx.Done():
		return recording.Event{}, ctx.Err()
	}
}

func (f *fake) do(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, what)
	return f.err
}

func (f *fake) Join(_ context.Context, group string) error  { return f.do("join " + group) }
func (f *fake) Leave(_ context.Context, group string) error { return f.do("leave " + group) }

// story is what happens in two groups, with names and payloads of a stranger.
func story(stranger string) []recording.Event {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)
	var all []recording.Event
	add := func(e spread.Event) {
		r := recording.Of(e)
		r.Time, at = at, at.Add(time.Second)
		all = append(all, r)
	}
	add(&spread.Connected{Address: "4803@web1", PrivateGroup: "#me#web1"})
	view := func(group string, n uint32, cause spread.Cause, changed string, members ...string) {
		add(&spread.Membership{Group: group, Cause: cause, ID: spread.GroupID{Daemon: 1, Time: 2, Index: n}, Members: members, Changed: changed})
	}
	view("weblogs", 1, spread.CauseJoin, "#me#web1", "#lp#web1", "#lp#web2", "#me#web1")
	view("talk", 1, spread.CauseJoin, "#me#web1", "#ann#web1", "#me#web1")
	add(&spread.Message{Service: spread.Agreed, Sender: "#lp#web1", Groups: []string{"weblogs"}, Type: 1, Payload: []byte("GET /" + stranger + "\nGET /b\n")})
	add(&spread.Message{Service: spread.Safe, Sender: "#ann#web1", Groups: []string{"talk"}, Type: 1, Payload: []byte("hello")})
	add(&spread.Membership{Group: "weblogs", Cause: spread.Transitional, ID: spread.GroupID{Daemon: 1, Time: 2, Index: 1}})
	view("weblogs", 2, spread.CauseNetwork, "", "#lp#web1", "#me#web1")
	view("talk", 2, spread.CauseJoin, "#"+stranger+"#web1", "#ann#web1", "#"+stranger+"#web1", "#me#web1")
	return all
}

func screen(width, height int, events []recording.Event, source Source) tea.Model {
	var m tea.Model = New(source, &show.Printer{Style: show.NewStyle("always", io.Discard), Payload: show.Text})
	m, _ = m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	for _, e := range events {
		m, _ = m.Update(eventMsg(e))
	}
	return m
}

// press hands keys to a model, and runs what they ask for.
func press(m tea.Model, keys ...string) tea.Model {
	codes := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd, "backspace": tea.KeyBackspace}
	for _, k := range keys {
		key := tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
		if code, ok := codes[k]; ok {
			key = tea.KeyPressMsg{Code: code}
		}
		var cmd tea.Cmd
		if m, cmd = m.Update(key); cmd != nil {
			if msg := cmd(); msg != nil {
				m, _ = m.Update(msg)
			}
		}
	}
	return m
}

func plain(m tea.Model) string {
	lines := strings.Split(ansi.Strip(m.(Display).View().Content), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

const hostile = "\x1b[2J\x1b]0;owned\a\u202e\x9b5n日本"

func TestScreens(t *testing.T) {
	golden.File(t, "testdata/start.txt", plain(screen(100, 20, nil, &fake{})))
	golden.File(t, "testdata/usual.txt", plain(screen(100, 24, story("a"), &fake{})))
	golden.File(t, "testdata/small.txt", plain(screen(50, 8, story("a"), &fake{})))
	golden.File(t, "testdata/only.txt", plain(press(screen(100, 24, story("a"), &fake{}), "down", "enter", "p")))
	golden.File(t, "testdata/help.txt", plain(press(screen(80, 24, story("a"), &fake{}), "?")))
	golden.File(t, "testdata/hostile.txt", plain(screen(130, 24, story(hostile), &fake{})))
	away := append(story("a"), recording.Of(&spread.Disconnected{Address: "4803@web1", PrivateGroup: "#me#web1", Err: errors.New("connection closed")}))
	golden.File(t, "testdata/away.txt", plain(screen(100, 20, away, &fake{})))
}

// TestKeys: groups are joined and left, and a failure is shown.
func TestKeys(t *testing.T) {
	f := &fake{}
	m := press(screen(80, 24, story("a"), f), "j", "n", "e", "x", "backspace", "w", "enter", "down", "l", "j", "x", "esc")
	if got := fmt.Sprint(f.done); got != "[join new leave talk]" {
		t.Errorf("done %s", got)
	}
	f.err = errors.New("no")
	if text := plain(press(m, "l")); !strings.Contains(text, `cannot leave "talk": no`) {
		t.Errorf("the screen is\n%s", text)
	}
	left := recording.Of(&spread.Membership{Group: "talk", Cause: spread.SelfLeave})
	if m, _ = m.Update(eventMsg(left)); len(m.(Display).groups) != 1 {
		t.Error("the group that was left is shown")
	}
}

// safe are the control sequences that a screen may have: colors.
var safe = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestSizes: at every size, with hostile text, the screen has the size of the terminal at most, and
// steers nothing but colors.
func TestSizes(t *testing.T) {
	for _, keys := range [][]string{{}, {"?"}, {"j", "x"}, {"enter"}, {"pgup", "pgup"}, {"p"}} {
		for _, width := range []int{1, 7, 39, 80, 199} {
			for _, height := range []int{1, 2, 3, 11, 12, 24, 60} {
				content := press(screen(width, height, story(hostile), &fake{}), keys...).(Display).View().Content
				lines := strings.Split(content, "\n")
				if len(lines) > height {
					t.Errorf("%q at %d×%d: %d lines", keys, width, height, len(lines))
				}
				for _, line := range lines {
					if w := ansi.StringWidth(line); w > width {
						t.Errorf("%q at %d×%d: %d cells: %q", keys, width, height, w, line)
					}
					if rest := safe.ReplaceAllString(line, ""); strings.ContainsAny(rest, "\x1b\a\r\u202e") || strings.Contains(rest, "\x9b") {
						t.Errorf("%q at %d×%d: %q", keys, width, height, rest)
					}
				}
			}
		}
	}
}

// TestRun: the program shows events, and ends by q, by its context, and with the error of its
// source.
func TestRun(t *testing.T) {
	for _, how := range []string{"context", "q"} {
		f := &fake{events: make(chan recording.Event, 10)}
		for _, e := range story("a") {
			f.events <- e
		}
		ctx, cancel := context.WithCancel(t.Context())
		in, keyboard := io.Pipe()
		var out testkit.Output
		done := make(chan error, 1)
		go func() {
			done <- run(ctx, f, &show.Printer{Payload: show.Text}, in, &out, tea.WithWindowSize(100, 24))
		}()
		testkit.Wait(t, "hello", func() bool { return strings.Contains(out.String(), "hello") })
		if how == "q" {
			if _, err := keyboard.Write([]byte("q")); err != nil {
				t.Error(err)
			}
		} else {
			cancel()
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", how, err)
		}
		cancel()
		_ = keyboard.Close()
	}
}

// TestBounds: lists keep the newest entries, and payloads their first bytes.
func TestBounds(t *testing.T) {
	m := screen(80, 24, nil, &fake{})
	for i := range kept + 10 {
		e := recording.Of(&spread.Message{Sender: "#a#b", Groups: []string{"g"}, Payload: bytes.Repeat([]byte{'a' + byte(i%26)}, 10_000)})
		m, _ = m.Update(eventMsg(e))
	}
	if list := m.(Display).messages; len(list) != kept || len(list[0].text) > maxPayload+100 {
		t.Errorf("%d messages, the first has %d bytes", len(list), len(list[0].text))
	}
}
