package lineindex

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/fields"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// TestGolden holds the bytes: indexes live as long as logs do.
func TestGolden(t *testing.T) {
	var e encoder
	e.reset()
	b := appendSection(nil, "/d/%Y")
	web := e.declare(Name{"g", "k"})
	e.line(web, 300, 5)
	e.line(web, 301, 6)
	e.line(0, 0, 7)
	b = e.batch(b, 1, 2, 0x01020304, true)
	b = appendUnnamed(b, 1, 20, 9)
	if want := "\x07\x00\x00\x00\x94\xce\xdboS\x05/d/%Y\x07\x00\x00\x00"; !bytes.HasPrefix(b, []byte(want)) {
		t.Errorf("the section is %q, want %q", b[:19], want)
	}
	if !bytes.Contains(b, []byte("B\x01\x01\x02\x12\x04\x03\x02\x01\x01\x01g\x01k\x03\x02\xac\x02\x05\x03\x06\x00\x07\x17\x00\x00\x00")) {
		t.Errorf("the batch is not there: %q", b)
	}
	if !bytes.Contains(b, []byte("U\x01\x14\x09\x04\x00\x00\x00")) {
		t.Errorf("the unnamed bytes are not there: %q", b)
	}
	r := &reader{s: newScanner(bytes.NewReader(b), 0)}
	first, err := r.next()
	if err != nil {
		t.Fatal(err)
	}
	name := &Name{"g", "k"}
	for i, want := range []Line{{name, 300, 2, 5}, {name, 301, 7, 6}, {nil, 0, 13, 7}} {
		got := first.lines[i]
		if (got.Name == nil) != (want.Name == nil) || got.Name != nil && *got.Name != *want.Name || got.Seq != want.Seq || got.Off != want.Off || got.Len != want.Len {
			t.Errorf("line %d is %+v", i, got)
		}
	}
	if first.crc != 0x01020304 || first.base != 1 || first.end() != 20 || r.d.template != "/d/%Y" {
		t.Errorf("%+v", first)
	}
	if second, err := r.next(); err != nil || !second.isUnnamed() || second.end() != 29 {
		t.Errorf("%+v, %v", second, err)
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// FuzzIndex: any bytes are read or refused.
func FuzzIndex(f *testing.F) {
	var e encoder
	e.reset()
	b := appendSection(nil, "t")
	e.line(e.declare(Name{"g", "k"}), 1, 2)
	f.Add(append(b, e.batch(nil, 0, 0, 0, true)...))      // what a log has
	f.Add(appendUnnamed(appendSection(nil, ""), 1, 2, 3)) // bytes without a name
	f.Add([]byte("\xff\xff\xff\x3f\x00\x00\x00\x00"))     // a long record that is not there
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		r := &reader{s: newScanner(bytes.NewReader(b), 0)}
		for {
			got, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, ErrDamaged) {
					t.Error(err)
				}
				break
			}
			at := got.start
			for _, l := range got.lines {
				if l.Off != at {
					t.Fatalf("a line at %d, where %d is next", l.Off, at)
				}
				at += l.Len
			}
			if at != got.end() {
				t.Fatalf("lines end at %d, the batch at %d", at, got.end())
			}
		}
		// The payloads by themselves, whose checksums rarely match.
		var d decoder
		var got batch
		for len(b) > 0 {
			n := min(len(b), 1+int(b[0]))
			_, _ = d.decode(b[:n], &got)
			b = b[n:]
		}
	})
}

// FuzzLedger: any bytes are a ledger or refused.
func FuzzLedger(f *testing.F) {
	s := &Stream{Name: Name{"g", "k"}, used: 5}
	s.Have.AddSpan(envelope.Span{First: 1, Last: 1<<64 - 1})
	f.Add(frame([]byte(ledgerMagic), s.append))
	f.Add(frame([]byte(ledgerMagic), func(b []byte) []byte { return append(b, "T\x01pGENERATE\x10"...) }))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		file, err := crashfs.New().OpenFile("/x", os.O_RDWR|os.O_CREATE, 0o600, false)
		if err == nil {
			_, err = file.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		l := &Ledger{f: file, byName: make(map[Name]*Stream), bySource: make(map[uint32]*Stream)}
		_, _ = l.read()
	})
}

// state copies the files of a directory.
func state(t *testing.T, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestCut: whatever the file has got of what its index says, they fit each other after the next
// start, lines that are whole are not written again, and those that are not, are.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	g := openLog(t, dir)
	g.add("x.log", "a 1,b 1,-,a 2")
	g.add("x.log", "a 3,b 2,--")
	g.close()
	whole := has(t, dir, "x.log")
	size := len(whole) + 1
	for n := range size + 1 {
		// The ledger of a start before: it knows only where the index began.
		cut := state(t, dir)
		if err := os.Truncate(filepath.Join(cut, "x.log"), int64(n)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(LedgerPath(filepath.Join(cut, "%{vhost}.log"), cut)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		g := openLog(t, cut)
		if err := g.l.touch(filepath.Join(cut, "x.log"), 0, 0); err != nil {
			t.Fatal(err)
		}
		_ = g.l.Close(false, time.Now()) // as if killed
		g = openLog(t, cut)
		g.add("x.log", "a 1,b 1,a 2,a 3,b 2")
		g.close()
		sum := clean(t, cut)
		got := has(t, cut, "x.log")
		lines := strings.Split(got, ",")
		slices.Sort(lines)
		named := slices.DeleteFunc(lines, func(s string) bool { return s == "-" || s == "--" })
		if !slices.Equal(named, []string{"a 1", "a 2", "a 3", "b 1", "b 2"}) || sum.Lines != 5 {
			t.Errorf("of %d bytes: %s, %+v", n, got, sum)
		}
		kept := (whole + ",")[:n]
		if kept = kept[:strings.LastIndexByte(","+kept, ',')]; !strings.HasPrefix(got, strings.TrimSuffix(kept, ",")) {
			t.Errorf("of %d bytes: %s", n, got)
		}
	}
}

// TestDamage: whatever a machine's end or a disk makes of file and index, they fit each other after
// the next start, lines are whole, and nothing that was in the file is gone but the end of one
// line.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	g := openLog(t, dir)
	for i := range 50 {
		g.add("x.log", fmt.Sprintf("a %d,b %d,-", i, i))
	}
	g.close()
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	names := []string{"x.log", ".x.log.index"}
	for round := range 200 {
		broken := state(t, dir)
		var what strings.Builder
		for range 1 + r.IntN(2) {
			name := names[r.IntN(len(names))]
			path := filepath.Join(broken, name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) == 0 {
				continue // it was cut to nothing just now
			}
			at := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b = b[:at]
				what.WriteString(fmt.Sprintf(" %s cut at %d", name, at))
			case 1:
				if name == names[0] {
					continue // a log that has other bytes is one that has them
				}
				b[at] ^= 1 << r.IntN(8)
				what.WriteString(fmt.Sprintf(" %s changed at %d", name, at))
			case 2:
				clear(b[at:])
				what.WriteString(fmt.Sprintf(" %s has zeros from %d", name, at))
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before, err := os.ReadFile(filepath.Join(broken, "x.log"))
		if err != nil {
			t.Fatal(err)
		}
		g := openLog(t, broken)
		g.add("x.log", "a 100,b 100")
		g.close()
		after, err := os.ReadFile(filepath.Join(broken, "x.log"))
		if err != nil {
			t.Fatal(err)
		}
		kept := before[:bytes.LastIndexByte(before, '\n')+1]
		if !bytes.HasPrefix(after, kept) || !bytes.HasSuffix(after, []byte("a 100\nb 100\n")) {
			t.Errorf("round %d,%s: the file had %q and has %q", round, what.String(), before, after)
		}
		if _, err := Verify(fsutil.OS{}, broken, func(f *Finding) {
			if strings.Contains(what.String(), "index changed") {
				return // a start looks at its end only
			}
			if !strings.Contains(f.What, "ends where the index says") && !strings.Contains(f.What, "differ from what was written") { // zeros in the middle
				t.Errorf("round %d,%s: %v", round, what.String(), f)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}

// TestRenamed: an index follows its file when another program renames it, before and after the
// signal, and while nobody is there.
func TestRenamed(t *testing.T) {
	dir := t.TempDir()
	g := openLog(t, dir)
	path := filepath.Join(dir, "x.log")
	g.add("x.log", "a 1,a 2")
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	g.add("x.log", "a 3")
	if err := g.file("x.log").Reopen(); err != nil {
		t.Fatal(err)
	}
	g.add("x.log", "a 3,a 4")
	g.close()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	g = openLog(t, dir)
	g.add("x.log", "a 1,a 4,a 5")
	if err := g.file("x.log").Rotate(path + ".3"); err != nil {
		t.Fatal(err)
	}
	g.add("x.log", "a 5,a 6")
	g.close()
	for name, want := range map[string]string{"x.log.2": "a 1,a 2,a 3", "x.log.1": "a 4", "x.log.3": "a 5", "x.log": "a 6"} {
		if got := has(t, dir, name); got != want {
			t.Errorf("%s has %s", name, got)
		}
	}
	if sum := clean(t, dir); sum.Lines != 6 || sum.Files != 4 || sum.Unnamed != 0 {
		t.Errorf("%+v", sum)
	}
}

// TestLedgerBound: streams that are silent for long, or too many, are forgotten; the others are
// not.
func TestLedgerBound(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLedger(fsutil.OS{}, filepath.Join(dir, "x"), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	old := l.Stream(Name{"g", "old"}, now.Add(-ForgetAfter-time.Hour))
	kept := l.Stream(Name{"g", "kept"}, now)
	kept.Have.Add(5)
	if err := l.Checkpoint(now); err != nil {
		t.Fatal(err)
	}
	if old.Known() || !kept.Known() {
		t.Error("the wrong one is forgotten")
	}
	for i := range MaxStreams + 10 {
		l.Stream(Name{"g", fmt.Sprint(i)}, now.Add(time.Duration(i)*time.Second))
		kept.Use(now.Add(time.Duration(i) * time.Second))
	}
	if len(l.byName) > MaxStreams || len(l.byName) != len(l.bySource) || !kept.Known() || l.byName[Name{"g", "0"}] != nil {
		t.Errorf("%d streams", len(l.byName))
	}
	if err := l.Close(true, now); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLedger(fsutil.OS{}, filepath.Join(dir, "x"), dir, now); err != nil {
		t.Fatal(err)
	}
	if !l.Stream(kept.Name, now).Have.Has(5) {
		t.Error("what was there is gone")
	}
	if _, err := OpenLedger(fsutil.OS{}, filepath.Join(dir, "x"), dir, now); !errors.Is(err, logfile.ErrLocked) {
		t.Errorf("a second one: %v", err)
	}
	if err := l.Close(false, now); err != nil {
		t.Error(err)
	}
}

// TestVerify: what is wrong is found.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	for what, tt := range map[string]struct {
		change func(path string, b []byte) []byte
		want   string
	}{
		"a changed byte": {func(_ string, b []byte) []byte { b[6] = 'x'; return b }, "at byte 0: 16 bytes differ from what was written"},
		"a cut file":     {func(_ string, b []byte) []byte { return b[:8] }, "at byte 8: the file ends here; its index describes 8 more bytes"},
		"a longer one":   {func(_ string, b []byte) []byte { return append(b, "more\n"...) }, "at byte 16: 5 bytes are not in the index"},
	} {
		sub := filepath.Join(dir, strings.ReplaceAll(what, " ", "-"))
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		writeLog(t, sub, map[string]string{"x.log": "a 1,a 2,b 1,a 9"})
		path := filepath.Join(sub, "x.log")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, tt.change(path, b), 0o600); err != nil {
			t.Fatal(err)
		}
		var found []string
		sum, err := Verify(fsutil.OS{}, sub, func(f *Finding) { found = append(found, f.String()) })
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 || found[0] != path+": "+tt.want {
			t.Errorf("%s: found %q", what, found)
		}
		if len(sum.Missing) != 1 || sum.Missing[0].String() != "%{vhost}.log: 6 lines of stream 0 of a (epoch 7) for g are missing: 3 to 8" {
			t.Errorf("%s: missing: %v", what, sum.Missing)
		}
	}
	// The same line in two files of a log.
	writeLog(t, dir, map[string]string{"x.log": "a 1,a 2"})
	if err := os.Remove(LedgerPath(filepath.Join(dir, "%{vhost}.log"), dir)); err != nil {
		t.Fatal(err)
	}
	writeLog(t, dir, map[string]string{"y.log": "a 2"})
	var found []string
	sum, err := Verify(fsutil.OS{}, dir, func(f *Finding) { found = append(found, f.String()) })
	if err != nil || sum.Repeats != 1 || !slices.ContainsFunc(found, func(s string) bool {
		return strings.HasSuffix(s, "y.log: at byte 0: line 2 of stream 0 of a (epoch 7) is a duplicate")
	}) {
		t.Errorf("%+v, %v, found %q", sum, err, found)
	}
}

// TestCheckpoints: wherever between checkpoints, cuts and openings a process ends, the next one
// knows each line that is there, and no other.
func TestCheckpoints(t *testing.T) {
	dir := t.TempDir()
	g := openLog(t, dir)
	defer g.close()
	r := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for n := range 60 {
		name := fmt.Sprintf("x%d.log", r.IntN(3))
		g.add(name, fmt.Sprintf("a %d,b %d", n, n))
		switch r.IntN(6) {
		case 0:
			if err := g.l.Checkpoint(time.Now()); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := g.file(name).Release(); err != nil {
				t.Fatal(err)
			}
		case 2:
			if err := g.file(name).Rotate(filepath.Join(dir, fmt.Sprintf("%s.%06d", name, n))); err != nil {
				t.Fatal(err)
			}
		case 3:
			g.add(name, "-")
		}
		// What the ledger has touched are paths; the copy has its own.
		killed := state(t, dir)
		ledger := LedgerPath(filepath.Join(killed, "%{vhost}.log"), killed)
		rebase(t, ledger, dir, killed)
		next := openLog(t, killed)
		for i := range n + 1 {
			next.add("again.log", fmt.Sprintf("a %d,b %d", i, i))
		}
		next.add("again.log", fmt.Sprintf("a %d", n+1))
		next.close()
		if got := has(t, killed, "again.log"); got != fmt.Sprintf("a %d", n+1) {
			t.Fatalf("after %d lines: written again were %s", n+1, got)
		}
	}
}

// rebase has a ledger speak of another directory.
func rebase(t *testing.T, ledger, from, to string) {
	t.Helper()
	b, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	s := newScanner(bytes.NewReader(b[len(ledgerMagic):]), 0)
	out := []byte(ledgerMagic)
	for {
		payload, err := s.next()
		if err != nil {
			break
		}
		if payload[0] == kindTouched {
			f := fields.Reader{Rest: payload[1:]}
			path := strings.Replace(f.String(), from, to, 1)
			payload = append(fields.AppendString([]byte{kindTouched}, path), f.Rest...)
		}
		out = frame(out, func(b []byte) []byte { return append(b, payload...) })
	}
	if err := os.WriteFile(ledger, out, 0o600); err != nil {
		t.Fatal(err)
	}
}
