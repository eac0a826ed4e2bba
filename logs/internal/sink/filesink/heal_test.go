package filesink

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// TestHealWithoutRoom: a log is healed although lines that wait for another file take all the room.
func TestHealWithoutRoom(t *testing.T) {
	const lines = 10
	open := func(dir string) (*Files, *Outlet, *logpath.Template) {
		template, err := logpath.Parse(filepath.ToSlash(filepath.Join(dir, "log")))
		if err != nil {
			t.Fatal(err)
		}
		fs := New(Config{OpenFiles: 1, LimitBytes: 1000, BatchBytes: 1 << 20, Log: slog.New(slog.DiscardHandler)})
		o, err := fs.Open(Log{Group: "g", Template: template, Index: true, EveryLine: true}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return fs, o, template
	}
	one, two := t.TempDir(), t.TempDir()
	from, o, _ := open(one)
	key := (&envelope.Origin{Publisher: "web", Epoch: 7}).Key()
	for n := range uint64(lines) {
		if o.IsNew(key, n, time.Now()) {
			o.Put(&sink.Line{Text: fmt.Appendf(nil, "line %d\n", n), Stream: key, Seq: n})
		}
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	to, o, template := open(two)
	logfile.New(filepath.Join(two, "none", "x"), logfile.Options{Budget: to.opt.Budget}).Append(make([]byte, 1000))
	got, err := to.Heal(t.Context(), template, lineindex.OSDir(one), 0)
	if err != nil || got.Lines != lines {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range uint64(lines) {
		if o.IsNew(key, n, time.Now()) {
			t.Errorf("line %d counts as missing", n)
		}
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	if c, err := lineindex.OSDir(two).List(); err != nil || len(c) != 1 {
		t.Fatalf("%v, %v", c, err)
	}
	sum, err := lineindex.Verify(to.cfg.Disk, two, func(f *lineindex.Finding) { t.Errorf("%v", f) })
	if err != nil || sum.Lines != lines || len(sum.Missing) > 0 || sum.Gone > 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}
