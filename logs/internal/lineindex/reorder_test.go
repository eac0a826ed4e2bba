package lineindex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// inFiles are the lines of the files of a directory, unpacked.
func inFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	files, err := list(fsutil.OS{}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text := unpackFile(t, file); text != "" {
			m[strings.TrimPrefix(file, dir+"/")] = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", ",")
		}
	}
	return m
}

// heal heals a directory from another one and reports whether lines are in another order there.
func heal(t *testing.T, own, other string, follow bool) Healed {
	t.Helper()
	g := openLog(t, own)
	h := healingOf(g, other)
	h.Follow = follow
	got, err := h.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.close()
	return got
}

// TestReorder: of two log hosts that have lines in another order, one takes over the order and the
// cuts of the other. Then both have the same files.
func TestReorder(t *testing.T) {
	for _, tt := range []struct {
		what              string
		first, second     map[string]string
		want              map[string]string
		parted, unchanged bool
	}{
		{what: "one file", first: map[string]string{"x.log": "a 1,b 1,a 2,b 2"}, second: map[string]string{"x.log": "a 1,a 2,b 1,b 2"}, want: map[string]string{"x.log": "a 1,b 1,a 2,b 2"}, parted: true},
		{
			what: "lines that one lacks", first: map[string]string{"x.log": "a 1,b 1,a 2,b 2"}, second: map[string]string{"x.log": "c 1,a 2,c 2,b 1,c 3"},
			want: map[string]string{"x.log": "a 1,c 1,b 1,a 2,b 2,c 2,c 3"}, parted: true,
		},
		{
			what:  "across a cut",
			first: map[string]string{"x.log.000001": "a 1,a 2", "x.log.000002": "a 3,a 4", "x.log": "a 5"}, second: map[string]string{"x.log.000001": "a 1,a 3", "x.log": "a 2,a 5,a 4"},
			want: map[string]string{"x.log.000001": "a 1,a 2", "x.log.000002": "a 3,a 4", "x.log": "a 5"}, parted: true,
		},
		{
			what:  "fewer files",
			first: map[string]string{"x.log.000001": "a 1,a 2", "x.log": "a 3,a 4,a 5"}, second: map[string]string{"x.log.000001": "a 1,a 2", "x.log.000002": "a 4,a 3", "x.log": "a 5"},
			want: map[string]string{"x.log.000001": "a 1,a 2", "x.log": "a 3,a 4,a 5"}, parted: true,
		},
		{
			what:  "other cuts",
			first: map[string]string{"x.log": "a 1,a 2,a 3,a 4"}, second: map[string]string{"x.log.000001": "a 1,a 2", "x.log": "a 4,a 3"},
			want: map[string]string{"x.log.000001": "a 1,a 2", "x.log": "a 3,a 4"}, parted: true, unchanged: true,
		},
		{
			what:  "lines without names",
			first: map[string]string{"x.log": "a 1,b 1,a 2,b 2"}, second: map[string]string{"x.log": "-,a 1,a 2,-,b 1,b 2"}, want: map[string]string{"x.log": "-,a 1,b 1,a 2,-,b 2"},
			parted: true, unchanged: true,
		},
		{
			what:  "other numbers",
			first: map[string]string{"x.log.000007": "a 1,a 2", "x.log.000008": "a 3,a 4", "x.log": "a 5"}, second: map[string]string{"x.log.000001": "a 1,a 2", "x.log.000002": "a 4,a 3", "x.log": "a 5"},
			want: map[string]string{"x.log.000001": "a 1,a 2", "x.log.000002": "a 3,a 4", "x.log": "a 5"}, parted: true, unchanged: true,
		},
		{what: "the same order", first: map[string]string{"x.log": "a 1,b 1,a 2"}, second: map[string]string{"x.log": "a 1,a 2"}, want: map[string]string{"x.log": "a 1,b 1,a 2"}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			one, two := t.TempDir(), t.TempDir()
			writeLog(t, one, tt.first)
			writeLog(t, two, tt.second)
			if got := heal(t, one, two, false); got.Parted != tt.parted {
				t.Errorf("the first: %+v", got)
			}
			if got := heal(t, two, one, true); (got.Reordered > 0) != tt.parted || got.Parted {
				t.Errorf("the second: %+v", got)
			}
			first, second := inFiles(t, one), inFiles(t, two)
			if !maps.Equal(second, tt.want) {
				t.Errorf("the second has %v, want %v", second, tt.want)
			}
			if !tt.unchanged && !maps.Equal(first, second) {
				t.Errorf("the first has %v, the second %v", first, second)
			}
			if got := heal(t, two, one, true); got.Reordered > 0 {
				t.Errorf("again: %+v", got)
			}
			clean(t, two)
		})
	}
}

// randomLog writes most lines of three publishers in an order of its own, to files that are cut at
// places of its own.
func randomLog(t *testing.T, rng *rand.Rand, dir string) {
	t.Helper()
	var lines []string
	for n := range 60 {
		if rng.IntN(6) > 0 {
			lines = append(lines, fmt.Sprintf("%c %d", 'a'+n%3, n/3))
		}
	}
	for range rng.IntN(30) { // a line that came again, later
		i := rng.IntN(len(lines))
		l := lines[i]
		lines = slices.Insert(slices.Delete(lines, i, i+1), min(len(lines)-1, i+rng.IntN(12)), l)
	}
	files := make(map[string]string)
	for part := 1; rng.IntN(3) > 0 && len(lines) > 20; part++ {
		n := 1 + rng.IntN(10)
		files[fmt.Sprintf("x.log.%06d", part)] = strings.Join(lines[:n], ",")
		lines = lines[n:]
	}
	files["x.log"] = strings.Join(lines, ",")
	writeLog(t, dir, files)
	for name := range files {
		if name != "x.log" && rng.IntN(2) == 0 {
			compressFile(t, filepath.Join(dir, name))
		}
	}
}

// TestReorderRandom: whatever two log hosts have, in whatever order, both have the same files after
// each was healed from the other, with all lines, each once.
func TestReorderRandom(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 8
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 1))
		one, two := t.TempDir(), t.TempDir()
		randomLog(t, rng, one)
		randomLog(t, rng, two)
		heal(t, one, two, false)
		heal(t, two, one, true)
		first, second := inFiles(t, one), inFiles(t, two)
		whole := func(m map[string]string) string {
			var parts []string
			for _, name := range slices.SortedFunc(maps.Keys(m), comparePart) {
				parts = append(parts, m[name])
			}
			return strings.Join(parts, ",")
		}
		if a, b := whole(first), whole(second); a != b {
			t.Fatalf("seed %d: %s\nand %s", seed, a, b)
		}
		if sum := clean(t, two); sum.Repeats > 0 || sum.Gone > 0 {
			t.Fatalf("seed %d: %+v", seed, sum)
		}
	}
}

// crashedLog is a log on a disk that crashes, which is put into the order of another log host.
type crashedLog struct {
	other string
	begun bool // its own lines are on the disk
}

func (c *crashedLog) open(d fsutil.FS) (*Ledger, error) {
	return OpenLedger(d, "/logs/%{vhost}.log", "/logs", time.Unix(1, 0))
}

func (c *crashedLog) heal(d fsutil.FS, l *Ledger) (Healed, error) {
	files := make(map[string]*logfile.File)
	h := &Healing{To: Dir{Disk: d, Root: "/logs"}, From: OSDir(c.other), Ledger: l, Follow: true, Report: func(*Finding) {}}
	h.To.Match = func(path string) bool { return strings.Contains(path, ".log") }
	h.Settle = func() error {
		var err error
		for path, f := range files {
			err = errors.Join(err, f.Close())
			delete(files, path)
		}
		return err
	}
	h.Append = func(path string, name Name, seq uint64, line []byte) error {
		if files[path] == nil {
			files[path] = logfile.New(path, logfile.Options{Disk: d, Journal: l.Writer(), Sync: logfile.SyncWrites})
		}
		files[path].AppendTagged(line, logfile.Tag{Source: l.Stream(name, time.Unix(1, 0)).Source, Number: seq})
		return nil
	}
	got, err := h.Run(context.Background())
	return got, errors.Join(err, h.Settle())
}

func (c *crashedLog) run(d *crashfs.Disk) error {
	if err := fsutil.MkdirAll(d, "/logs", 0o755); err != nil {
		return err
	}
	l, err := c.open(d)
	if err != nil {
		return err
	}
	for _, part := range [][2]string{{"x.log.000001", "a 1,a 3"}, {"x.log.000002", "c 1,c 2"}, {"x.log", "a 2,b 1,a 4"}} {
		f := logfile.New("/logs/"+part[0], logfile.Options{Disk: d, Journal: l.Writer(), Sync: logfile.SyncWrites})
		for text := range strings.SplitSeq(part[1], ",") {
			p, n := testLine(text)
			s := l.Stream(Name{"g", key(p)}, time.Unix(1, 0))
			s.Have.Add(n)
			f.AppendTagged([]byte(text+"\n"), logfile.Tag{Source: s.Source, Number: n})
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := l.Checkpoint(time.Unix(1, 0)); err != nil {
		return err
	}
	c.begun = true
	if got, err := c.heal(d, l); err != nil || got.Reordered == 0 {
		return fmt.Errorf("%+v, %w", got, err)
	}
	return l.Close(true, time.Unix(1, 0))
}

// check starts again, first without the other log host: each line of ours is there once.
func (c *crashedLog) check(d *crashfs.Disk, _ bool) error {
	if !c.begun {
		return nil
	}
	l, err := c.open(d)
	if err != nil {
		return err
	}
	files, err := list(d, "/logs", false)
	if err != nil {
		return err
	}
	text, err := c.read(d, files)
	if err != nil {
		return err
	}
	for _, line := range []string{"a 1", "a 2", "a 3", "a 4", "b 1", "c 1", "c 2"} {
		if n := strings.Count(text, line+"\n"); n != 1 {
			return fmt.Errorf("%s is there %d times: %q", line, n, text)
		}
	}
	if _, err := c.heal(d, l); err != nil {
		return err
	}
	if files, err = list(d, "/logs", false); err != nil {
		return err
	}
	if text, err = c.read(d, files); err == nil && text != "c 1\na 1\na 2\nb 2\nb 1\na 3\nc 2\na 4\n" {
		err = fmt.Errorf("healed again: %q", text)
	}
	return errors.Join(err, l.Close(true, time.Unix(1, 0)))
}

func (c *crashedLog) read(d *crashfs.Disk, files []string) (string, error) {
	var text strings.Builder
	slices.SortFunc(files, comparePart)
	for _, file := range files {
		r, err := openContent(d, file)
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return "", err
		}
		text.Write(b)
	}
	return text.String(), nil
}

// TestReorderPowerCut: a log that is put into the order of another log host has each line once,
// whenever a kill or a power cut ends that, and gets there at the next attempt.
func TestReorderPowerCut(t *testing.T) {
	other := t.TempDir()
	writeLog(t, other, map[string]string{"x.log": "c 1,a 1,a 2,b 2,b 1,a 3,a 4"})
	crashfs.Explore(t, 3, func() crashfs.Work {
		c := &crashedLog{other: other}
		return crashfs.Work{Check: c.check, Run: func(d *crashfs.Disk) {
			if err := c.run(d); err != nil {
				t.Error(err)
			}
		}}
	})
}
