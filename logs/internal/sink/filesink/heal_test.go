package filesink

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
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
	got, err := to.Heal(t.Context(), template, lineindex.OSDir(one), 0, false)
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

// smallDisk has room for some bytes of files; negative for all.
type smallDisk struct {
	fsutil.OS
	room *atomic.Int64
}

type smallFile struct {
	fsutil.File
	room *atomic.Int64
}

func (d smallDisk) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (fsutil.File, error) {
	f, err := d.OS.OpenFile(path, flag, perm, devices)
	if err != nil {
		return nil, err
	}
	return smallFile{f, d.room}, nil
}

func (f smallFile) Write(b []byte) (int, error) {
	if room := f.room.Load(); room >= 0 && !strings.HasPrefix(filepath.Base(f.Name()), ".") {
		if room < int64(len(b)) {
			return 0, syscall.ENOSPC
		}
		f.room.Add(-int64(len(b)))
	}
	return f.File.Write(b)
}

// openHealed starts a log host with the log "a" in a directory.
func openHealed(t *testing.T, dir string, room *atomic.Int64, limit int) (*Files, *Outlet, *logpath.Template) {
	t.Helper()
	tpl, err := logpath.Parse(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	files := New(Config{OpenFiles: 1, LimitBytes: limit, Disk: smallDisk{room: room}, Log: slog.New(slog.DiscardHandler)})
	o, err := files.Open(Log{Group: "g", Template: tpl, Index: true, EveryLine: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return files, o, tpl
}

// TestHealToFullDisk: lines of another log host for which there is no room, in memory or on the
// disk, do not count as lines that have come, and those that wait in memory do.
func TestHealToFullDisk(t *testing.T) {
	const lines = 1000
	stream := (&envelope.Origin{Publisher: "web", Epoch: 7}).Key()
	var unlimited atomic.Int64
	unlimited.Store(-1)
	theirs := t.TempDir()
	other, o, _ := openHealed(t, theirs, &unlimited, 1<<20)
	for n := range uint64(lines) {
		if o.IsNew(stream, n, time.Now()) {
			o.Put(&sink.Line{Text: fmt.Appendf(nil, "line %3d\n", n), Stream: stream, Seq: n, Time: time.Unix(1, 0), Received: time.Now()})
		}
	}
	if other.Flush(); other.Close() != nil {
		t.Fatal("the other log host is not closed")
	}
	for name, room := range map[string]int64{"memory": -1, "disk": 2000} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Int64
			left.Store(room)
			dir := t.TempDir()
			files, o, tpl := openHealed(t, dir, &left, 500)
			_, err := files.Heal(t.Context(), tpl, lineindex.OSDir(theirs), 0, false)
			if (err != nil) != (room >= 0) || files.Settled() != (room < 0) {
				t.Errorf("healing: %v, settled: %v", err, files.Settled())
			}
			left.Store(-1)
			files.Tick(time.Now())
			if !files.Settled() {
				t.Error("lines wait although there is room")
			}
			written, err := os.ReadFile(filepath.Join(dir, "a"))
			if err != nil {
				t.Fatal(err)
			}
			for n := range uint64(lines) {
				if is := strings.Count(string(written), fmt.Sprintf("line %3d\n", n)); (is == 1) == o.IsNew(stream, n, time.Now()) || is > 1 {
					t.Fatalf("line %d is there %d times, which is not what the ledger says", n, is)
				}
			}
			if err := files.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
