package logsub

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// verify reports what is wrong with the files below a directory, by their indexes.
func verify(t *testing.T, dir string) lineindex.Summary {
	t.Helper()
	sum, err := lineindex.Verify(fsutil.OS{}, dir, func(f *lineindex.Finding) { t.Error(f) })
	if err != nil {
		t.Error(err)
	}
	return sum
}

// TestIndexOverRestart: lines that came before a restart are not written again after it, wherever
// they would go by now, and what is missing since is counted.
func TestIndexOverRestart(t *testing.T) {
	dir := t.TempDir()
	logs := func() []Log {
		return []Log{
			{Group: "a", File: filepath.Join(dir, "a.log"), Envelope: EnvelopeIndex},
			{Group: "a", File: filepath.Join(dir, "%{vhost}-%H.log"), Envelope: EnvelopeIndex},
		}
	}
	line := func(n int) string { return fmt.Sprintf("www%d line %d [10/Oct/1999:%02d:00:00 +0000]\n", n%2, n, n) }
	var want strings.Builder
	bubble(t, Config{}, logs(), func(f *farm) {
		for n := range 10 {
			f.send(sealed("web", 1, 0, uint64(n), line(n)), "a")
			want.WriteString(line(n))
		}
	})
	bubble(t, Config{}, logs(), func(f *farm) {
		for _, n := range []int{20, 5, 6, 12, 20} {
			f.send(sealed("web", 1, 0, uint64(n), line(n)), "a")
		}
		want.WriteString(line(20) + line(12))
		if got := read(f.T, filepath.Join(dir, "a.log")); got != want.String() {
			f.Errorf("a.log has %q", got)
		}
		if st := f.sub.Stats(); st.Publishers["web"].Missing != 10 || st.Publishers["web"].Late != 1 || st.Dropped["repeat"] != 5 {
			f.Errorf("counters are %+v, dropped %v", st.Publishers, st.Dropped)
		}
		f.wantLog("publisher=web lines=10 epoch=1 stream=0 first=10 last=19")
	})
	if got := read(t, filepath.Join(dir, "www0-20.log")); got != strings.ReplaceAll(line(20)+line(12), "www0 ", "") {
		t.Errorf("www0-20.log has %q", got)
	}
	sum := verify(t, dir)
	if sum.Lines != 24 || sum.Files != 12 || sum.Unnamed != 0 || len(sum.Missing) != 4 {
		t.Errorf("%+v", sum)
	}
}

// TestIndexAndPlainLines: lines without envelopes are written, too, and what was in the file before stays; a part of a
// line at its end goes.
func TestIndexAndPlainLines(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	if err := os.WriteFile(path, []byte("old\nolder\nto"), 0o600); err != nil {
		t.Fatal(err)
	}
	bubble(t, Config{}, []Log{{Group: "a", File: path, Envelope: EnvelopeIndex}}, func(f *farm) {
		f.send("plain\n", "a")
		f.send(sealed("web", 1, 0, 0, "named\n"), "a")
		f.send("no newline", "a")
		synctest.Wait()
	})
	if got := read(t, path); got != "old\nolder\nplain\nnamed\nno newline" {
		t.Errorf("the file has %q", got)
	}
	if sum := verify(t, dir); sum.Unnamed != int64(len("old\nolder\nplain\nno newline")) || sum.Lines != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestIndexRefused: what cannot be indexed is refused at the start.
func TestIndexRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for want, cfg := range map[string]Config{
		"commands and tables have no index": {Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", File: "|cat", Envelope: EnvelopeIndex}}}}},
		"tables have no index":              {Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", SQL: &sqlsink.Config{}, Envelope: EnvelopeIndex}}}}},
		"needs locked files":                {NoLock: true, Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", File: path, Envelope: EnvelopeIndex}}}}},
		"differ about its index": {Connections: []Connection{{Address: "1", Logs: []Log{
			{Group: "a", File: path, Envelope: EnvelopeIndex}, {Group: "b", File: path},
		}}}},
		"is no plain file": {Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", File: "/dev/null", Envelope: EnvelopeIndex}}}}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) && want != "is no plain file" {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
	cfg := Config{Connections: []Connection{{Address: "1", Logs: []Log{{Group: "a", File: path, Envelope: EnvelopeIndex}}}}}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "another program has the file locked") {
		t.Errorf("a second logsub: %v", err)
	}
	if err := s.closeAll(); err != nil {
		t.Error(err)
	}
}
