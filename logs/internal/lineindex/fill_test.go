package lineindex

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fillQuietly fills, with nothing to report.
func fillQuietly(t *testing.T, to, from string) Filled {
	t.Helper()
	sum, err := Fill(OSDir(to), OSDir(from), func(f *Finding) { t.Errorf("reported: %v", f) })
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestFill: a file as one log host has it and as the other has it, and the first after it was
// filled from the other.
func TestFill(t *testing.T) {
	for _, tt := range []struct{ what, own, other, want string }{
		{"nothing is missing", "a 1,b 1", "a 1,b 1", "a 1,b 1"},
		{"it has more", "a 1,b 1,a 2", "b 1", "a 1,b 1,a 2"},
		{"away in the middle", "a 1,b 1,b 4", "a 1,b 1,a 2,b 2,b 3,b 4", "a 1,b 1,a 2,b 2,b 3,b 4"},
		{"away at the end", "a 1", "a 1,a 2,b 2", "a 1,a 2,b 2"},
		{"away at the beginning", "b 2", "a 1,a 2,b 2", "a 1,a 2,b 2"},
		{"both away, at different times", "a 1,a 2,a 5,a 6", "a 1,a 3,a 4,a 5", "a 1,a 2,a 3,a 4,a 5,a 6"},
		{"apart from each other", "a 1,b 1,b 2,a 9", "a 1,a 2,a 3,a 9", "a 1,a 2,a 3,b 1,b 2,a 9"},
		{"apart, the other way", "a 1,a 2,a 3,a 9", "a 1,b 1,b 2,a 9", "a 1,a 2,a 3,b 1,b 2,a 9"},
		{"one after the other", "a 1,z 1,b 5,a 9", "a 1,b 6,a 9", "a 1,z 1,b 5,b 6,a 9"},
		{"the other one first", "a 1,b 6,a 9", "a 1,z 1,b 5,a 9", "a 1,z 1,b 5,b 6,a 9"},
		{"another order", "a 1,a 2,a 3,a 4", "a 1,a 3,b 1,a 2,a 4,b 2", "a 1,a 2,a 3,b 1,a 4,b 2"},
		{"plain lines stay where they are", "-,a 1,--,a 3", "a 1,---,a 2,a 3", "-,a 1,--,a 2,a 3"},
	} {
		own, other := t.TempDir(), t.TempDir()
		writeLog(t, own, map[string]string{"x.log": tt.own})
		writeLog(t, other, map[string]string{"x.log": tt.other})
		fillQuietly(t, own, other)
		if got := has(t, own, "x.log"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.want)
		}
		clean(t, own)
		if got := has(t, other, "x.log"); got != tt.other {
			t.Errorf("%s: the other has changed: %s", tt.what, got)
		}
		if again := fillQuietly(t, own, other); again != (Filled{}) {
			t.Errorf("%s: filled again: %+v", tt.what, again)
		}
		// What was filled in has come.
		g := openLog(t, own)
		g.add("y.log", tt.want+",-")
		g.close()
		if got := has(t, own, "y.log"); strings.ContainsAny(got, "ab") {
			t.Errorf("%s: written again were %s", tt.what, got)
		}
	}
}

// TestFillFiles: files that are not there are made; a line that stands in another file of the log
// is not missing; and parts of one file are one.
func TestFillFiles(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	writeLog(t, own, map[string]string{
		"moved.log":      "a 50,a 52",
		"cut.log.000001": "a 1,a 2", "cut.log.000002": "a 3,a 9", "cut.log": "a 10,a 13",
	})
	writeLog(t, other, map[string]string{
		"moved.log": "a 50", "else.log": "a 51,a 52", "new.log": "b 1,b 2",
		"cut.log.000001": "a 1,a 2,a 3,a 4", "cut.log.000002": "a 5,a 6", "cut.log.000003": "a 7,a 8,a 9,a 10,a 11", "cut.log": "a 12,a 13,a 14",
	})
	got := fillQuietly(t, own, other)
	if got.Lines != 11 || got.Files != 4 || got.Left != 0 {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{
		"moved.log": "a 50,a 52", "else.log": "a 51", "new.log": "b 1,b 2",
		"cut.log.000001": "a 1,a 2", "cut.log.000002": "a 3,a 4,a 5,a 6,a 7,a 8,a 9", "cut.log": "a 10,a 11,a 12,a 13,a 14",
	} {
		if got := has(t, own, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	if sum := clean(t, own); sum.Lines != 14+5 || len(sum.Missing) != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestFillRefuses: files in use, and damaged ones, stay as they are, and that is reported and
// counted.
func TestFillRefuses(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	g := openLog(t, own)
	g.add("used.log", "a 1,a 3")
	g.add("free.log", "a 11,a 13")
	if err := g.file("free.log").Close(); err != nil {
		t.Fatal(err)
	}
	delete(g.files, "free.log")
	writeLog(t, other, map[string]string{"used.log": "a 1,a 2,a 3", "free.log": "a 11,a 12,a 13", "bad.log": "a 21,a 22"})
	if err := os.WriteFile(filepath.Join(other, "bad.log"), []byte("a 21\nb 22\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var reports []string
	got, err := Fill(OSDir(own), OSDir(other), func(f *Finding) { reports = append(reports, f.String()) })
	if err != nil {
		t.Fatal(err)
	}
	if got.Lines != 1 || got.Left != 3 || len(reports) != 2 || !strings.Contains(reports[0], "used.log: not filled: another program writes it") || !strings.Contains(reports[1], "logsub is running") {
		t.Errorf("%+v, reported: %q", got, reports)
	}
	g.close()
	if a, b := has(t, own, "used.log"), has(t, own, "free.log"); a != "a 1,a 3" || b != "a 11,a 12,a 13" {
		t.Errorf("%s, %s", a, b)
	}
	clean(t, own)
	if _, err := Fill(OSDir(own), OSDir(t.TempDir()), nil); err == nil || !strings.Contains(err.Error(), "has no indexes") {
		t.Errorf("from nothing: %v", err)
	}
}

// TestFillCrashes: whatever moment the machine ends at, file and index fit each other, nothing is
// lost, and the next fill ends the work.
func TestFillCrashes(t *testing.T) {
	for step := range numFillSteps {
		for _, old := range []string{"", "a 1,a 4"} {
			own, other := t.TempDir(), t.TempDir()
			writeLog(t, other, map[string]string{"x.log": "a 1,a 2,a 3,a 4"})
			if old != "" {
				writeLog(t, own, map[string]string{"x.log": old})
			}
			f := &filler{to: OSDir(own), from: OSDir(other), report: func(f *Finding) { t.Errorf("reported: %v", f) }, crash: func(at fillStep) error {
				if at == step {
					return errCrash
				}
				return nil
			}}
			if err := f.run(); !errors.Is(err, errCrash) {
				t.Fatalf("step %d: %v", step, err)
			}
			if step == fillWritten && old != "" && has(t, own, "x.log") != old {
				t.Errorf("step %d: the file has changed", step)
			}
			fillQuietly(t, own, other)
			if got := has(t, own, "x.log"); got != "a 1,a 2,a 3,a 4" {
				t.Errorf("step %d, with %q: %s", step, old, got)
			}
			if sum := clean(t, own); sum.Lines != 4 || sum.Unnamed != 0 {
				t.Errorf("step %d: %+v", step, sum)
			}
			left, err := filepath.Glob(filepath.Join(own, ".*"+fillExt))
			next, err2 := filepath.Glob(filepath.Join(own, ".*"+nextExt))
			if err != nil || err2 != nil || len(left)+len(next) > 0 {
				t.Errorf("step %d: left are %v, %v", step, left, next)
			}
		}
	}
}

// TestFillRandom: two hosts that were away now and then, each while the other was there, have the
// same files once each is filled from what the other had, and all lines in the order of both.
func TestFillRandom(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		dirs := []string{t.TempDir(), t.TempDir()}
		logs := []*testLog{openLog(t, dirs[0]), openLog(t, dirs[1])}
		away, until := 0, 0
		var want strings.Builder
		next := map[string]int{}
		for n := range 800 {
			if n >= until {
				away, until = r.IntN(4), n+1+r.IntN(100)
			} else if n == until-1 {
				away = -1 // a line that both have
			}
			p := fmt.Sprint("web", r.IntN(3))
			line := fmt.Sprintf("%s %d", p, next[p])
			next[p]++
			want.WriteString("," + line)
			for i, g := range logs {
				if away != i {
					g.add("x.log", line)
				}
			}
		}
		logs[0].close()
		logs[1].close()
		first := fillQuietly(t, dirs[0], dirs[1])
		second := fillQuietly(t, dirs[1], dirs[0])
		if first.Lines == 0 || second.Lines == 0 {
			t.Errorf("seed %d: %+v, %+v", seed, first, second)
		}
		for _, dir := range dirs {
			if got := has(t, dir, "x.log"); got != want.String()[1:] {
				t.Errorf("seed %d: they differ", seed)
			}
			if sum := clean(t, dir); sum.Lines != 800 || len(sum.Missing) > 0 {
				t.Errorf("seed %d: %+v", seed, sum)
			}
		}
	}
}

// TestFillCompressed: compressed files are read, and written anew as such.
func TestFillCompressed(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	writeLog(t, own, map[string]string{"x.log": "a 1,a 4", "y.log": "b 1"})
	writeLog(t, other, map[string]string{"x.log": "a 1,a 2,a 3,a 4", "y.log": "b 1,b 2", "z.log": "b 3"})
	for _, p := range []string{own + "/x.log", other + "/y.log", other + "/z.log"} {
		compressFile(t, p)
	}
	before := time.Now().Add(-time.Hour).Round(time.Second)
	if err := os.Chtimes(own+"/x.log.gz", before, before); err != nil {
		t.Fatal(err)
	}
	fillQuietly(t, own, other)
	clean(t, own)
	if got := unpackFile(t, own+"/x.log"); got != "a 1\na 2\na 3\na 4\n" {
		t.Errorf("x.log has %q", got)
	}
	if st, err := os.Stat(own + "/x.log.gz"); err != nil || !st.ModTime().Equal(before) {
		t.Errorf("x.log.gz: %v", err)
	}
	if y, z := has(t, own, "y.log"), has(t, own, "z.log"); y != "b 1,b 2" || z != "b 3" {
		t.Errorf("%s, %s", y, z)
	}
	// Lines may follow the compressed ones.
	g := openLog(t, own)
	g.add("x.log", "a 4,a 5")
	g.close()
	clean(t, own)
	if got := unpackFile(t, own+"/x.log"); got != "a 1\na 2\na 3\na 4\na 5\n" {
		t.Errorf("x.log has %q", got)
	}
}
