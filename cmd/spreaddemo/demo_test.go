package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
)

func TestFlags(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../docs/flags.md", "cmd/spreaddemo")
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"-h", flags.OK, "Usage: spreaddemo", ""},
		{"-V", flags.OK, "spreaddemo ", ""},
		{"-rounds 0", flags.Misuse, "", "want a number from 1"},
		{"stray", flags.Misuse, "", "run spreaddemo -h for help"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: status %d, %q and %q", tt.args, status, &stdout, &stderr)
		}
	}
}

func TestRun(t *testing.T) { demo(t, false) }

// TestPlain: lines that the killed daemon had accepted may be missing.
func TestPlain(t *testing.T) { demo(t, true) }

func demo(t *testing.T, plain bool) {
	t.Helper()
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "made", "for it")
	// Files of a run before are not added to.
	old := filepath.Join(dir, "loghost1", weblog.Sites()[0].Group+".log")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const rounds = 2
	r, err := runDemo(t.Context(), demoConfig{Out: &out, Dir: dir, Rounds: rounds, Plain: plain})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if err := r.Err(); err != nil {
		t.Errorf("report: %v", err)
	}
	if len(r.Sites) != 3 {
		t.Fatalf("%d sites, want 3", len(r.Sites))
	}
	for i, site := range weblog.Sites() {
		lines := int64(rounds * bytes.Count(site.Log(), []byte("\n")))
		s := r.Sites[i]
		if s.Took != lines || s.Sent != lines || !s.Identical || len(s.Files) != 2 || s.Killed != (i == 2) {
			t.Errorf("%s: %+v, want %d lines", site.Name, s, lines)
		}
		for _, f := range s.Files {
			if !(plain && s.Killed) && f.Lines != lines || filepath.Dir(filepath.Dir(f.Path)) != dir {
				t.Errorf("%s: %+v, want %d lines", site.Name, f, lines)
			}
		}
	}
	for _, want := range []string{"d3 is killed", "ring of d1 d2\n", "d3 is started again", "ring of d1 d2 d3\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, &out)
		}
	}
	r.Kept = true
	out.Reset()
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{weblog.Sites()[0].Name, "lines/s", "files are in " + dir} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
	if clean := strings.Contains(out.String(), ": 0 lost, 0 repeated\n"); !clean && !plain {
		t.Errorf("the report:\n%s", &out)
	}
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, dir) && len(line) > 81 {
			t.Errorf("the report has a line of %d columns: %s", len(line)-1, line)
		}
	}
}

// TestReportSees: each kind of fault is found in the files.
func TestReportSees(t *testing.T) {
	site := weblog.Sites()[0]
	lines := slices.Collect(site.Lines())
	twice := slices.Concat(slices.Concat(lines...), slices.Concat(lines...))
	n := int64(2 * len(lines))
	swapped := slices.Concat(twice[len(twice)/2:], twice[:len(twice)/2])
	torn := slices.Clone(twice)
	torn[3] ^= 1
	for _, tt := range []struct {
		name    string
		content []byte
		want    File
	}{
		{"as sent", twice, File{Lines: n}},
		{"another order", swapped, File{Lines: n}},
		{"one missing", twice[len(lines[0]):], File{Lines: n - 1, Missing: 1}},
		{"one twice", slices.Concat(twice, lines[0]), File{Lines: n + 1, Extra: 1}},
		{"one changed", torn, File{Lines: n, Missing: 1, Extra: 1}},
		{"nothing", nil, File{Missing: n}},
	} {
		if got := compare(site, 2, tt.content); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	good := Site{Name: "x", Took: 3, Sent: 3, Identical: true, Files: []File{{Lines: 3}}}
	if err := (&Report{Sites: []Site{good}}).Err(); err != nil {
		t.Errorf("a good report: %v", err)
	}
	killed := Site{Name: "x", Took: 3, Sent: 3, Resent: 1, Killed: true, Identical: true, Files: []File{{Lines: 2, Missing: 2, Extra: 1}}}
	if err := (&Report{Sites: []Site{killed}, Plain: true}).Err(); err != nil {
		t.Errorf("what a killed daemon had taken may be lost: %v", err)
	}
	if err := (&Report{Sites: []Site{killed}}).Err(); err == nil {
		t.Error("lines may be lost though they were not sent plainly")
	}
	for want, spoil := range map[string]func(*Site){
		"2 of 3 lines were not sent": func(s *Site) { s.Sent = 1 },
		"1 lines are lost":           func(s *Site) { s.Files = []File{{Missing: 1}} },
		"files differ":               func(s *Site) { s.Identical = false },
		"2 repeated":                 func(s *Site) { s.Killed, s.Resent, s.Files = true, 1, []File{{Extra: 2}} },
	} {
		bad := good
		spoil(&bad)
		r := Report{Sites: []Site{bad}, Took: time.Second}
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Err says %v, want %q", err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := runDemo(t.Context(), demoConfig{Out: &out, Dir: file}); err == nil || !strings.Contains(err.Error(), "log host 1") {
		t.Errorf("a file where the directory should be: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runDemo(ctx, demoConfig{Out: &out, Dir: t.TempDir()}); err == nil {
		t.Error("a cancelled run says nothing")
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := progress{out: &out}
	for range 3 {
		p.show(1, 2)
	}
	p.end()
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines within a moment, want 1", n)
	}
	out.Reset()
	p = progress{out: &out, terminal: true}
	for range 3 {
		p.show(1, 2)
	}
	p.end()
	if s := out.String(); strings.Count(s, "\r") != 3 || strings.Count(s, "\n") != 1 {
		t.Errorf("on a terminal: %q", s)
	}
}
