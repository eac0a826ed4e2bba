package lineindex

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
)

// key is that of a stream of tests.
func key(publisher string) string {
	return (&envelope.Origin{Publisher: publisher, Epoch: 7}).Key()
}

// testLine is a line, such as "web 12" for the one with the number 12 of web; "-" is one without a
// name.
func testLine(text string) (publisher string, seq uint64) {
	if _, err := fmt.Sscanf(text, "%s %d", &publisher, &seq); err != nil {
		return "", 0
	}
	return publisher, seq
}

// testLog writes lines to files of a log as logsub does.
type testLog struct {
	*testing.T
	l     *Ledger
	files map[string]*logfile.File
	dir   string
}

// openLog opens one whose files are below a directory.
func openLog(t *testing.T, dir string) *testLog {
	t.Helper()
	l, err := OpenLedger(fsutil.OS{}, filepath.Join(dir, "%{vhost}.log"), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{t, l, make(map[string]*logfile.File), dir}
}

func (g *testLog) file(name string) *logfile.File {
	f := g.files[name]
	if f == nil {
		f = logfile.New(filepath.Join(g.dir, name), logfile.Options{Journal: g.l.Writer()})
		g.files[name] = f
	}
	return f
}

// add appends lines, separated by commas, unless they have come before.
func (g *testLog) add(name, lines string) {
	g.Helper()
	g.write(name, lines)
	g.flush(name)
}

// write is add without flush.
func (g *testLog) write(name, lines string) {
	g.Helper()
	for text := range strings.SplitSeq(lines, ",") {
		publisher, seq := testLine(text)
		var tag logfile.Tag
		if publisher != "" {
			s := g.l.Stream(Name{"g", key(publisher)}, time.Now())
			if !s.Have.Add(seq) {
				continue
			}
			tag = logfile.Tag{Source: s.Source, Number: seq}
		}
		g.file(name).AppendTagged([]byte(text+"\n"), tag)
	}
}

func (g *testLog) flush(name string) {
	g.Helper()
	if err := g.file(name).Flush(); err != nil {
		g.Fatal(err)
	}
}

func (g *testLog) close() {
	g.Helper()
	for _, f := range g.files {
		if err := f.Close(); err != nil {
			g.Error(err)
		}
	}
	if err := g.l.Close(true, time.Now()); err != nil {
		g.Error(err)
	}
}

// writeLog writes files with lines.
func writeLog(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	g := openLog(t, dir)
	defer g.close()
	for name, lines := range files {
		g.add(name, lines)
	}
}

// has is the content of a file, as add takes it.
func has(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Error(err)
		return ""
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(b), "\n"), "\n", ",")
}

// clean verifies a directory, in which nothing is to be wrong.
func clean(t *testing.T, dir string) Summary {
	t.Helper()
	sum, err := Verify(fsutil.OS{}, dir, func(f *Finding) { t.Errorf("wrong: %v", f) })
	if err != nil {
		t.Error(err)
	}
	return sum
}

// compressFile compresses a file as package archive does.
func compressFile(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	w, err := archive.ContentWriter(path+".gz", f)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(b)
	if err := errors.Join(err, w.Close(), f.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
}

func unpackFile(t *testing.T, path string) string {
	t.Helper()
	r, err := openContent(fsutil.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Error(err)
	}
	return string(b)
}
