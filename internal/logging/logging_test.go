package logging

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
)

func write(l *slog.Logger) {
	l = l.With(slog.Int("port", 4803))
	l.Debug("noise")
	l.Info("up")
	l.WithGroup("ring").Warn("late", slog.String("by", "a\nb"))
	l.Error("down")
}

// TestJournal: lines have the priorities that journald reads if it reads them, and no time; other
// files and other streams have neither.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	t.Setenv("JOURNAL_STREAM", streamOf(t, f))
	write(slog.New(New(f, Options{Level: slog.LevelDebug})))
	write(slog.New(New(f, Options{Format: JSON, Level: slog.LevelWarn})))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i, want := range []string{
		"<7>level=DEBUG msg=noise port=4803", "<6>level=INFO msg=up port=4803", `<4>level=WARN msg=late port=4803 ring.by="a\nb"`, "<3>level=ERROR msg=down port=4803",
		`<4>{"time":`, `<3>{"time":`,
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) || i < 4 && lines[i] != want {
			t.Errorf("line %d is not %s in\n%s", i, want, b)
		}
	}
	t.Setenv("JOURNAL_STREAM", "1:2")
	var out strings.Builder
	for _, w := range []io.Writer{f, &out} {
		if _, ok := New(w, Options{Level: slog.LevelInfo}).(*priorities); ok {
			t.Errorf("%T counts as the journal", w)
		}
	}
}

// TestFormats: JSON is one object on a line; text is what the program wants.
func TestFormats(t *testing.T) {
	var out strings.Builder
	write(slog.New(New(&out, Options{Format: JSON, Level: slog.LevelInfo})))
	for line := range strings.Lines(out.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil || v["level"] == "" || v["msg"] == "" || v["time"] == "" || v["port"] != 4803.0 {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines", n)
	}
	out.Reset()
	write(slog.New(New(&out, Options{Level: slog.LevelError, Text: func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: withoutTime})
	}})))
	if got, want := out.String(), "level=ERROR msg=down port=4803\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFlag(t *testing.T) {
	for args, want := range map[string]Format{"": Text, "-log-format json": JSON, "-log-format text": Text, "-log-format xml": ""} {
		s := flags.New(flags.Program{Name: "x"})
		s.Group("Log")
		var f Format
		Flag(s, &f)
		err := s.Parse(strings.Fields(args))
		if (err == nil) != (want != "") || err == nil && f != want {
			t.Errorf("%q: %q, %v", args, f, err)
		}
		if err != nil && !strings.Contains(err.Error(), "want text or json") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
