//go:build unix

package filesink

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// logHost is a log host that crashes, and what it has promised.
type logHost struct {
	template string
	sync     logfile.Sync
	size     int64 // at which files are cut; 0 for never
	lines    int   // that are sent in all

	came    int // lines that were put
	written int // lines for which Flush has returned
	synced  int // lines for which Sync has returned
}

const streams = 2

// line returns the nth line, from 1 on. Lines alternate between streams and, more slowly, between
// virtual hosts.
func (h *logHost) line(n int) *sink.Line {
	o := envelope.Origin{Publisher: fmt.Sprintf("web%d", n%streams), Epoch: 7}
	return &sink.Line{
		Text: fmt.Appendf(nil, "line %d%s\n", n, strings.Repeat(".", n%13)), VHost: fmt.Appendf(nil, "v%d", n/3%2),
		Stream: o.Key(), Seq: uint64((n + streams - 1) / streams), Time: time.Unix(1, 0), Received: time.Now(),
	}
}

// open starts a log host.
func (h *logHost) open(d *crashfs.Disk) (*Files, *Outlet, error) {
	t, err := logpath.Parse(h.template)
	if err != nil {
		return nil, nil, err
	}
	fs := New(Config{OpenFiles: 1, LimitBytes: 1 << 20, Sync: h.sync, Disk: d, Log: slog.New(slog.DiscardHandler)})
	o, err := fs.Open(Log{Group: "g", Template: t, Index: true, EveryLine: true, Keep: Keeping{Size: h.size}}, time.Now())
	return fs, o, err
}

// put puts a line, unless it has come before.
func (h *logHost) put(o *Outlet, n int) {
	if l := h.line(n); o.IsNew(l.Stream, l.Seq, l.Received) {
		o.Put(l)
	}
}

// run writes all lines. It starts again in between, and reopens its files.
func (h *logHost) run(d *crashfs.Disk) error {
	if err := fsutil.MkdirAll(d, "/logs", 0o755); err != nil {
		return err
	}
	fs, o, err := h.open(d)
	if err != nil {
		return err
	}
	for n := 1; n <= h.lines; n++ {
		h.put(o, n)
		if h.came = n; n%4 == 0 {
			fs.Flush()
			if h.written = n; fs.Waiting() > 0 {
				return errors.New("lines wait after Flush")
			}
		}
		if n%12 == 0 && h.sync == logfile.SyncClose { // as each interval
			if err := fs.Sync(); err != nil {
				return err
			}
			h.synced = n
		}
		switch n {
		case h.lines / 3:
			fs.Reopen()
			h.written = n
		case h.lines / 2:
			if err := fs.Close(); err != nil {
				return err
			}
			h.written, h.synced = n, n
			if fs, o, err = h.open(d); err != nil {
				return err
			}
		}
	}
	err = fs.Close()
	h.written, h.synced = h.lines, h.lines
	return err
}

// check starts again on what is left. All lines that came are sent again, by publishers that do not
// know which of them were written.
func (h *logHost) check(d *crashfs.Disk, power bool) error {
	promised := h.written
	exact := !power || h.sync == logfile.SyncWrites // otherwise the files may have more than their indexes
	switch {
	case exact:
	case h.sync == logfile.SyncClose:
		promised = h.synced
	default:
		promised = 0
	}
	if err := fsutil.MkdirAll(d, "/logs", 0o755); err != nil {
		return err
	}
	files, o, err := h.open(d)
	if err != nil {
		return err
	}
	left, err := h.content(d, !exact)
	if err != nil {
		return err
	}
	for n := 1; n <= promised; n++ {
		if left[n] == 0 {
			return fmt.Errorf("line %d is lost: lines up to %d were written; left are %v", n, promised, left)
		}
	}
	for n := 1; n <= h.came+2; n++ {
		h.put(o, n)
	}
	if err := files.Close(); err != nil {
		return err
	}
	if left, err = h.content(d, !exact); err != nil {
		return err
	}
	for n := 1; n <= h.came+2; n++ {
		never := h.sync == logfile.SyncNever && power // nothing is promised
		if left[n] == 0 && !never || left[n] > 1 && exact {
			return fmt.Errorf("line %d is there %d times after it was sent again", n, left[n])
		}
	}
	if h.sync == logfile.SyncNever && power {
		return nil
	}
	var found []string
	sum, err := lineindex.Verify(d, "/logs", func(f *lineindex.Finding) { found = append(found, f.String()) })
	if err == nil && exact && (len(found) > 0 || len(sum.Missing) > 0) {
		err = fmt.Errorf("verify says %q, missing %v", found, sum.Missing)
	}
	return err
}

// content counts the lines in the files. An error is a line that is not whole, unless there may be some.
func (h *logHost) content(d *crashfs.Disk, damaged bool) (map[int]int, error) {
	lines := make(map[int]int)
	err := fsutil.WalkDir(d, "/logs", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name()[0] == '.' {
			return err
		}
		b, err := d.ReadFile(path)
		if err != nil {
			return err
		}
		for text := range strings.Lines(string(b)) {
			var n int
			if _, err := fmt.Sscanf(text, "line %d", &n); err != nil || text != string(h.line(n).Text) {
				if damaged {
					continue
				}
				return fmt.Errorf("%s has the line %q", path, text)
			}
			lines[n]++
		}
		return nil
	})
	return lines, err
}

// TestPowerCut crashes a log host at each step. A line that was written survives a kill, and with
// SyncWrites a power cut. Lines that are sent again are written if they are missing, and only then.
func TestPowerCut(t *testing.T) {
	for name, h := range map[string]logHost{
		"one file, each write is synced":    {template: "/logs/access.log", sync: logfile.SyncWrites},
		"hosts, each write is synced":       {template: "/logs/%{vhost}/access.log", sync: logfile.SyncWrites},
		"cut by size, each write is synced": {template: "/logs/%{vhost}.log", size: 150, sync: logfile.SyncWrites},
		"hosts, with an interval":           {template: "/logs/%{vhost}/access.log", sync: logfile.SyncClose},
		"cut by size, with an interval":     {template: "/logs/%{vhost}.log", size: 150, sync: logfile.SyncClose},
		"hosts":                             {template: "/logs/%{vhost}/access.log"},
		"cut by size":                       {template: "/logs/%{vhost}.log", size: 150},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashfs.Explore(t, 3, func() crashfs.Work {
				h := h
				h.lines = 28
				return crashfs.Work{Check: h.check, Run: func(d *crashfs.Disk) {
					if err := h.run(d); err != nil {
						t.Error(err)
					}
				}}
			})
		})
	}
}
