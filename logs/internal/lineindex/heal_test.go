package lineindex

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// healingOf is a healing of a log of which all files are closed.
func healingOf(g *testLog, from string) *Healing {
	h := &Healing{To: OSDir(g.dir), From: OSDir(from), Ledger: g.l, Report: func(f *Finding) { g.Errorf("reported: %v", f) }}
	h.To.Match = func(path string) bool { return strings.Contains(path, ".log") }
	h.Settle = func() error {
		g.closeFiles()
		return nil
	}
	h.Append = func(path string, name Name, seq uint64, line []byte) error {
		st := g.l.Stream(name, time.Now())
		if st.Have.Has(seq) {
			return errors.New("the line is there")
		}
		rel, err := filepath.Rel(g.dir, path)
		if err != nil {
			return err
		}
		g.file(rel).AppendTagged(line, logfile.Tag{Source: st.Source, Number: seq})
		return nil
	}
	return h
}

func (g *testLog) closeFiles() {
	g.Helper()
	for name, f := range g.files {
		if err := f.Close(); err != nil {
			g.Error(err)
		}
		delete(g.files, name)
	}
}

// TestHeal: a log is healed while its ledger is open, by appending where that is enough, and is not
// given what it has had; then lines that it has are dropped.
func TestHeal(t *testing.T) {
	for _, tt := range []struct {
		what, own, had, other, want string
		ahead                       bool
	}{
		{"the end", "a 1,b 1", "", "a 1,b 1,a 2,b 2", "a 1,b 1,a 2,b 2", false},
		{"the middle", "a 1,a 4", "", "a 1,a 2,a 3,a 4", "a 1,a 2,a 3,a 4", false},
		{"all", "", "", "a 1,a 2", "a 1,a 2", false},
		{"both", "a 1,b 5", "", "a 1,a 2", "a 1,a 2,b 5", true},
		{"removed here", "a 4", "a 1,a 2", "a 1,a 2,a 3,a 4", "a 3,a 4", false},
	} {
		own, other := t.TempDir(), t.TempDir()
		writeLog(t, other, map[string]string{"x.log": tt.other})
		g := openLog(t, own)
		if tt.own != "" {
			g.add("x.log", tt.own)
		}
		for text := range strings.SplitSeq(tt.had, ",") {
			if p, n := testLine(text); p != "" {
				g.l.Stream(Name{"g", key(p)}, time.Now()).Have.Add(n)
			}
		}
		g.closeFiles()
		got, err := healingOf(g, other).Run(t.Context())
		if err != nil || got.Ahead != tt.ahead {
			t.Errorf("%s: %+v, %v", tt.what, got, err)
		}
		g.closeFiles()
		if again, err := healingOf(g, other).Run(t.Context()); err != nil || again.Lines > 0 {
			t.Errorf("%s, again: %+v, %v", tt.what, again, err)
		}
		g.add("y.log", tt.want+",-")
		g.close()
		if got := has(t, own, "x.log"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.want)
		}
		if got := has(t, own, "y.log"); got != "-" {
			t.Errorf("%s: written again were %s", tt.what, got)
		}
		clean(t, own)
	}
}

// TestHealAlternating: the lines of a file may be every other line of their stream, and more of them
// than a ledger has ranges.
func TestHealAlternating(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	files := [2][]string{}
	for n := range 3 * envelope.MaxSpans {
		files[n%2] = append(files[n%2], fmt.Sprint("a ", n))
	}
	writeLog(t, other, map[string]string{"x.log": strings.Join(files[0], ","), "y.log": strings.Join(files[1], ",")})
	g := openLog(t, own)
	if got, err := healingOf(g, other).Run(t.Context()); err != nil || got.Lines != 3*envelope.MaxSpans {
		t.Errorf("%+v, %v", got, err)
	}
	if spans := g.l.Stream(Name{"g", key("a")}, time.Now()).Have.Spans(); len(spans) != 1 || spans[0].First != 0 {
		t.Errorf("the ledger has %v", spans)
	}
	g.close()
}

// growing is a log host that goes on writing: each time that one of its indexes has been opened, it
// writes a number of lines, which go to x.log and y.log in turn.
type growing struct {
	Dir
	log  *testLog
	by   int
	next int
	last int // number at which it ends

	opened, fail int // number of indexes that were opened, and of the one that fails
}

func (g *growing) grow() {
	for range g.by {
		if g.next > g.last {
			return
		}
		g.log.write([2]string{"x.log", "y.log"}[g.next%2], fmt.Sprint("a ", g.next))
		if g.next%20 == 0 {
			g.log.write("x.log", fmt.Sprint("b ", g.next/20))
		}
		g.next++
	}
	for name := range g.log.files {
		g.log.flush(name)
	}
}

// Index implements [Source].
func (g *growing) Index(e Entry) (io.ReadCloser, error) {
	if g.opened++; g.opened == g.fail {
		return nil, ErrChanged
	}
	r, err := g.Dir.Index(e)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	g.grow()
	return io.NopCloser(bytes.NewReader(b)), errors.Join(err, r.Close())
}

// TestHealGrowing: the other log host writes on, while its files are read one after another. What
// it has then written comes here by itself, and is written once, in the same order; also if the
// first attempt fails.
func TestHealGrowing(t *testing.T) {
	for fail := range 12 {
		testHealGrowing(t, fail)
	}
}

// testHealGrowing has the index fail that is opened as number fail, if that is not 0.
func testHealGrowing(t *testing.T, fail int) {
	t.Helper()
	own, other := t.TempDir(), t.TempDir()
	g := &growing{Dir: OSDir(other), log: openLog(t, other), by: 2 * envelope.MaxSpans, last: 50 * envelope.MaxSpans, fail: fail}
	g.grow()
	ours := openLog(t, own)
	h := healingOf(ours, other)
	h.From = g
	_, err := h.Run(t.Context())
	if fail > 0 && g.opened >= fail {
		if !errors.Is(err, ErrChanged) {
			t.Fatalf("the index %d: %v", fail, err)
		}
		ours.closeFiles()
		_, err = h.Run(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if g.next > g.last {
		t.Errorf("the healing read on as long as the other host wrote: %d indexes", g.opened)
	}
	ours.closeFiles()
	spans := ours.l.Stream(Name{"g", key("a")}, time.Now()).Have.Spans()
	if len(spans) == 0 || len(spans) == envelope.MaxSpans || spans[0].First != 0 {
		t.Errorf("%d: the ledger has %d spans, the first of them %v", fail, len(spans), spans[:min(1, len(spans))])
	}
	for g.next <= g.last {
		g.grow()
	}
	for n := range g.next {
		ours.write([2]string{"x.log", "y.log"}[n%2], fmt.Sprint("a ", n))
		if n%20 == 0 {
			ours.write("x.log", fmt.Sprint("b ", n/20))
		}
	}
	ours.close()
	g.log.close()
	for _, name := range []string{"x.log", "y.log"} {
		if has(t, own, name) != has(t, other, name) {
			t.Errorf("%d: %s differs", fail, name)
		}
	}
	if sum, err := Verify(fsutil.OS{}, own, func(*Finding) {}); err != nil || sum.Repeats > 0 {
		t.Errorf("%d: %+v, %v", fail, sum, err)
	}
	t.Logf("%d: %d indexes were opened", fail, g.opened)
}

// TestHealCrashes: whatever moment the machine ends at, the next start knows which lines are in the
// files, and heals what is missing.
func TestHealCrashes(t *testing.T) {
	for step := range numFillSteps {
		own, other := t.TempDir(), t.TempDir()
		writeLog(t, other, map[string]string{"x.log": "a 1,a 2,a 3,a 4", "y.log": "b 1,b 2"})
		writeLog(t, own, map[string]string{"x.log": "a 1,a 4"})
		g := openLog(t, own)
		h := healingOf(g, other)
		h.crash = func(at fillStep) error {
			if at == step {
				return errCrash
			}
			return nil
		}
		if _, err := h.Run(t.Context()); !errors.Is(err, errCrash) {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := g.l.Close(false, time.Now()); err != nil {
			t.Fatal(err)
		}
		g = openLog(t, own)
		// A line that its publisher sends again before the log is healed.
		g.add("x.log", "a 4")
		g.closeFiles()
		if _, err := healingOf(g, other).Run(t.Context()); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
		g.close()
		if x, y := has(t, own, "x.log"), has(t, own, "y.log"); x != "a 1,a 2,a 3,a 4" || y != "b 1,b 2" {
			t.Errorf("step %d: %s; %s", step, x, y)
		}
		if sum := clean(t, own); sum.Repeats > 0 {
			t.Errorf("step %d: %+v", step, sum)
		}
	}
}

// fullDisk has no room for a file that a healing writes anew, or cannot give its index its name.
type fullDisk struct {
	fsutil.OS
	path    string // of the log file that cannot be written; empty if all can
	renames bool   // fail for indexes
}

type fullFile struct{ fsutil.File }

func (fullFile) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func (d *fullDisk) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (fsutil.File, error) {
	f, err := d.OS.OpenFile(path, flag, perm, devices)
	if err == nil && d.path != "" && path == hidden(d.path, fillExt) {
		return fullFile{f}, nil
	}
	return f, err
}

func (d *fullDisk) Rename(from, to string) error {
	if d.renames && strings.HasSuffix(from, nextExt) {
		return syscall.EIO
	}
	return d.OS.Rename(from, to)
}

// TestHealFullDisk: lines that were copied to a file for which the disk has no room have not come. They come again, from their
// publisher or another log host; those of files that are in place do not.
func TestHealFullDisk(t *testing.T) {
	for _, tt := range []struct {
		what, full string // a log file
		renames    bool
		came       string // lines that the ledger has, or not
		lacks      string
	}{
		{"the only file", "y.log", false, "a 1,a 2,a 3,a 4,b 1,b 3", "b 2"},
		{"the first of two files", "x.log", false, "a 1,a 4,b 1,b 3", "a 2,a 3,b 2"},
		{"an index without its name", "", true, "a 1,a 2,a 3,a 4,b 1,b 3", "b 2"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			own, other := t.TempDir(), t.TempDir()
			all := map[string]string{"x.log": "a 1,a 2,a 3,a 4", "y.log": "b 1,b 2,b 3"}
			writeLog(t, other, all)
			writeLog(t, own, map[string]string{"x.log": "a 1,a 4", "y.log": "b 1,b 3"})
			g := openLog(t, own)
			h := healingOf(g, other)
			disk := &fullDisk{renames: tt.renames}
			if tt.full != "" {
				disk.path = filepath.Join(own, tt.full)
			}
			h.To.Disk = disk
			if got, err := h.Run(t.Context()); err == nil {
				t.Fatalf("no error; healed are %+v", got)
			}
			for lines, want := range map[string]bool{tt.came: true, tt.lacks: false} {
				for text := range strings.SplitSeq(lines, ",") {
					p, n := testLine(text)
					if is := g.l.Stream(Name{"g", key(p)}, time.Now()).Have.Has(n); is != want {
						t.Errorf("the ledger has %s: %t, want %t", text, is, want)
					}
				}
			}
			if _, err := healingOf(g, other).Run(t.Context()); err != nil {
				t.Error(err)
			}
			g.close()
			for name, want := range all {
				if got := has(t, own, name); got != want {
					t.Errorf("with room, %s: %s, want %s", name, got, want)
				}
			}
			if sum := clean(t, own); sum.Repeats > 0 || sum.Gone > 0 || len(sum.Missing) > 0 {
				t.Errorf("%+v", sum)
			}
		})
	}
}
