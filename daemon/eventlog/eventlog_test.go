package eventlog

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	at := time.Date(2004, 7, 27, 11, 48, 51, 1_234_000, time.UTC)
	for _, tt := range []struct {
		name string
		opts Options
		log  func(*slog.Logger)
		want string
	}{
		{"plain", Options{}, func(l *slog.Logger) { l.Info("up", slog.Int("port", 4803)) }, "INFO up port=4803\n"},
		{"below the level", Options{}, func(l *slog.Logger) { l.Debug("noise") }, ""},
		{"lower level", Options{Level: slog.LevelDebug}, func(l *slog.Logger) { l.Debug("noise") }, "DEBUG noise\n"},
		{
			"default stamp",
			Options{Stamp: "%m/%d/%y %H:%M:%S"},
			func(l *slog.Logger) { l.Warn("x") },
			"07/27/04 11:48:51 WARN x\n",
		},
		{
			"precise",
			Options{Stamp: "%H:%M:%S", Precise: true},
			func(l *slog.Logger) { l.Error("x") },
			"11:48:51.001234 ERROR x\n",
		},
		{
			"precise without seconds",
			Options{Stamp: "%H:%M", Precise: true},
			func(l *slog.Logger) { l.Info("x") },
			"11:48 1090928931.001234 INFO x\n",
		},
		{
			"values that could forge",
			Options{},
			func(l *slog.Logger) {
				l.Info("x", slog.String("name", "a\nINFO y"), slog.String("e", ""), slog.String("q", `"`))
			},
			"INFO x name=\"a\\nINFO y\" e=\"\" q=\"\\\"\"\n",
		},
		{
			"groups and attributes",
			Options{},
			func(l *slog.Logger) {
				l = l.With(slog.Int("a", 1)).WithGroup("g").With(slog.Int("b", 2))
				l.Info("x", slog.Int("c", 3), slog.Group("h", slog.Any("d", errors.New("no"))))
			},
			"INFO x a=1 g.b=2 g.c=3 g.h.d=no\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			tt.opts.Now = func() time.Time { return at }
			tt.log(slog.New(New(&out, tt.opts)))
			if got := out.String(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFile(filepath.Join(dir, "web1.log"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "web1.log")
	log := slog.New(New(f, Options{}))
	log.Info("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("two")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("three")
	for name, want := range map[string]string{path + ".1": "INFO one\nINFO two\n", path: "INFO three\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, want)
		}
	}
	// A directory that is gone is no reason to lose the file that is there.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); err == nil {
		t.Error("reopening in a directory that is gone succeeded")
	}
	if _, err := f.Write([]byte("still there\n")); err != nil {
		t.Errorf("after a failed reopening: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenFile(filepath.Join(dir, "x")); err == nil {
		t.Error("a file in no directory was opened")
	}
}
