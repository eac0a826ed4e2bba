package screen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
)

// farm is a source with the traffic of a small farm: always the same.
type farm struct {
	t     *traffic.Traffic
	now   time.Time
	state logmon.State
}

func (f *farm) View(q traffic.Query) logmon.View {
	return logmon.View{State: f.state, Snapshot: f.t.Snapshot(f.now, q)}
}

func newFarm(t testing.TB, hostile bool) *farm {
	t.Helper()
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m, err := traffic.New(traffic.Config{}, start)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(r, 1.3, 2, 40)
	for i := range 4000 {
		now := start.Add(time.Duration(100 * math.Pow(float64(i)/4000, 0.6) * float64(time.Second)))
		status := []int{200, 200, 200, 200, 200, 200, 304, 301, 404, 500}[r.IntN(10)]
		host, path, agent := []string{"www.example.com:443", "shop.example.com:443", "api.example.com:443"}[z.Uint64()%3], fmt.Sprintf("/page/%d.html?x=%d", z.Uint64(), i), []string{"Firefox/140.0", "Chrome/142", "curl/8.14"}[r.IntN(3)]
		if hostile && i%3 == 0 {
			path, agent = "/\x1b[2J\x1b]0;owned\x07日本語"+strings.Repeat("e\u0301", i%50), "\u202e<script>\x9b31m\x1bP+q\x1b\\\\"
		}
		line := fmt.Sprintf("%s 10.0.0.%d - - [t] \"GET %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", host, z.Uint64(), path, status, r.IntN(40_000), agent)
		if i%997 == 0 {
			line = "rubbish\n"
		}
		m.Message(now, "weblogs", fmt.Sprintf("#lp1#web%d", 1+i%3), []byte(line))
	}
	return &farm{t: m, now: start.Add(100 * time.Second), state: logmon.State{
		Connected: true, Daemon: "4803", Session: "#lm1#log1", Since: start, Connects: 1,
		Groups: []string{"audit", "weblogs"}, Dropped: map[string]int64{},
	}}
}

// press hands keys to a model, and runs what they ask for.
func press(t *testing.T, m tea.Model, keys ...string) Model {
	t.Helper()
	for _, k := range keys {
		var cmd tea.Cmd
		m, cmd = m.Update(keyPress(k))
		if cmd != nil {
			if v, ok := cmd().(viewMsg); ok {
				m, _ = m.Update(v)
			}
		}
	}
	return m.(Model)
}

// keyPress is a key by the name that Bubble Tea gives it.
func keyPress(name string) tea.KeyPressMsg {
	for code, n := range map[rune]string{
		tea.KeyTab: "tab", tea.KeyEnter: "enter", tea.KeyEscape: "esc", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyLeft: "left",
		tea.KeyPgUp: "pgup", tea.KeyPgDown: "pgdown", tea.KeyHome: "home", tea.KeyEnd: "end", tea.KeySpace: "space",
	} {
		if n == name {
			return tea.KeyPressMsg{Code: code}
		}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

func screen(t *testing.T, source Source, width, height int) Model {
	t.Helper()
	m := New(source)
	var next tea.Model = m
	next, _ = next.Update(tea.WindowSizeMsg{Width: width, Height: height})
	next, _ = next.Update(m.ask()())
	return next.(Model)
}

// plain is what one sees, without colors and what is blank at the ends of lines.
func plain(m Model) string {
	lines := strings.Split(ansi.Strip(m.View().Content), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestScreens holds whole screens.
func TestScreens(t *testing.T) {
	f := newFarm(t, false)
	golden.File(t, "testdata/grid.txt", plain(screen(t, f, 140, 40)))
	golden.File(t, "testdata/usual.txt", plain(screen(t, f, 80, 24)))
	golden.File(t, "testdata/narrow.txt", plain(press(t, screen(t, f, 60, 24), "1")))
	golden.File(t, "testdata/small.txt", plain(press(t, screen(t, f, 40, 10), "4")))
	golden.File(t, "testdata/help.txt", plain(press(t, screen(t, f, 80, 26), "?")))
	golden.File(t, "testdata/host.txt", plain(press(t, screen(t, f, 140, 40), "down", "enter")))
	golden.File(t, "testdata/online.txt", plain(press(t, screen(t, f, 120, 30), "5", "z", "s", "s")))
	golden.File(t, "testdata/hostile-pages.txt", plain(press(t, screen(t, newFarm(t, true), 160, 30), "4", "z")))
	golden.File(t, "testdata/hostile-online.txt", plain(press(t, screen(t, newFarm(t, true), 160, 30), "5", "z")))
	f.state = logmon.State{Daemon: "4803@web1", Since: f.now.Add(-90 * time.Second), Error: "connection refused", Groups: []string{"weblogs"}, Dropped: map[string]int64{"queue_full": 12}}
	golden.File(t, "testdata/away.txt", plain(press(t, screen(t, f, 100, 20), "p", "6")))
}

func TestReport(t *testing.T) {
	f := newFarm(t, false)
	v := f.View(traffic.Query{Pages: 5, Sessions: 5, VHosts: 5})
	golden.File(t, "testdata/report.txt", Report(&v, 100)+Line(&v)+"\n")
}

// safe are the control sequences that a screen may have: colors.
var safe = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestSizes: at every size, with hostile text, in every state, the screen has the size of the
// terminal at most, and steers nothing but colors.
func TestSizes(t *testing.T) {
	f := newFarm(t, true)
	f.state.Error, f.state.Connected = "no", false
	for _, keys := range [][]string{{}, {"4"}, {"5", "end"}, {"z", "4", "pgdown"}, {"?"}, {"enter"}, {"p", "6"}, {"1", "s"}} {
		for _, width := range []int{1, 7, 39, 80, 110, 199} {
			for _, height := range []int{1, 3, 13, 14, 26, 60} {
				m := press(t, screen(t, f, width, height), keys...)
				content := m.View().Content
				lines := strings.Split(content, "\n")
				if len(lines) > height {
					t.Fatalf("%v at %dx%d: %d lines", keys, width, height, len(lines))
				}
				for _, l := range lines {
					if w := ansi.StringWidth(l); w > width {
						t.Fatalf("%v at %dx%d: %d cells: %q", keys, width, height, w, l)
					}
					if rest := safe.ReplaceAllString(l, ""); traffic.Clean(rest) != rest {
						t.Fatalf("%v at %dx%d: %q", keys, width, height, rest)
					}
				}
			}
		}
	}
}

// TestKeys: what keys do, beyond what the screens show.
func TestKeys(t *testing.T) {
	f := newFarm(t, false)
	m := screen(t, f, 80, 24)
	for _, tt := range []struct {
		keys string
		want func(Model) bool
	}{
		{"tab", func(m Model) bool { return m.pane == panePages }},
		{"left left", func(m Model) bool { return m.pane == paneCodes }},
		{"6 tab", func(m Model) bool { return m.pane == paneCodes }},
		{"2 s", func(m Model) bool { return m.orders[paneServers] == traffic.ByBytes }},
		{"2 S", func(m Model) bool { return m.orders[paneServers] == traffic.ByRequests }},
		{"1 s", func(m Model) bool { return m.orders[paneCodes] == traffic.ByRequests }},
		{"4 end", func(m Model) bool { return m.cursor[panePages] == len(m.view.Pages)-1 && m.first[panePages] > 0 }},
		{"4 end home", func(m Model) bool { return m.cursor[panePages] == 0 && m.first[panePages] == 0 }},
		{"4 pgdown pgup up", func(m Model) bool { return m.cursor[panePages] == 0 }},
		{"4 down j k", func(m Model) bool { return m.cursor[panePages] == 1 }},
		{"4 enter", func(m Model) bool { return m.vhost != "" && m.view.VHost == m.vhost }},
		{"5 enter", func(m Model) bool { return m.vhost != "" && m.view.VHost == m.vhost && len(m.view.Sessions) > 0 }},
		{"1 enter", func(m Model) bool { return m.vhost == "" }},
		{"3 enter esc", func(m Model) bool { return m.vhost == "" && m.view.VHost == "" }},
		{"z esc", func(m Model) bool { return !m.zoomed }},
		{"", func(m Model) bool { return strings.Contains(plain(m), "1 Status codes") }},
		{"z", func(m Model) bool { return !strings.Contains(plain(m), "1 Status codes") }},
		{"? x", func(m Model) bool { return !m.help }},
		{"p", func(m Model) bool { return m.paused }},
		{"space space", func(m Model) bool { return !m.paused }},
	} {
		if got := press(t, m, strings.Fields(tt.keys)...); !tt.want(got) {
			t.Errorf("%s: pane %v, orders %v, cursor %v, host %q", tt.keys, got.pane, got.orders, got.cursor, got.vhost)
		}
	}
	for _, key := range []string{"q"} {
		if _, cmd := m.Update(keyPress(key)); cmd == nil || cmd() != tea.Quit() {
			t.Errorf("%s does not leave", key)
		}
	}
}

// TestHelpScrolls: on a small screen all of the help can be read.
func TestHelpScrolls(t *testing.T) {
	f := newFarm(t, false)
	m := press(t, screen(t, f, 40, 10), "?")
	var seen strings.Builder
	seen.WriteString(plain(m))
	for range strings.Count(helpText, "\n") {
		m = press(t, m, "down")
		seen.WriteString(plain(m))
	}
	for line := range strings.SplitSeq(helpText, "\n") {
		if !strings.Contains(seen.String(), strings.TrimSpace(left(line, 40))) {
			t.Errorf("%q is never seen", line)
		}
	}
	if m = press(t, m, "x"); m.help {
		t.Error("another key does not end the help")
	}
	if foot := m.foot(); !strings.Contains(foot, "q quit") {
		t.Errorf("the foot is %q", foot)
	}
}

// TestRun runs the real program on pipes: it shows the numbers, and leaves on q.
func TestRun(t *testing.T) {
	f := newFarm(t, false)
	in, keys := io.Pipe()
	out := &watched{want: "shop.example.com", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- run(t.Context(), f, in, out, tea.WithWindowSize(120, 40)) }()
	select {
	case <-out.seen:
	case err := <-done:
		t.Fatalf("it ended with %v", err)
	case <-time.After(time.Minute):
		t.Fatalf("the screen never showed %s", out.want)
	}
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRunCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	out := &watched{want: "shop.example.com", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- run(ctx, newFarm(t, false), in, out, tea.WithWindowSize(120, 40)) }()
	<-out.seen
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// watched reports when a text was written.
type watched struct {
	want string
	seen chan struct{}
	all  bytes.Buffer
	done bool
}

func (w *watched) Write(b []byte) (int, error) {
	w.all.Write(b)
	if !w.done && bytes.Contains(w.all.Bytes(), []byte(w.want)) {
		w.done = true
		close(w.seen)
	}
	return len(b), nil
}

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{count(0), "0"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(99_999), "99,999"},
		{count(100_000), "100k"},
		{count(999_999), "1.0M"},
		{count(1_250_000), "1.2M"},
		{count(9_960_000), "10M"},
		{count(1 << 62), "4.6E"},
		{size(0), "0 B"},
		{size(999), "999 B"},
		{size(1234), "1.2 kB"},
		{size(999_999), "1.0 MB"},
		{size(12.3e9), "12 GB"},
		{rate(0), "0"},
		{rate(0.01), "<0.1"},
		{rate(0.1), "0.1"},
		{rate(9.94), "9.9"},
		{rate(99.6), "100"},
		{rate(1234), "1,234"},
		{rate(123_456), "123k"},
		{percent(0), "0%"},
		{percent(0.0001), "<0.1%"},
		{percent(0.012), "1.2%"},
		{percent(0.5), "50%"},
		{percent(1), "100%"},
		{span(-time.Second), "0s"},
		{span(59 * time.Second), "59s"},
		{span(61 * time.Second), "1m01s"},
		{span(3*time.Hour + 5*time.Minute), "3h05m"},
		{span(50 * time.Hour), "2d02h"},
		{left("日本語", 5), "日本…"},
		{right("ab", 4), "  ab"},
		{left("ab", 0), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestChart(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   string
	}{
		{nil, "    \n    "},
		{[]float64{0, 0}, "    \n    "},
		{[]float64{0, 8, 16}, "   █\n  ██"},
		{[]float64{1, 2, 4, 8, 16, 12}, "  █▄\n▄███"},
		{[]float64{0.001, 100}, "   █\n  ▁█"},
	} {
		if got := strings.Join(chart(tt.values, 4, 2), "\n"); got != tt.want {
			t.Errorf("%v:\n%s\nwant\n%s", tt.values, got, tt.want)
		}
	}
}
