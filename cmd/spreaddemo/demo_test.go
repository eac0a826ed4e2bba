package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/testkit"
)

func TestMain(m *testing.M) {
	if os.Getenv(logsubVariable) != "" {
		os.Exit(runLogsub()) //nolint:forbidigo // It is a logsub then, not a test.
	}
	m.Run()
}

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

// TestPlain: lines that were under way to something that died may be missing.
func TestPlain(t *testing.T) { demo(t, true) }

func demo(t *testing.T, plain bool) {
	t.Helper()
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "made", "for it")
	// Files of a run before are not added to.
	old := filepath.Join(dir, "log1", weblog.Sites()[0].Group+".log")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const rounds = 2
	var log testkit.Output
	defer func() {
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	cfg := demoConfig{Out: &out, Dir: dir, Rounds: rounds, Flow: time.Second, Plain: plain, Log: slog.New(slog.NewTextHandler(&log, nil))}
	r, err := runDemo(t.Context(), cfg)
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
		if s.Took != lines || s.Sent != lines || !plain && !s.Identical || len(s.Files) != 2 {
			t.Errorf("%s: %+v, want %d lines", site.Name, s, lines)
		}
		for _, f := range s.Files {
			if !plain && f.Lines != lines || filepath.Dir(filepath.Dir(f.Path)) != dir {
				t.Errorf("%s: %+v, want %d lines", site.Name, f, lines)
			}
		}
	}
	for _, want := range []string{
		"the daemon of web3 is killed\n", "the daemon of web3 is back", "the daemon of log2 is killed\n", "the daemon of log2 is back",
		"the others go on after ", "the logsub of log1 is killed (SIGKILL)\n", "the logsub of log1 is back",
	} {
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
	lossy := Site{Name: "x", Took: 3, Sent: 3, Resent: 1, Files: []File{{Lines: 2, Missing: 2, Extra: 1}}}
	if err := (&Report{Sites: []Site{lossy}, Plain: true}).Err(); err != nil {
		t.Errorf("lines that are sent plainly may be lost: %v", err)
	}
	if err := (&Report{Sites: []Site{lossy}}).Err(); err == nil {
		t.Error("lines may be lost though they were not sent plainly")
	}
	for want, spoil := range map[string]func(*Site){
		"2 of 3 lines were not sent": func(s *Site) { s.Sent = 1 },
		"1 lines are lost":           func(s *Site) { s.Files = []File{{Missing: 1}} },
		"files differ":               func(s *Site) { s.Identical = false },
		"2 repeated":                 func(s *Site) { s.Resent, s.Files = 1, []File{{Extra: 2}} },
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
	if _, err := runDemo(t.Context(), demoConfig{Out: &out, Dir: file}); err == nil || !strings.Contains(err.Error(), "log1") {
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
	p := progress{out: &out, total: 100}
	for range 3 {
		p.show(60, []int64{50, 40})
	}
	p.end()
	if s := out.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, " 60 ") || !strings.Contains(s, " 40\n") {
		t.Errorf("%q, want one line for a moment", s)
	}
	out.Reset()
	p = progress{out: &out, terminal: true, total: 100}
	for range 3 {
		p.show(60, []int64{50, 40})
	}
	p.interrupt("an event")
	p.end()
	s := out.String()
	if strings.Count(s, "\r[#########-----          ]") != 3 || !strings.HasSuffix(s, "\ran event\n") {
		t.Errorf("on a terminal: %q", s)
	}
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
}

// TestLineCount: a file may be replaced by a longer one.
func TestLineCount(t *testing.T) {
	c := lineCount{path: filepath.Join(t.TempDir(), "file")}
	for _, step := range []struct {
		content string
		replace bool
		want    int64
	}{{"a\nb\nc", false, 2}, {"a\nb\nc\n", false, 3}, {"a\nb\nb\nc\n", true, 4}, {"a\n", true, 1}} {
		name := c.path
		if step.replace {
			name += ".new"
		}
		if err := os.WriteFile(name, []byte(step.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if step.replace {
			if err := os.Rename(name, c.path); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.count(); got != step.want {
			t.Errorf("%q: %d lines, want %d", step.content, got, step.want)
		}
	}
}
